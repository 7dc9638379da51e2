"""What the console needs from the others. The wiring gives it the real ones.

Reads are synchronous and answer from the engine's memory: a page never makes a call wait.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from queue_manager.counts import Figure
from queue_manager.duty import Attendance, Counts, Duty, TeamDuty
from queue_manager.model import Alert, CallerView, Forced, SeatState, SeatView
from queue_manager.opening import HoursMode
from tickets.model import Origin, Ticket

ALL_TENANTS = "*"
QUARTERS_A_DAY = 96


class Role(StrEnum):
    """Who holds a token: 座席 审核员 督办员 承办单位 领导 审计员 管理员 大屏; `OPEN311`: an app
    that posts citizens' requests, and does nothing else."""

    ADMIN = "administrator"
    SUPERVISOR = "supervisor"
    SEAT = "seat"
    WALLBOARD = "wallboard"
    REVIEWER = "reviewer"
    DEPARTMENT = "department"
    LEADER = "leader"
    AUDITOR = "auditor"
    OPEN311 = "open311"

    @classmethod
    def _missing_(cls, value: object) -> "Role | None":
        """Tokens of earlier versions call the administrator `admin`."""
        return cls.ADMIN if value == "admin" else None


OF_UNITS = frozenset({Role.DEPARTMENT, Role.LEADER, Role.SUPERVISOR, Role.REVIEWER})
"""Roles whose holder may belong to a unit that handles tickets; a department must."""


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token as stored: `sha256` (hex) of its secret, never the secret itself.

    `tenant` is one tenant's id or `*`; a token of role seat may change only `seat_id`. `unit` is
    the unit its holder belongs to, `person` the same for all tokens of one person ("": the token
    itself is the person).
    """

    token_id: str
    sha256: str
    role: Role
    tenant: str
    seat_id: str = ""
    label: str = ""
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    unit: str = ""
    person: str = ""


class Tokens(Protocol):
    """Where tokens are kept. Raises `tickets.errors.StoreAway` when it doesn't answer."""

    async def find(self, token_id: str) -> TokenRecord | None:
        """The token of this id, revoked and expired ones too; None when there is none."""
        ...


@dataclass(frozen=True, slots=True)
class TenantFacts:
    """A tenant as pages show it."""

    id: str
    name: str
    time_zone: str = "Asia/Shanghai"
    service_level_s: int = 15
    pause_reasons: tuple[str, ...] = ()


class Seats(Protocol):
    """The queue manager's seats. All raise `queue_manager.errors.UnknownSeat`."""

    def views(self, tenant: str) -> Sequence[SeatView]:
        """Every seat with its state; an unchanged seat may be the same object as before."""
        ...

    def view(self, tenant: str, seat_id: str) -> SeatView:
        """One seat."""
        ...

    def ready(self, tenant: str, seat_id: str) -> None:
        """The seat takes calls (again): ends pause and wrap-up."""
        ...

    def pause(self, tenant: str, seat_id: str, reason: str) -> None:
        """No calls for this seat, a busy one after its talk; `UnknownReason` when not in the
        tenant's list."""
        ...

    def end_wrap_up(self, tenant: str, seat_id: str) -> None:
        """The seat has finished its after-call work; a pause asked for meanwhile begins."""
        ...

    def extend_wrap_up(self, tenant: str, seat_id: str, extra_s: float) -> datetime:
        """More time for after-call work, up to its limit; when it ends now. Raises
        `NotWrappingUp`."""
        ...

    def heartbeat(self, tenant: str, seat_id: str) -> None:
        """The seat's desktop lives; once it has said so it must go on saying so."""
        ...

    def force(
        self, tenant: str, seat_id: str, state: Forced, *, by: str, why: str, reason: str = ""
    ) -> None:
        """A supervisor's word: at once, or after a talk; `reason` is the pause's."""
        ...


@dataclass(frozen=True, slots=True)
class WaitingSummary:
    """Who waits now: how many (of them `callbacks` who have hung up and will be called), since
    when the longest, how many per line id."""

    count: int = 0
    oldest: datetime | None = None
    by_line: Mapping[str, int] = field(default_factory=dict)
    callbacks: int = 0


