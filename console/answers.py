"""What the API answers about calls and seats, as types: `console.openapi` makes schemas of them.

Tests hold real answers against these schemas. What is said of tickets is in `console.told`.
"""

from typing import Literal

from typing_extensions import TypedDict

from console.doors import Moment
from console.figures import By, Per
from console.ports import Role
from queue_manager.duty import Counts
from queue_manager.model import CallerView, SeatState
from queue_manager.opening import HoursMode
from tickets.understanding.model import Understanding


class Tile(TypedDict):
    """A seat on a board."""

    id: str
    name: str
    state: SeatState
    since: Moment
    reason: str


class Seat(Tile):
    """A seat with what it is known for."""

    team: str
    skills: dict[str, int]
    call_id: str


class Seats(TypedDict):
    """All of a tenant."""

    seats: list[Seat]


class OneSeat(TypedDict):
    """The seat as it is now."""

    seat: Seat


class Notice(TypedDict):
    """What a seat itself should know, in words for it."""

    kind: str
    since: Moment
    message_zh: str
    message: str


class SeatDesk(OneSeat):
    """The seat as it is now, and what it should know."""

    notices: list[Notice]


class WrapUpExtended(OneSeat):
    """The seat, and when its after-call work ends now."""

    ends_at: Moment


class Rate(TypedDict):
    """A ratio with both its numbers; null for 0/0."""

    numerator: int
    denominator: int
    ratio: float | None


class Mean(TypedDict):
    """What an average is made of: a sum of seconds, and over how many calls."""

    numerator: float
    denominator: int


class RateWithin(Rate):
    """Of calls answered within so many seconds; null where queues differ."""

    within_s: float | None


class Able(TypedDict):
    """How many seats that can serve it do what."""

    ready: int
    busy: int
    paused: int
    offline: int


class Group(TypedDict):
    """A queue, or the callers who need a skill."""

    id: str
    kind: Literal["queue", "skill"]
    name: str
    name_en: str
    within_s: float
    waiting: int
    callbacks: int
    since: Moment | None
    offered: int
    answered: int
    abandoned: int
    level: Rate
    level_now: Rate
    able: Able


class Alert(TypedDict):
    """What supervisors have to know of."""

    id: int
    kind: str
    seat: str
    since: Moment
    times: int
    seen: bool


class BoardLine(TypedDict):
    """A line on a board."""

    id: str
    number: str
    name: str
    name_en: str
    waiting: int


class Board(TypedDict):
    """A tenant's whole board."""

    tenant: str
    name: str
    time_zone: str
    open: bool
    at: Moment
    waiting: int
    calm_wait_s: float
    longest_wait_s: float
    longest_waiting_since: Moment | None
    callbacks_waiting: int
    seats_by_state: dict[str, int]
    seats: list[Tile]
    groups: list[Group]
    duty: Counts | None
    alerts: list[Alert]
    alerts_open: int
    day: str
    offered: int
    answered: int
    abandoned: int
    abandoned_short: int
    voice_requests: int
    self_service: int
    transferred: int
    callbacks: int
    service_level_now: Rate
    service_level: RateWithin
    service_level_of_offered: RateWithin
    connection_rate: Rate
    abandonment_rate: Rate
    average_wait_s: float | None
    average_wait: Mean
    direct_answer_rate: Rate
    tickets_today: int
    tickets_by_origin: dict[str, int]
    quarters: list[list[int]]
    lines: list[BoardLine]


class Part(TypedDict):
    """Whether a part answers."""

    up: bool
    detail: str


class Token(TypedDict):
    """The token that asked."""

    id: str
    role: Role
    tenant: str
    seat_id: str
    unit: str


class TenantNow(TypedDict):
    """A tenant in a few figures."""

    tenant: str
    name: str
    time_zone: str
    pause_reasons: list[str]
    waiting: int
    longest_wait_s: float
    seats_by_state: dict[str, int]
    offered: int
    answered: int
    abandoned: int
    tickets_today: int


class Status(TypedDict):
    """The installation."""

    version: str
    at: Moment
    uptime_s: float
    ready: bool
    parts: dict[str, Part]
    token: Token
    tenants: list[TenantNow]


class Callers(TypedDict):
    """Who waits, the one queued first foremost."""

    at: Moment
    waiting: int
    callers: list[CallerView]


