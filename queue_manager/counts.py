"""What is counted, per quarter of an hour: calls by queue, skill and line, and the time of seats.

Values only. Every counter is a whole number (times in milliseconds), so that sums over quarters
and engines are exact. Definitions (GB/T 33358 and the trade's own):

- offered: entered the human queue. Each of them ends as exactly one of answered, abandoned, voice
  request, callback, transferred or overflowed (gone on in another queue).
- answered in time: answered within the service level's seconds of queueing.
- abandoned: hung up unserved; abandoned short: those of them who waited less than 5 s.
- wait: from queueing to the answer, over the `waits` answered callers whose wait is known (a dead
  engine may have taken it with it). menu: what they spent with us before they queued.
- talk and wrap-up: over the `talks` and `wrap_ups` whose time is known.
- callbacks reached: citizens called back who got to talk with a seat; `callbacks_failed`: given up.
"""

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime

QUARTER_S = 900
SHORT_ABANDON_S = 5.0

Rates = dict[str, tuple[int, int]]


def quarter_of(when: datetime) -> int:
    """The quarter of an hour of an aware time, counted from 1970: the same in every time zone,
    since all of today's zones differ from UTC by whole quarters."""
    return int(when.timestamp() // QUARTER_S)


def quarter_start(quarter: int) -> datetime:
    """When that quarter of an hour begins (UTC)."""
    return datetime.fromtimestamp(quarter * QUARTER_S, UTC)


@dataclass(slots=True)
class CallCounts:
    """Calls queued in one quarter of an hour (or longer), by how they went on.

    `overflowed_in` are those among the offered who came from another queue: they were offered
    before. `longest_ms` is the longest wait of anybody; all else is summed.
    """

    offered: int = 0
    answered: int = 0
    answered_in_time: int = 0
    abandoned: int = 0
    abandoned_short: int = 0
    voice_requests: int = 0
    callbacks: int = 0
    transferred: int = 0
    overflowed: int = 0
    overflowed_in: int = 0
    callbacks_reached: int = 0
    callbacks_failed: int = 0
    waits: int = 0
    wait_ms: int = 0
    menu_ms: int = 0
    talks: int = 0
    talk_ms: int = 0
    wrap_ups: int = 0
    wrap_up_ms: int = 0
    longest_ms: int = 0
    self_service: int = 0

    def add(self, other: "CallCounts") -> None:
        """Sum another set of counters into this one; of the longest waits the longer stays."""
        for name in CALL_SUMS:
            if more := getattr(other, name):
                setattr(self, name, getattr(self, name) + more)
        self.longest_ms = max(self.longest_ms, other.longest_ms)

    def once(self) -> "CallCounts":
        """The same with everybody counted once, however many queues he was in: what counts for his
        line, his skills and the whole tenant. Overflowed is then who went on to another tenant."""
        moved = self.overflowed_in
        return replace(
            self,
            offered=self.offered - moved,
            overflowed=self.overflowed - moved,
            overflowed_in=0,
        )

    def rates(self) -> Rates:
        """The KPIs as numerator and denominator, never divided here."""
        return {
            "connection": (self.answered, self.offered),
            "service_level": (self.answered_in_time, self.answered),
            "service_level_of_offered": (self.answered_in_time, self.offered),
            "abandonment": (self.abandoned, self.offered),
            "abandonment_without_short": (
                self.abandoned - self.abandoned_short,
                self.offered - self.abandoned_short,
            ),
            "average_wait_ms": (self.wait_ms, self.waits),
            "average_wait_with_menu_ms": (self.wait_ms + self.menu_ms, self.waits),
            "average_talk_ms": (self.talk_ms, self.talks),
            "average_wrap_up_ms": (self.wrap_up_ms, self.wrap_ups),
            "average_handling_ms": (self.talk_ms + self.wrap_up_ms, self.talks),
        }


CALL_FIELDS = tuple(field.name for field in fields(CallCounts))
CALL_SUMS = tuple(name for name in CALL_FIELDS if name != "longest_ms")


@dataclass(slots=True)
class SeatCounts:
    """One seat's quarter of an hour (or longer): what it did, and how its time went.

    `missed` are rings nobody took (of them `missed_busy` refused, `missed_unreachable` never
    rung), `idle_ms` is the time ready without a caller, `cool_down_ms` the pause after a miss;
    `pauses` has the milliseconds per reason. The times add up to the time it was signed on.
    """

    answered: int = 0
    missed: int = 0
    missed_busy: int = 0
    missed_unreachable: int = 0
    idle_ms: int = 0
    ring_ms: int = 0
    talk_ms: int = 0
    wrap_up_ms: int = 0
    cool_down_ms: int = 0
    pauses: dict[str, int] | None = None

    @property
    def paused_ms(self) -> int:
        """Time paused, for whatever reason."""
        return sum(self.pauses.values()) if self.pauses else 0

    def pause(self, reason: str, ms: int) -> None:
        """Count time paused for a reason."""
        if self.pauses is None:
            self.pauses = {}
        self.pauses[reason] = self.pauses.get(reason, 0) + ms

    def add(self, other: "SeatCounts") -> None:
        """Sum another set of counters into this one."""
        for name in SEAT_SUMS:
            if more := getattr(other, name):
                setattr(self, name, getattr(self, name) + more)
        for reason, ms in (other.pauses or {}).items():
            self.pause(reason, ms)

    def rates(self) -> Rates:
        """The KPIs as numerator and denominator. Occupancy: of the time at work (ready or with a
        caller), the part with a caller: ringing, talking, wrapping up."""
        busy_ms = self.ring_ms + self.talk_ms + self.wrap_up_ms
        at_work_ms = busy_ms + self.idle_ms + self.cool_down_ms
        return {
            "occupancy": (busy_ms, at_work_ms),
            "pause_share": (self.paused_ms, at_work_ms + self.paused_ms),
            "average_talk_ms": (self.talk_ms, self.answered),
            "average_wrap_up_ms": (self.wrap_up_ms, self.answered),
            "average_handling_ms": (self.talk_ms + self.wrap_up_ms, self.answered),
            "miss_rate": (self.missed, self.answered + self.missed),
        }


TIME_SHARES = frozenset({"occupancy", "pause_share"})
"""Rates of times: milliseconds over milliseconds."""
SEAT_SUMS = tuple(field.name for field in fields(SeatCounts) if field.name != "pauses")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a report: `key` is the queue, line, skill or seat, `begins` when its quarter of
    an hour (or its day) begins."""

    begins: datetime
    key: str
    counts: CallCounts | SeatCounts

    def add(self, other: "Figure") -> None:
        """Sum the counters of another of the same kind into this one's."""
        match self.counts, other.counts:
            case CallCounts() as calls, CallCounts() as more_calls:
                calls.add(more_calls)
            case SeatCounts() as seat, SeatCounts() as more_time:
                seat.add(more_time)
            case _:
                raise TypeError("calls and seats can't be added")