class Waiting(Protocol):
    """The queue, seen from a board."""

    def waiting(self, tenant: str) -> WaitingSummary:
        """Callers waiting right now."""
        ...

    def callers(self, tenant: str) -> Sequence[CallerView]:
        """Each of them, the one queued first foremost."""
        ...

    def move_first(self, tenant: str, call_id: str, *, by: str, why: str) -> None:
        """This caller is the next to be served; raises `UnknownCaller`."""
        ...

    def alerts(self, tenant: str) -> Sequence[Alert]:
        """What supervisors have to know of, the oldest first."""
        ...

    def acknowledge(self, tenant: str, alert_id: int, *, by: str) -> None:
        """Somebody has seen it; raises `UnknownAlert`."""
        ...


@dataclass(frozen=True, slots=True)
class Quarter:
    """Calls that entered the queue in one quarter of an hour, by how they ended so far."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0


@dataclass(frozen=True, slots=True)
class DayFigures:
    """Counts since the tenant's midnight.

    `offered` entered the human queue; `answered_in_time` were answered within the tenant's
    service level; `abandoned` contains `abandoned_short` (< 5 s); `wait_total_s` is summed over
    the `waits` answered calls whose wait is known. `recent_`: of callers of this quarter of an
    hour and the last. `quarters` has 96 entries from 00:00 in the tenant's time zone, or none. Of
    today's tickets `direct` were answered on the call, of those `accepted` (直接答复率,
    docs/kpi.md).
    """

    day: date
    offered: int = 0
    answered: int = 0
    answered_in_time: int = 0
    abandoned: int = 0
    abandoned_short: int = 0
    voice_requests: int = 0
    transferred: int = 0
    callbacks: int = 0
    recent_answered: int = 0
    recent_in_time: int = 0
    wait_total_s: float = 0.0
    tickets: Mapping[Origin, int] = field(default_factory=dict)
    quarters: Sequence[Quarter] = ()
    self_service: int = 0
    waits: int = 0
    direct: int = 0
    accepted: int = 0


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """A queue, or the callers who need a skill: who waits, how it goes today and (`recent_`) in
    this quarter of an hour and the last, and the seats that can serve them, by what they do.
    An answer within `within_s` seconds is in time."""

    key: str
    name: str
    name_en: str = ""
    within_s: float = 15.0
    waiting: int = 0
    callbacks: int = 0
    oldest: datetime | None = None
    offered: int = 0
    answered: int = 0
    answered_in_time: int = 0
    abandoned: int = 0
    recent_answered: int = 0
    recent_in_time: int = 0
    seats: Mapping[SeatState, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Groups:
    """How many seats do what; every queue, in the order of the rules; and the skills that anybody
    needed today, or that a seat has."""

    states: Mapping[SeatState, int] = field(default_factory=dict)
    queues: Sequence[GroupFigures] = ()
    skills: Sequence[GroupFigures] = ()


class Figures(Protocol):
    """The day's statistics, kept in memory."""

    def today(self, tenant: str) -> DayFigures:
        """Figures of the tenant's current day."""
        ...

    def groups(self, tenant: str) -> Groups:
        """Seats by what they do, queues, and skills."""
        ...


class Reports(Protocol):
    """Stored figures, per quarter of an hour."""

    def names(self, tenant: str, by: str) -> Mapping[str, str]:
        """People's names of queues, skills, lines or seats."""
        ...

    def pages(
        self, tenant: str, by: str, begin: datetime, end: datetime
    ) -> AsyncIterator[Sequence[Figure]]:
        """Quarters that begin in [begin, end), in order of time and key; raises `StoreAway`."""
        ...


class TicketReader(Protocol):
    """Stored tickets; the reading half of `tickets.ports.TicketStore`."""

    async def get(self, tenant: str, number: str) -> Ticket:
        """One ticket; raises `UnknownTicket`, `StoreAway`."""
        ...

    async def list(
        self, tenant: str, *, limit: int = 50, before: str = "", since: datetime | None = None
    ) -> Sequence[Ticket]:
        """Newest first, keyset by number (`before` excluded); raises `StoreAway`."""
        ...


