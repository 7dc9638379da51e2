"""What the API answers about tickets, as types; `console.spelled` fills them."""

from typing import Any

from typing_extensions import TypedDict

from console.doors import Moment
from tickets.model import TicketState
from tickets.rights import Requester


class Facts(TypedDict):
    """What is known of a ticket's call, or of how else it came."""

    number: str
    tenant: str
    created_at: Moment
    origin: str
    state: TicketState
    kind: str | None
    line_id: str
    unit: str
    called_number: str
    dialled: str
    caller: str
    caller_e164: str
    anonymous: bool
    language: str
    keys: str
    call_id: str
    started_at: Moment
    seat_id: str
    voice_s: float
    confirmed: bool
    first_callback: bool
    callback_due: bool
    recording: str
    voice: str
    version: int
    notes: list[str]


class Row(Facts):
    """A ticket in a list; `due` is when it must be finished (null: nothing is due), `resting` that
    its limit stands still just now, `owner` who has to act, `cards` the yellow and red ones it was
    given."""

    title: str
    lead: str
    due: Moment | None
    resting: bool
    urgency: str
    confidential: bool
    supervised: bool
    long_term: bool
    repeats: int
    owner: str
    cards: list[str]


class Page(TypedDict):
    """`next_before` continues a list by numbers, `next_cursor` any list; null at the end."""

    tickets: list[Row]
    next_before: str | None
    next_cursor: str | None


class LifeTold(TypedDict):
    """What its events have made of a ticket. `owner` has to act: `unit:<id>`, a role, or
    `ticket:<main>`; "" when it is closed."""

    state: TicketState
    version: int
    owner: str
    kind: str
    urgency: str
    lead: str
    co_units: list[str]
    round: int
    returns: int
    returnable: bool
    extensions: int
    unreachable: int
    main: str
    repeats: int
    parent: str
    open_children: int
    statutory: bool
    contacted: bool
    called_back: bool
    supervised: bool
    instructed: bool
    long_term: bool
    confidential: bool
    urges: int
    cards: list[str]


class ReplyTold(TypedDict):
    """A unit's reply; `public` is what anybody may read, `evidence` are files put to the ticket (or
    what else names a proof)."""

    at: Moment
    unit: str
    text: str
    public: str
    evidence: list[str]


class Added(TypedDict):
    """What the citizen said later."""

    at: Moment
    text: str


class ContentTold(TypedDict):
    """A ticket's words. The requester is shown as far as the token may know him."""

    title: str
    text: str
    class_code: str
    place: str
    place_code: str
    requester: str
    channel: str
    danger: str
    added: list[Added]
    replies: list[ReplyTold]


class Rest(TypedDict):
    """When a clock didn't count; `until` null: it rests now."""

    since: Moment
    until: Moment | None


class MarkTold(TypedDict):
    """A card, reminder or circular of a clock, given or to come."""

    mark: str
    at: Moment


class Clock(TypedDict):
    """A clock. `provisional`: the due date lies in a year whose holidays aren't decreed yet.
    `reasons` and `days` (`…_zh`: in Chinese) tell how it came about, `rests` when it rested."""

    clock: str
    unit: str
    round: int
    state: str
    began: Moment
    due: Moment
    provisional: bool
    paused: bool
    ended: Moment | None
    in_time: bool | None
    total_s: int
    elapsed_s: int
    remaining_s: int
    reasons: list[str]
    days: list[str]
    reasons_zh: list[str]
    days_zh: list[str]
    rests: list[Rest]
    marks: list[MarkTold]


class TicketTold(Facts):
    """A ticket, whole. `requester_shown` says how much of the citizen this token sees."""

    title: str
    life: LifeTold
    content: ContentTold
    clocks: list[Clock]
    parts: list[str]
    linked: list[str]
    requester_shown: Requester


class OneTicket(TypedDict):
    """The ticket as it is now."""

    ticket: TicketTold


class LikelyTold(TypedDict):
    """An open ticket that is likely the same matter; `repeat`: the same caller again, `repeats`
    how many were merged into it so far."""

    number: str
    score: float
    reasons: list[str]
    repeat: bool
    repeats: int
    title: str
    state: TicketState
    lead: str


class Duplicates(TypedDict):
    """Best first; none is merged by itself: `linked` is an event."""

    duplicates: list[LikelyTold]


class Taken(OneTicket, Duplicates):
    """A new ticket, and open ones that are likely the same matter."""


class EventTold(TypedDict):
    """An event; `data` as far as this token may know it."""

    seq: int
    at: Moment
    event: str
    by: str
    role: str
    unit: str
    state: TicketState
    data: dict[str, Any]


class History(TypedDict):
    """Oldest first."""

    number: str
    events: list[EventTold]


class Link(EventTold):
    """An event in its chain: `hash` (hex) is of it and of the hash before."""

    key: str
    hash: str


class Finding(TypedDict):
    """What isn't as it was written."""

    seq: int
    what: str


class ChainTold(TypedDict):
    """`whole`: every event is as it was written, and makes of the ticket what it is."""

    number: str
    whole: bool
    findings: list[Finding]
    events: list[Link]


class Then(TypedDict):
    """What held after an event."""

    number: str
    life: LifeTold
    content: ContentTold


class FieldTold(TypedDict):
    """A field of an event's data. `most`: signs of a text, the largest whole number."""

    name: str
    shape: str
    needed: bool
    choices: list[str]
    most: int


class PossibleTold(TypedDict):
    """An event and where it may lead. `refused`: the role may, the ticket doesn't take it now."""

    event: str
    to: list[str]
    fields: list[FieldTold]
    refused: str
    reason: str


class Allowed(TypedDict):
    """What this token may tell the ticket at this version."""

    number: str
    version: int
    events: list[PossibleTold]


class CandidateTold(TypedDict):
    """A unit and why it."""

    unit: str
    name: str
    reasons: list[str]
    score: int


class SuggestionTold(TypedDict):
    """Lead units, best first, and co-units. `route`: here, the province, or a city of ours."""

    class_code: str
    place_code: str
    route: str
    platform: str
    why: str
    leads: list[CandidateTold]
    co_units: list[CandidateTold]


class OneSuggestion(TypedDict):
    """A suggestion; the reviewer dispatches."""

    suggestion: SuggestionTold


class NoticeTold(TypedDict):
    """A word to a unit about a ticket's event; `seen_at` null: not acknowledged."""

    id: int
    ticket: str
    seq: int
    message: str
    at: Moment
    seen_at: Moment | None
    seen_by: str


class Notices(TypedDict):
    """The newest first; `next_before` continues, null at the end."""

    unit: str
    notices: list[NoticeTold]
    next_before: int | None
