"""What desks ask of tickets and are told: lists, notices, histories, clocks with their reasons."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tickets.content import Content
from tickets.dispatch import Suggestion
from tickets.duplicates import LikelySame
from tickets.life import Life, Told
from tickets.model import Ticket, TicketState
from tickets.rights import Sight


class Card(StrEnum):
    """What tickets are looked for by: 黄牌, 红牌, 通报; the names of the events that give them."""

    YELLOW = "yellow_card"
    RED = "red_card"
    CIRCULAR = "circulated"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list shows; all that is given must be so. `keys` are of `storage.ticket_keys`, `unit`
    leads it, `card` is a `Card` it was given ("": any or none). With `due_before` the most pressing
    come first (with `words` too: the newest), without those that rest; else the newest. `after`
    is the cursor of the page before."""

    words: str = ""
    state: TicketState | None = None
    unit: str = ""
    keys: tuple[str, ...] = ()
    card: str = ""
    due_before: datetime | None = None
    limit: int = 50
    after: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A ticket in a list. `life` is None for one that has had nothing but facts of its call;
    `resting`: its finish clock stands still, so `due` will be later."""

    ticket: Ticket
    lead: str
    title: str
    due: datetime | None
    life: Life | None
    resting: bool = False


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page and where the next one goes on ("": this is the last)."""

    tickets: Sequence[Listed]
    next_after: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A word to a unit about a ticket's event `seq`; `seen_at` None: not acknowledged yet."""

    id: int
    unit: str
    number: str
    seq: int
    message: str
    at: datetime
    seen_at: datetime | None
    seen_by: str


@dataclass(frozen=True, slots=True)
class Past:
    """An event that happened: `state` is where it led, `hash` its link in the chain."""

    seq: int
    told: Told
    state: TicketState
    key: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class ClockTold:
    """A clock for people. `provisional`: its due date lies in a year whose holidays aren't decreed.
    `reasons` and `days` tell how the due date came about, `…_zh` the same in Chinese. `rests`: from
    when until when it didn't count (None: it rests now); `marks`: its cards, reminders and
    circulars (names of `tickets.policy.MarkName`) and when each is or was due."""

    clock: str
    unit: str
    round: int
    state: str
    began: datetime
    due: datetime
    provisional: bool
    paused: bool
    ended: datetime | None
    in_time: bool | None
    total_s: int
    elapsed_s: int
    remaining_s: int
    reasons: tuple[str, ...]
    days: tuple[str, ...]
    rests: tuple[tuple[datetime, datetime | None], ...] = ()
    marks: tuple[tuple[str, datetime], ...] = ()
    reasons_zh: tuple[str, ...] = ()
    days_zh: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Whole:
    """A ticket with all that somebody with this sight may be told of it. `parts` are tickets that
    its units handed down, `linked` those merged into it."""

    ticket: Ticket
    life: Life
    owner: str
    content: Content
    clocks: Sequence[ClockTold]
    sight: Sight
    parts: Sequence[str]
    linked: Sequence[str]


@dataclass(frozen=True, slots=True)
class Likely:
    """A ticket that is likely the same matter, with how often it was repeated so far."""

    same: LikelySame
    title: str
    state: TicketState
    lead: str
    repeats: int


@dataclass(frozen=True, slots=True)
class Chain:
    """A ticket's events with what is wrong with their chain (`findings`, none when it is whole)."""

    events: Sequence[Past]
    findings: Sequence[tuple[int, str]]
    sight: Sight


@dataclass(frozen=True, slots=True)
class Suggested:
    """Who should get a ticket, of what was asked."""

    class_code: str
    place_code: str
    suggestion: Suggestion