@dataclass(frozen=True, slots=True)
class HoursView:
    """Hours of one line, or of the whole tenant (`line_id` ""). `timetable` is for people."""

    line_id: str
    mode: HoursMode
    open_now: bool
    timetable: str = ""


class Hours(Protocol):
    """Opening hours and the supervisor's override."""

    def show(self, tenant: str) -> Sequence[HoursView]:
        """The tenant's own first (line_id ""), then every line with hours or mode of its own."""
        ...

    async def set(self, tenant: str, line_id: str, mode: HoursMode, *, by: str) -> None:
        """Override, durable on return; `line_id` "" means all, `by` is the token's id.

        Raises `console.errors.UnknownLine`, `tickets.errors.StoreAway`.
        """
        ...


@dataclass(frozen=True, slots=True)
class RosterView:
    """The shift roster at a moment: which teams and seats are due, and (`found`, only for now)
    what each due seat is. `mistake` tells why the roster that is set up isn't used; `at` is None
    when there is none in use."""

    at: datetime | None = None
    teams: Sequence[TeamDuty] = ()
    seats: Sequence[Duty] = ()
    found: Sequence[Attendance] = ()
    grace_s: float = 0.0
    next_change: datetime | None = None
    mistake: str = ""


class Rosters(Protocol):
    """The tenants' shift rosters."""

    def roster(self, tenant: str, at: datetime | None = None) -> RosterView | None:
        """Who is due, now or at another time; None for a tenant without a roster."""
        ...

    def counts(self, tenant: str) -> Counts | None:
        """How many seats are due, present, paused and missing now; None without a roster."""
        ...


@dataclass(frozen=True, slots=True)
class LineView:
    """A line: a former number (or 12345 itself) as it works today."""

    line_id: str
    number: str
    name: str
    unit: str
    mode: str
    name_en: str = ""


class Lines(Protocol):
    """The line table."""

    def lines(self, tenant: str) -> Sequence[LineView]:
        """All lines in the table's order."""
        ...


class Audio(Protocol):
    """Where a ticket's audio lies. None when there is none; the file may be gone all the same."""

    def recording(self, ticket: Ticket) -> Path | None:
        """The recording of the whole call."""
        ...

    def voice(self, ticket: Ticket) -> Path | None:
        """The spoken request."""
        ...

    def part(self, stored: str) -> Path | None:
        """A recording by its path relative to the home; None for a path that leads out of it."""
        ...


@dataclass(frozen=True, slots=True)
class CallbackView:
    """A callback that keeps the place: `call_id` is the call in which it was asked for, `number`
    whom to ring, `result` how the last try ended. See `queue_manager.callback`."""

    call_id: str
    number: str
    line_id: str
    queue_id: str
    state: str
    queued_at: datetime
    taken_at: datetime
    expires_at: datetime
    rings_first: str
    attempts: int = 0
    tries: int = 0
    result: str = ""
    seat_id: str = ""
    next_at: datetime | None = None
    ended_at: datetime | None = None


class Callbacks(Protocol):
    """The tenants' callbacks."""

    async def callbacks(self, tenant: str) -> Sequence[CallbackView]:
        """The last hundred taken, newest first; only the open ones while SQL is away."""
        ...

    async def call_off(self, tenant: str, call_id: str, *, by: str) -> None:
        """Call an open one off, durable on return. Raises `console.errors.UnknownCallback`,
        `CallbackTalking`."""
        ...


class Reload(Protocol):
    """Reads seats, lines and hours again."""

    async def reload(self, tenant: str) -> Mapping[str, int]:
        """How many of each there are now (`seats`, `lines`); raises `Conflict` on a mistake."""
        ...


@dataclass(frozen=True, slots=True)
class PartHealth:
    """Whether a part answers; `detail` is one sentence that anyone may read."""

    up: bool
    detail: str = ""


Probe = Callable[[], Awaitable[PartHealth]]
"""Asks one part how it is; may be slow or raise, the console bounds it."""

PARTS = ("ami", "agi", "sip", "sql", "redis", "disk")
NEEDED_PARTS = frozenset({"ami", "agi", "sip"})
"""Without these no call can be taken; without the others the caller is still served."""
