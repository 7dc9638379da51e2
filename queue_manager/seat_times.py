"""How the seats of a tenant spend their time, per quarter of an hour.

A seat's time is counted when its state changes, and a share of all seats at each call of `accrue`,
so that what isn't stored yet is never more than a minute of anybody's time. What a dead engine
hadn't stored is counted by the next one: with a seat's time is stored up to which moment it is
counted, and what the seat did since is known from the live state. A seat that is offline costs
nothing. Pure: times come in as arguments.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from queue_manager.counts import QUARTER_S, SeatCounts
from queue_manager.model import MissReason, SeatState

LONGEST_SPAN_S = 3600.0
"""A longer span was not lived through (the machine slept, its clock was set): it isn't counted."""
LONGEST_GAP_S = 300.0
"""How long nobody may have counted a seat's time between two engines, to be made up for."""
SHARES = 12
SeatKey = tuple[int, str]


@dataclass(slots=True)
class _Clock:
    """A seat signed on: what it does, and until when that is counted (epoch seconds)."""

    state: SeatState
    reason: str
    until_s: float


class SeatTimes:
    """Counters per seat and quarter; `changed` are those not yet stored. `oldest` is the first
    quarter that anything is counted in: what is stored of earlier ones isn't known here."""

    def __init__(self, oldest: int) -> None:
        self._oldest = oldest
        self.counts: dict[SeatKey, SeatCounts] = {}
        self.changed: set[SeatKey] = set()
        self._clocks: OrderedDict[str, _Clock] = OrderedDict()
        self._before: dict[str, _Clock] = {}
        self._gaps: list[tuple[str, _Clock, float]] = []
        self._stored_until: Mapping[str, float] | None = None

    def restore(
        self, stored: Mapping[SeatKey, SeatCounts], until: Mapping[str, float] | None = None
    ) -> None:
        """Begin with what this engine stored before it was started anew; `until` tells up to when
        (epoch seconds) each seat's time is stored, by any engine."""
        for key, counts in stored.items():
            self._of(key).add(counts)
        self._stored_until = until or {}
        gaps, self._gaps = self._gaps, []
        for seat_id, clock, end_s in gaps:
            self._fill(seat_id, clock, end_s)

    def knew(self, seat_id: str, state: SeatState, reason: str, since: datetime) -> None:
        """What the engine before us knew last of a seat: that is what it did until it is seen."""
        if state is not SeatState.OFFLINE:
            self._before[seat_id] = _Clock(state, reason, since.timestamp())

    def until_s(self, seat_id: str) -> float | None:
        """Up to when a seat's time is counted (epoch seconds); None while it is offline."""
        clock = self._clocks.get(seat_id)
        return None if clock is None else clock.until_s

    def moved(self, seat_id: str, state: SeatState, reason: str, at: datetime) -> None:
        """The seat does something else from now on."""
        now_s = at.timestamp()
        clock = self._clocks.get(seat_id)
        if clock is not None:
            self._count(seat_id, clock, now_s)
            clock.state, clock.reason = state, reason
            if state is SeatState.OFFLINE:
                del self._clocks[seat_id]
        elif state is not SeatState.OFFLINE:
            self._clocks[seat_id] = _Clock(state, reason, now_s)
            before = self._before.pop(seat_id, None)
            if before is not None and self._stored_until is None:
                self._gaps.append((seat_id, before, now_s))
            elif before is not None:
                self._fill(seat_id, before, now_s)

    def answered(self, seat_id: str, at: datetime) -> None:
        """The seat took a call."""
        self._now(seat_id, at).answered += 1

    def missed(self, seat_id: str, reason: MissReason, at: datetime) -> str:
        """The seat didn't take a call; what the queue itself took back is nobody's miss. What was
        counted, as a line of a tail tells it ("": nothing)."""
        if reason is MissReason.RESCINDED:
            return ""
        counts = self._now(seat_id, at)
        counts.missed += 1
        counts.missed_busy += reason is MissReason.BUSY
        counts.missed_unreachable += reason is MissReason.UNREACHABLE
        why = {MissReason.BUSY: ",missed_busy=1", MissReason.UNREACHABLE: ",missed_unreachable=1"}
        return f"missed=1{why.get(reason, '')}"

    def accrue(self, at: datetime, share: int = SHARES) -> None:
        """Count the time of one seat in `share` up to now, those next whose turn is longest ago."""
        now_s = at.timestamp()
        for _ in range(-(-len(self._clocks) // share)):
            seat_id, clock = next(iter(self._clocks.items()))
            self._count(seat_id, clock, now_s)
            self._clocks.move_to_end(seat_id)

    def forget(self, before: int) -> None:
        """Drop what is stored of quarters before this one; nothing is counted in them any more."""
        self._oldest = max(self._oldest, before)
        for key in [k for k in self.counts if k[0] < before and k not in self.changed]:
            del self.counts[key]

    def drop_oldest(self, most: int) -> int:
        """Keep at most this many counters unstored, the newest; how many were given up."""
        late = sorted(self.changed)[: max(0, len(self.changed) - most)]
        for key in late:
            self.changed.discard(key)
            self.counts.pop(key, None)
        return len(late)

    def _fill(self, seat_id: str, before: _Clock, end_s: float) -> None:
        """The time between two engines, from where the first one's is stored."""
        until_s = (self._stored_until or {}).get(seat_id)
        if until_s is not None:
            before.until_s = max(before.until_s, until_s)
            if 0 < end_s - before.until_s <= LONGEST_GAP_S:
                self._count(seat_id, before, end_s)

    def _now(self, seat_id: str, at: datetime) -> SeatCounts:
        return self._touched((int(at.timestamp() // QUARTER_S), seat_id))

    def _of(self, key: SeatKey) -> SeatCounts:
        found = self.counts.get(key)
        if found is None:
            found = self.counts[key] = SeatCounts()
        return found

    def _touched(self, key: SeatKey) -> SeatCounts:
        if key[0] < self._oldest and key not in self.counts:
            return SeatCounts()  # it would take the place of what is stored
        self.changed.add(key)
        return self._of(key)

    def _count(self, seat_id: str, clock: _Clock, now_s: float) -> None:
        """From where it was counted to now, quarter by quarter. After a clock was set back a little
        nothing is counted until it has caught up."""
        since_s = clock.until_s
        if abs(now_s - since_s) > LONGEST_SPAN_S:
            clock.until_s = now_s
            return
        while since_s < now_s:
            quarter = int(since_s // QUARTER_S)
            end_s = (quarter + 1.0) * QUARTER_S
            if end_s > now_s:
                end_s = now_s
            # Of rounded times, so that the parts of a span add up to its whole.
            ms = round(end_s * 1000) - round(since_s * 1000)
            _credit(self._touched((quarter, seat_id)), clock, ms)
            clock.until_s = since_s = end_s


def _credit(counts: SeatCounts, clock: _Clock, ms: int) -> None:
    """What it did so long. A chain of comparisons: four of them a call, names would cost twice."""
    match clock.state:
        case SeatState.TALKING:
            counts.talk_ms += ms
        case SeatState.READY:
            counts.idle_ms += ms
        case SeatState.RESERVED:
            counts.ring_ms += ms
        case SeatState.WRAP_UP:
            counts.wrap_up_ms += ms
        case SeatState.COOL_DOWN:
            counts.cool_down_ms += ms
        case SeatState.PAUSED:
            counts.pause(clock.reason, ms)
