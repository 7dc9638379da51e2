"""The one statement that counts a range of tickets, for SQLite and PostgreSQL alike.

Every table is read once over its primary key and added up per ticket; nothing is joined, so there
is no plan a planner could choose badly. What is grouped by unit goes by the unit of each clock
and event, all else by the ticket.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Integer,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
)

from storage.clock_tables import ticket_clocks
from storage.life_tables import ticket_states
from storage.spoken import spoken_requests
from storage.tables import ticket_events, tickets
from tickets.model import Origin, TicketState

OF_TICKETS = (
    "received", "draft", "not_accepted", "transferred", "void", "accepted", "withdrawn",
    "to_close", "closed", "direct", "to_call", "called", "reached", "unrated", "handled",
    "second_round", "yellow_carded", "red_carded",
)  # fmt: skip
OF_CLOCKS = (
    "sign_due", "sign_in_time", "contact_due", "contact_in_time", "finish_due", "finish_in_time",
)  # fmt: skip
OF_EVENTS = (
    "dispatches", "returns", "dispatched_right", "rated", "satisfied", "solved_known", "solved",
)  # fmt: skip
COUNTS = (*OF_TICKETS, *OF_CLOCKS, *OF_EVENTS)
"""The statement's columns after the grouping and its key."""

GIVEN = ("dispatched", "reassigned", "ruled", "part_made")
ASKED = ("satisfied", "unsatisfied", "mixed")
"""Callbacks in which the citizen answered."""
AGAIN = ("unsatisfied", "appealed")
S = TicketState

Number = ColumnElement[int]
Word = ColumnElement[str]
_ZERO: Number = literal_column("0", Integer)
_ONE: Number = literal_column("1", Integer)
_NOTHING: Word = literal_column("CAST(NULL AS TEXT)", Text)


def _json(data: ColumnElement[Any], name: str) -> Word:
    """What a key of a JSON object holds, as JSON: `true`, `"true"`, …; NULL without it."""
    return cast(data.op("->", return_type=Text)(literal_column(f"'{name}'")), Text)


def _one_if(condition: ColumnElement[bool]) -> Number:
    return case((condition, _ONE), else_=_ZERO)


def _count(condition: ColumnElement[bool]) -> Number:
    return func.sum(_one_if(condition))


def _in_range(table: Table) -> ColumnElement[bool]:
    return and_(
        table.c.tenant == bindparam("of_tenant"),
        table.c.number >= bindparam("begin_number"),
        table.c.number < bindparam("end_number"),
    )


def _kept(query: Select[Any], name: str) -> CTE:
    """Worked out once, however often it is read."""
    return query.cte(name).prefix_with("MATERIALIZED")


def _happened() -> Select[Any]:
    """What the events of each ticket add up to."""
    event = ticket_events.c
    told = event.data["place_code"].as_string()
    facts = event.event.in_(("created", "merged"))  # large, and they say no place
    place = case((~facts, cast(event.seq + 1_000_000, Text) + told))
    return (
        select(
            event.number,
            func.max(place).label("place"),
            _count(and_(event.event == "answered", event.role == "seat")).label("on_call"),
            _count(event.event.in_(("dispatched", "part_made"))).label("given"),
            _count(event.event.in_((*ASKED, "unreachable"))).label("calls"),
            _count(event.event.in_(ASKED)).label("answers"),
            _count(event.event.in_(AGAIN)).label("again"),
            _count(event.event == "yellow_card").label("yellow"),
            _count(event.event == "red_card").label("red"),
        )
        .where(_in_range(ticket_events))
        .group_by(event.number)
    )