class Moved(TypedDict):
    """Who is the next to be served."""

    moved: str


class Alerts(TypedDict):
    """The open ones."""

    alerts: list[Alert]


class Acknowledged(TypedDict):
    """What was seen."""

    acknowledged: int


class Callback(TypedDict):
    """Somebody who wants to be called back."""

    call_id: str
    number: str
    line: str
    queue: str
    state: str
    queued_at: Moment
    taken_at: Moment
    expires_at: Moment
    next_at: Moment | None
    ended_at: Moment | None
    attempts: int
    tries: int
    result: str
    seat_id: str
    rings_first: str


class Callbacks(TypedDict):
    """The last hundred."""

    callbacks: list[Callback]


class CalledOff(TypedDict):
    """A callback that won't be."""

    call_id: str
    state: Literal["cancelled"]


class Line(TypedDict):
    """A line: a number and how it works today."""

    line_id: str
    number: str
    name: str
    unit: str
    mode: str
    name_en: str


class Lines(TypedDict):
    """In the table's order."""

    lines: list[Line]


class Hours(TypedDict):
    """Of one line, or (line "") of the whole tenant."""

    line: str
    mode: HoursMode
    open_now: bool
    timetable: str


class AllHours(TypedDict):
    """The tenant's own first."""

    hours: list[Hours]


class Turn(TypedDict):
    """A shift and when it is."""

    shift: str
    shift_name: str
    shift_name_en: str
    begins: Moment
    ends: Moment


class TeamTurn(Turn):
    """A team that is due."""

    team: str


class SeatTurn(TeamTurn):
    """A seat that is due, and what it is (null: asked for another time)."""

    seat: str
    presence: str | None
    since: Moment | None
    overdue: bool


class Roster(TypedDict):
    """Who is due at a moment."""

    at: Moment
    next_change: Moment | None
    grace_s: float
    mistake: str
    counts: Counts | None
    teams: list[TeamTurn]
    seats: list[SeatTurn]


class RosterMistake(TypedDict):
    """Why there is none in use."""

    mistake: str


class Rosters(TypedDict):
    """null: the tenant has none."""

    roster: Roster | RosterMistake | None


Figures = TypedDict(
    "Figures",
    {"by": By, "per": Per, "from": Moment, "to": Moment, "figures": list[dict[str, object]]},
)


class Reloaded(TypedDict):
    """How many of each there are now."""

    reloaded: dict[str, int]


class Party(TypedDict):
    """Who takes part besides the citizen."""

    role: str
    seat: str
    number: str


class Talk(TypedDict):
    """A talk that goes on."""

    call_id: str
    line: str
    seat: str
    state: str
    since: Moment
    parties: list[Party]
    failed: str


class Talks(TypedDict):
    """All that go on, or those of the token's seat."""

    talks: list[Talk]


class OneTalk(TypedDict):
    """The talk as it is now."""

    talk: Talk


class Correction(TypedDict):
    """What a person who listened has said it is."""

    kind: str | None
    place: str
    place_code: str
    topic: str
    text: str
    callback: str


class Answer(TypedDict):
    """A question's answer; `words` are [text, begin_s, end_s, confidence]."""

    question: str
    value: str
    label: str
    score: float
    because: list[str]
    keys: str
    text: str
    part: int | None
    begin_s: float
    end_s: float
    words: list[tuple[str, float, float, float]]


class SpokenRow(TypedDict):
    """A spoken request in the morning list."""

    number: str
    made_at: Moment
    language: str
    kind: str | None
    place: str
    text: str
    danger: str
    confirmed: bool
    review: list[str]
    version: int


class Spoken(SpokenRow):
    """A spoken request with every question, answer and word."""

    place_code: str
    topic: str
    topic_score: float
    callback: str
    open: bool
    audio: list[str]
    answers: list[Answer]
    reviewed_at: Moment | None
    corrected: Correction | None


class SpokenRows(TypedDict):
    """The oldest first; `next_after` continues."""

    requests: list[SpokenRow]
    next_after: str | None


class OneSpoken(TypedDict):
    """The request as it is now."""

    request: Spoken


class Understood(TypedDict):
    """The best guesses first."""

    understanding: Understanding