def _moments() -> Select[Any]:
    """Dispatches, returns and citizens' words, each with the unit it was about."""
    event, earlier = ticket_events.c, ticket_events.alias("earlier")
    lead = (
        select(_lead(earlier))
        .where(
            earlier.c.tenant == event.tenant, earlier.c.number == event.number,
            earlier.c.seq < event.seq, earlier.c.event.in_(GIVEN),
        )
        .order_by(earlier.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )  # fmt: skip
    given, upheld = event.event.in_(GIVEN), event.event == "return_granted"
    satisfied, known = _word("satisfied", ("satisfied",)), _said("satisfied", AGAIN[:1])
    solved, solved_known = _word("solved", ("satisfied",)), _said("solved", ())
    return select(
        event.number,
        func.coalesce(case((given, _lead(ticket_events)), else_=lead), "").label("unit"),
        _one_if(given).label("dispatches"),
        _one_if(event.event == "return_asked").label("returns"),
        (_one_if(given) - _one_if(upheld)).label("dispatched_right"),
        known.label("rated"), satisfied.label("satisfied"),
        solved_known.label("solved_known"), solved.label("solved"),
    ).where(
        _in_range(ticket_events),
        event.event.in_((*GIVEN, *ASKED, "return_asked", "return_granted")),
    )  # fmt: skip


def _lead(events: FromClause) -> Word:
    """The unit a ticket was given to."""
    data = events.c.data
    return func.coalesce(data["lead"].as_string(), data["unit"].as_string())


def _word(name: str, sure: Sequence[str]) -> Number:
    """1 where the citizen said yes; `sure` events mean yes when the data says nothing."""
    event = ticket_events.c
    kind = _json(event.data, name)
    return _one_if(
        and_(event.event.in_(ASKED),
             or_(kind == "true", and_(kind.is_(None), event.event.in_(sure))))
    )  # fmt: skip


def _said(name: str, also: Sequence[str]) -> Number:
    """1 where the citizen said yes or no; `satisfied` and the events of `also` say it by
    themselves. "Not heard" is in no figure."""
    event = ticket_events.c
    kind = _json(event.data, name)
    return _one_if(
        and_(event.event.in_(ASKED),
             or_(kind.in_(("true", "false")),
                 and_(kind.is_(None), event.event.in_(("satisfied", *also)))))
    )  # fmt: skip


def _clocks() -> Select[Any]:
    """The clocks of each ticket and unit, and what the matter is by the newest of them."""
    clock = ticket_clocks.c
    runs = or_(clock.spans == "", clock.spans.like("%null]]"))
    overdue = and_(clock.stopped_at == 0, clock.due < bindparam("at"), runs)
    ended = clock.stopped_at > 0
    order = case((clock.clock == "finish", "3"), (clock.clock == "contact", "2"),
                 (clock.clock == "desk", "1"), else_="0")  # fmt: skip
    newest = cast(clock.started_at + 10_000_000_000, Text) + order + clock.matter
    due = [
        _count(and_(clock.clock == name, condition)).label(f"{name}_{told}")
        for name in ("sign", "contact", "finish")
        for told, condition in (
            ("due", or_(ended, overdue)), ("in_time", and_(ended, clock.stopped_at <= clock.due)),
        )
    ]  # fmt: skip
    return (
        select(clock.number, clock.unit, func.max(newest).label("newest"), *due)
        .where(_in_range(ticket_clocks))
        .group_by(clock.number, clock.unit)
    )


_TEXTS = ("state", "unit", "line", "origin", "kind", "place", "spoken", "newest")
_SUMS = ("on_call", "given", "calls", "answers", "again", "yellow", "red", *OF_CLOCKS, *OF_EVENTS)


def _per_ticket(clocks: CTE, moments: CTE) -> Select[Any]:
    """One row a ticket: everything known of it, added up without a join."""
    happened = _happened().subquery()
    states, facts, spoken = ticket_states.c, tickets.c, spoken_requests.c
    told = func.coalesce(spoken.corrected["place_code"].as_string(), spoken.place_code)
    sources: list[tuple[FromClause, dict[str, Any], ColumnElement[bool] | None]] = [
        (ticket_states, {"state": states.state, "unit": states.unit}, _in_range(ticket_states)),
        (tickets, {"line": facts.line_id, "origin": facts.origin, "kind": facts.kind},
         _in_range(tickets)),
        (spoken_requests, {"spoken": told}, _in_range(spoken_requests)),
        (happened, {n: happened.c[n] for n in ("place", *_SUMS[:7])}, None),
        (clocks, {n: clocks.c[n] for n in ("newest", *OF_CLOCKS)}, None),
        (moments, {n: moments.c[n] for n in OF_EVENTS}, None),
    ]  # fmt: skip
    rows = []
    for source, known, which in sources:
        words = [known.get(name, _NOTHING).label(name) for name in _TEXTS]
        sums = [known.get(name, _ZERO).label(name) for name in _SUMS]
        query = select(source.c.number.label("number"), *words, *sums)
        rows.append(query if which is None else query.where(which))
    every = union_all(*rows).subquery()
    return select(
        every.c.number,
        *(func.coalesce(func.max(every.c[name]), "").label(name) for name in _TEXTS),
        *(func.sum(every.c[name]).label(name) for name in _SUMS),
    ).group_by(every.c.number)


def _flagged(ticket: CTE) -> Select[Any]:
    """Each ticket's groups, and what it counts as. A part of another ticket is no ticket of its
    own: only its clocks and events count."""
    t = ticket.c
    own, state = t.origin != Origin.PART.value, t.state
    apart = (S.DRAFT, S.NOT_ACCEPTED, S.TRANSFERRED, S.VOID)
    accepted = and_(own, state.not_in([one.value for one in apart]))
    closed = and_(own, state == S.ARCHIVED.value)
    direct = and_(closed, t.on_call > 0, t.given == 0)
    to_call = and_(closed, or_(t.on_call == 0, t.given > 0))
    handled = and_(own, t.given > 0)
    flags = {
        "received": own,
        "draft": and_(own, state == S.DRAFT.value),
        "not_accepted": and_(own, state == S.NOT_ACCEPTED.value),
        "transferred": and_(own, state == S.TRANSFERRED.value),
        "void": and_(own, state == S.VOID.value),
        "accepted": accepted,
        "withdrawn": and_(own, state == S.WITHDRAWN.value),
        "to_close": and_(accepted, state != S.WITHDRAWN.value),
        "closed": closed,
        "direct": direct,
        "to_call": to_call,
        "called": and_(to_call, t.calls > 0),
        "reached": and_(to_call, t.answers > 0),
        "unrated": and_(to_call, t.rated == 0),
        "handled": handled,
        "second_round": and_(handled, t.again > 0),
        "yellow_carded": and_(handled, t.yellow > 0),
        "red_carded": and_(handled, t.red > 0),
    }
    matter = func.substr(t.newest, 13)
    leaf = _after_last_bar(matter)
    told = func.coalesce(func.nullif(func.substr(t.place, 8), ""), t.spoken)
    area = func.substr(told, 1, 6)
    kind = func.coalesce(func.nullif(_before_first_bar(matter), ""), t.kind)
    return select(
        literal("").label("all"), t.unit.label("unit"), leaf.label("class"), area.label("area"),
        t.line.label("line"), kind.label("kind"),
        (func.substr(leaf, 1, 2) + "|" + area).label("heat"),
        *(_one_if(condition).label(name) for name, condition in flags.items()),
        *(t[name] for name in (*OF_CLOCKS, *OF_EVENTS)),
    )  # fmt: skip


def _after_last_bar(text: ColumnElement[Any]) -> ColumnElement[Any]:
    """`05` of `help|normal||05`: what isn't a bar is taken off the end."""
    others = func.replace(text, "|", "")
    return func.substr(text, func.length(func.rtrim(text, others)) + 1)


def _before_first_bar(text: ColumnElement[Any]) -> ColumnElement[Any]:
    others = func.replace(text, "|", "")
    return func.substr(text, 1, func.length(text) - func.length(func.ltrim(text, others)))


@cache
def statement(groupings: tuple[str, ...]) -> CompoundSelect[Any]:
    """Rows of grouping, key and `COUNTS`, over tickets of `of_tenant` from `begin_number` until
    before `end_number`; clocks due before `at` are overdue."""
    clocks, moments = _kept(_clocks(), "clocks"), _kept(_moments(), "moments")
    ticket = _kept(_flagged(_kept(_per_ticket(clocks, moments), "per_ticket")), "flagged")
    parts: list[Select[Any]] = []
    for grouping in groupings:
        if grouping == "unit":
            parts.append(_summed(grouping, ticket, OF_TICKETS))
            parts.append(_summed(grouping, clocks, OF_CLOCKS))
            parts.append(_summed(grouping, moments, OF_EVENTS))
        else:
            parts.append(_summed(grouping, ticket, COUNTS if grouping != "heat" else COUNTS[:1]))
    return union_all(*parts)


def _summed(grouping: str, source: CTE, counted: Sequence[str]) -> Select[Any]:
    key = source.c[grouping]
    sums = [func.sum(source.c[name]) if name in counted else _ZERO for name in COUNTS]
    named = [total.label(name) for total, name in zip(sums, COUNTS, strict=True)]
    return select(literal(grouping, literal_execute=True), key, *named).group_by(key)
