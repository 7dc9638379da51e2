"""The table of states: what may happen to a ticket where, who may do it, and what becomes of it.

Pure: no clock, no store. `decide` refuses whatever isn't in the table with `EventRefused` (a
stable id and the reason), `evolve` makes of an accepted event the ticket's next life, so that a
history told again gives every past state. docs/tickets.md shows the table; it is made of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from tickets import life_rules as rules
from tickets.errors import EventRefused
from tickets.life import SYSTEM, Actor, Decision, Life, Limits, Role, Told
from tickets.life_effects import effects_of, follow_clocks
from tickets.life_events import Event as Event
from tickets.life_rules import Choice, Rule
from tickets.model import Kind, TicketState
from tickets.told_data import checked, text, texts

S = TicketState

E = Event
CLOSED = frozenset({S.ARCHIVED, S.NOT_ACCEPTED, S.TRANSFERRED, S.VOID, S.WITHDRAWN})
OPEN = frozenset(S) - CLOSED
WORKED = frozenset({S.DISPATCHED, S.IN_PROGRESS, S.STATUTORY, S.JOINT_REVIEW, S.EXTENSION_REVIEW})

HANDLING = frozenset(
    {
        E.SIGNED, E.RETURN_ASKED, E.HANDED_DOWN, E.UNITS_ADDED, E.EXTENSION_ASKED, E.CASE_FILED,
        E.REPLIED, E.CONTACTED,
    }
)  # fmt: skip
"""What only a unit does; co-units may be added by a reviewer too, who handles nothing by that."""
SUPERVISING = frozenset(
    {
        E.RETURN_GRANTED, E.RETURN_REFUSED, E.RULED, E.EXTENSION_GRANTED, E.EXTENSION_REFUSED,
        E.REPLY_PASSED, E.REPLY_SENT_BACK, E.CLOSED, E.SUPERVISED, E.YELLOW_CARD, E.RED_CARD,
        E.CIRCULATED, E.INSTRUCTED, E.LONG_TERM_SET, E.LONG_TERM_ENDED,
    }
)  # fmt: skip
"""What judges or drives the handling: whoever does it is kept as its supervisor."""
NOT_BY_HANDLERS = SUPERVISING | {
    E.REMINDED, E.OVERDUE_TOLD, E.SATISFIED, E.UNSATISFIED, E.MIXED, E.UNREACHABLE,
}  # fmt: skip
"""With what a citizen said of the handling, written down by a person: who handles does none."""

_SEAT, _REVIEWER, _SUPERVISOR, _DEPARTMENT = (
    Role.SEAT, Role.REVIEWER, Role.SUPERVISOR, Role.DEPARTMENT,
)  # fmt: skip
_LEADER, _CITIZEN, _SYSTEM = Role.LEADER, Role.CITIZEN, Role.SYSTEM
_ASKING = (_SEAT, _SYSTEM)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the table. `needs` are texts its data must have; `rule` refuses what the
    ticket itself forbids; `choice` picks among `targets` (else the first is it). `ours`: the
    specification's table hasn't it, decision 0225 says why."""

    source: TicketState
    event: Event
    targets: tuple[TicketState, ...]
    who: tuple[Role, ...]
    needs: tuple[str, ...] = ()
    rule: Rule | None = None
    choice: Choice | None = None
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Overlay:
    """An event that leaves the state as it is, where it may happen, who may do it."""

    states: frozenset[TicketState]
    who: tuple[Role, ...]
    needs: tuple[str, ...] = ()
    rule: Rule | None = None


def _asked_back(source: TicketState) -> Iterator[Step]:
    """How callbacks end, for a ticket of its own and for a linked one."""
    linked = source is S.MERGED
    content = (S.MERGED, S.ARCHIVED) if linked else (S.ARCHIVED,)
    again = S.PENDING_REVIEW if linked else S.DISPATCHED
    yield Step(source, E.SATISFIED, content, _ASKING, choice=rules.when_both if linked else None)
    yield Step(source, E.UNSATISFIED, (again,), _ASKING)
    yield Step(source, E.MIXED, (S.MANUAL_REVIEW,), _ASKING)
    yield Step(source, E.UNREACHABLE, (source, S.MANUAL_REVIEW), _ASKING, choice=rules.by_tries)


STEPS: tuple[Step, ...] = (
    Step(S.DRAFT, E.ANSWERED, (S.ANSWERED,), (_SEAT,), ("answer",)),
    Step(S.DRAFT, E.REFUSED, (S.NOT_ACCEPTED,), (_SEAT,), rule=rules.refusal_code),
    Step(S.DRAFT, E.SUBMITTED, (S.PENDING_REVIEW,), (_SEAT, _REVIEWER, _SYSTEM)),
    Step(S.DRAFT, E.TRANSFERRED, (S.TRANSFERRED,), (_SEAT, _SYSTEM), rule=rules.to_emergency),
    Step(S.DRAFT, E.VOIDED, (S.VOID,), (_SEAT, _REVIEWER), rule=rules.void_code),
    Step(S.ANSWERED, E.ARCHIVED, (S.ARCHIVED,), (_SYSTEM, _SEAT, _REVIEWER)),
    Step(S.ANSWERED, E.SUBMITTED, (S.PENDING_REVIEW,), (_SEAT, _REVIEWER), ours=True),
    Step(S.PENDING_REVIEW, E.INFO_ASKED, (S.PENDING_INFO,), (_REVIEWER,), ("question",)),
    Step(S.PENDING_REVIEW, E.LINKED, (S.MERGED,), (_REVIEWER,), ("main",), rules.linkable),
    Step(S.PENDING_REVIEW, E.DISPATCHED, (S.DISPATCHED,), (_REVIEWER, _SYSTEM), ("lead",)),
    Step(S.PENDING_REVIEW, E.ANSWERED, (S.ANSWERED,), (_REVIEWER,), ("answer",), ours=True),
    Step(
        S.PENDING_REVIEW, E.REFUSED, (S.NOT_ACCEPTED,), (_REVIEWER,),
        rule=rules.refusal_code, ours=True,
    ),
    Step(
        S.PENDING_REVIEW, E.TRANSFERRED, (S.TRANSFERRED,), (_REVIEWER, _SEAT),
        rule=rules.to_emergency, ours=True,
    ),
    Step(S.PENDING_REVIEW, E.VOIDED, (S.VOID,), (_REVIEWER,), rule=rules.void_code, ours=True),
    Step(
        S.PENDING_INFO, E.INFO_GIVEN, (S.PENDING_REVIEW,), (_CITIZEN, _SEAT, _REVIEWER, _SYSTEM),
        ("text",),
    ),
    Step(S.PENDING_INFO, E.INFO_EXPIRED, (S.MANUAL_REVIEW,), (_SYSTEM, _REVIEWER)),
    Step(S.DISPATCHED, E.SIGNED, (S.IN_PROGRESS,), (_DEPARTMENT,)),
    Step(
        S.DISPATCHED, E.RETURN_ASKED, (S.RETURN_REVIEW,), (_DEPARTMENT,),
        ("reason", "basis", "suggested"), rules.returnable,
    ),
    Step(S.DISPATCHED, E.REASSIGNED, (S.DISPATCHED,), (_REVIEWER,), ("lead", "reason")),
    Step(
        S.RETURN_REVIEW, E.RETURN_GRANTED, (S.PENDING_REVIEW, S.JOINT_REVIEW), (_REVIEWER,),
        choice=rules.by_returns,
    ),
    Step(S.RETURN_REVIEW, E.RETURN_REFUSED, (S.DISPATCHED,), (_REVIEWER,), ("reason",)),
    Step(
        S.JOINT_REVIEW, E.RULED, (S.DISPATCHED,), (_LEADER, _SUPERVISOR), ("lead", "reason"),
    ),
    Step(
        S.JOINT_REVIEW, E.REPLIED, (S.REPLY_REVIEW,), (_DEPARTMENT,), ("reply",), rules.may_reply,
        ours=True,
    ),
    Step(S.IN_PROGRESS, E.HANDED_DOWN, (S.IN_PROGRESS,), (_DEPARTMENT,), rule=rules.part_units),
    Step(
        S.IN_PROGRESS, E.UNITS_ADDED, (S.IN_PROGRESS,), (_DEPARTMENT, _REVIEWER),
        rule=rules.new_units,
    ),
    Step(
        S.IN_PROGRESS, E.EXTENSION_ASKED, (S.EXTENSION_REVIEW,), (_DEPARTMENT,), ("reason",),
        rules.extendable,
    ),
    Step(
        S.IN_PROGRESS, E.CASE_FILED, (S.STATUTORY,), (_DEPARTMENT,), ("due_on", "basis"),
        rules.due_to_come,
    ),
    Step(S.IN_PROGRESS, E.REASSIGNED, (S.DISPATCHED,), (_REVIEWER,), ("lead", "reason")),
    Step(S.IN_PROGRESS, E.REPLIED, (S.REPLY_REVIEW,), (_DEPARTMENT,), ("reply",), rules.may_reply),
    Step(
        S.EXTENSION_REVIEW, E.EXTENSION_GRANTED, (S.IN_PROGRESS,), (_REVIEWER, _SUPERVISOR),
        rule=rules.extension_days,
    ),
    Step(
        S.EXTENSION_REVIEW, E.EXTENSION_REFUSED, (S.IN_PROGRESS,), (_REVIEWER, _SUPERVISOR),
        ("reason",),
    ),
    Step(
        S.EXTENSION_REVIEW, E.REPLIED, (S.REPLY_REVIEW,), (_DEPARTMENT,), ("reply",),
        rules.may_reply, ours=True,
    ),
    Step(S.STATUTORY, E.REPLIED, (S.REPLY_REVIEW,), (_DEPARTMENT,), ("reply",), rules.may_reply),
    Step(
        S.REPLY_REVIEW, E.REPLY_PASSED, (S.CALLBACK, S.ARCHIVED), (_REVIEWER,),
        choice=rules.by_parent,
    ),
    Step(
        S.REPLY_REVIEW, E.REPLY_SENT_BACK, (S.IN_PROGRESS, S.STATUTORY), (_REVIEWER,), ("reason",),
        choice=rules.by_case,
    ),
    *_asked_back(S.CALLBACK),
    *_asked_back(S.MERGED),
    Step(
        S.MERGED, E.MAIN_ARCHIVED, (S.ARCHIVED, S.MERGED), (_SYSTEM,), choice=rules.when_both,
    ),
    Step(
        S.MERGED, E.UNLINKED, (S.PENDING_REVIEW,), (_REVIEWER, _SYSTEM), ("reason",), ours=True
    ),
    Step(S.MANUAL_REVIEW, E.CLOSED, (S.ARCHIVED,), (_REVIEWER,), ("reason",)),
    Step(S.MANUAL_REVIEW, E.DISPATCHED, (S.DISPATCHED,), (_REVIEWER,), ("lead",)),
    Step(
        S.MANUAL_REVIEW, E.INFO_GIVEN, (S.PENDING_REVIEW,), (_CITIZEN, _SEAT, _REVIEWER, _SYSTEM),
        ("text",), ours=True,
    ),
    Step(
        S.ARCHIVED, E.APPEALED, (S.REOPENED,), (_CITIZEN, _SEAT, _REVIEWER, _LEADER), ("reason",)
    ),
    Step(S.REOPENED, E.REVIEWED, (S.PENDING_REVIEW,), (_REVIEWER, _SYSTEM)),
    Step(S.REOPENED, E.CLOSED, (S.ARCHIVED,), (_REVIEWER,), ("reason",), ours=True),
    Step(
        S.NOT_ACCEPTED, E.APPEALED, (S.PENDING_REVIEW,), (_CITIZEN, _SEAT, _REVIEWER),
        ("reason",),
    ),
    Step(
        S.TRANSFERRED, E.HANDED_BACK, (S.PENDING_REVIEW,), (_SEAT, _REVIEWER, _SYSTEM),
        ("reason",), ours=True,
    ),
    Step(
        S.VOID, E.RESTORED, (S.PENDING_REVIEW,), (_REVIEWER, _SUPERVISOR), ("reason",), ours=True
    ),
    Step(
        S.WITHDRAWN, E.APPEALED, (S.REOPENED,), (_CITIZEN, _SEAT, _REVIEWER), ("reason",),
        ours=True,
    ),
    *(
        Step(state, E.WITHDRAWN, (S.WITHDRAWN,), (_CITIZEN, _SEAT, _SYSTEM), rule=rules.proven)
        for state in TicketState if state in OPEN
    ),
)  # fmt: skip

TABLE: Mapping[tuple[TicketState, Event], Step] = {(s.source, s.event): s for s in STEPS}

_ALL = frozenset(S)
_WATCH = (_SUPERVISOR, _SYSTEM)
_PEOPLE = (_CITIZEN, _SEAT, _REVIEWER, _SUPERVISOR, _DEPARTMENT, _LEADER, _SYSTEM)
OVERLAYS: Mapping[Event, Overlay] = {
    E.URGED: Overlay(OPEN, (_CITIZEN, _SEAT, _SYSTEM)),
    E.REMINDED: Overlay(OPEN, _WATCH),
    E.SUPERVISED: Overlay(OPEN, (_SUPERVISOR, _LEADER, _SYSTEM), ("reason",)),
    E.YELLOW_CARD: Overlay(OPEN, _WATCH),
    E.RED_CARD: Overlay(OPEN, _WATCH),
    E.OVERDUE_TOLD: Overlay(OPEN, _WATCH),
    E.CIRCULATED: Overlay(OPEN, _WATCH),
    E.INSTRUCTED: Overlay(_ALL, (_LEADER,), ("text",)),
    E.LONG_TERM_SET: Overlay(
        frozenset({S.IN_PROGRESS}),
        (_SUPERVISOR, _LEADER),
        ("reason", "review_on"),
        rules.review_to_come,
    ),
    E.LONG_TERM_ENDED: Overlay(
        frozenset({S.IN_PROGRESS}), (_SUPERVISOR, _LEADER, _SYSTEM), ("reason",), rules.is_long_term
    ),
    E.CONFIDED: Overlay(_ALL, (_CITIZEN, _SEAT, _REVIEWER, _SUPERVISOR, _SYSTEM)),
    E.CONTACTED: Overlay(WORKED, (_DEPARTMENT,), ("how",)),
    E.NOTED: Overlay(_ALL, _PEOPLE, ("text",)),
    E.JOINED: Overlay(OPEN - {S.MERGED}, (_SYSTEM,), ("number",)),
    E.LEFT: Overlay(_ALL, (_SYSTEM,), ("number",)),
    E.CHILD_ENDED: Overlay(_ALL, (_SYSTEM,), ("number",)),
}


def decide(life: Life, told: Told, limits: Limits) -> Decision:
    """What an event makes of a ticket; raises `EventRefused`, and then nothing has changed."""
    event = _event(told.event)
    checked(told.data)
    step: Step | Overlay | None = TABLE.get((life.state, event)) or OVERLAYS.get(event)
    if step is None or (isinstance(step, Overlay) and life.state not in step.states):
        raise EventRefused("illegal-transition", _possible(life.state, event))
    _may(life, told, event, step.who)
    if missing := [name for name in step.needs if not text(told.data, name)]:
        raise EventRefused("missing-data", f"{event} needs {', '.join(missing)}")
    if life.state in CLOSED and isinstance(step, Step):
        rules.whole(life, told, limits)
    if step.rule is not None:
        step.rule(life, told, limits)
    after = evolve(life, told, _target(life, told, limits, step))
    return Decision(after, tuple(effects_of(life, after, told, limits, closed=CLOSED)))


def born(tenant: str, number: str, told: Told) -> Decision:
    """The life of a new ticket: a fact of a call (`created`), or a part of another ticket
    (`part_made`, with `parent`, `unit`, `kind` and `urgency`)."""
    data = told.data
    if told.event == E.PART_MADE:
        life = Life(
            tenant, number, S.DISPATCHED, kind=text(data, "kind"), urgency=text(data, "urgency"),
            lead=text(data, "unit"), parent=text(data, "parent"),
        )  # fmt: skip
        return _begun(life, told)
    kind = _mapping(data.get("facts")).get("kind")
    like = _begun_of_call(S(text(data, "state")), str(kind or ""))
    return Decision(replace(like.life, tenant=tenant, number=number), like.effects)


def _begun(life: Life, told: Told) -> Decision:
    after = follow_clocks(None, life, told)
    return Decision(after, tuple(effects_of(None, after, told, Limits(), closed=CLOSED)))


@cache
def _begun_of_call(state: TicketState, kind: str) -> Decision:
    """Every call makes a ticket, and most are alike: what they begin with is made once."""
    told = Told(E.CREATED, SYSTEM, datetime.min.replace(tzinfo=UTC))
    return _begun(Life("", "", state, kind=kind if kind in _KINDS else ""), told)


_KINDS = frozenset(Kind)


def with_fact(life: Life, told: Told) -> Decision:
    """A further fact of the ticket's call (`merged`), which nobody may refuse: a request in it
    submits a draft, a ticket that has gone on stays where it is."""
    raised = life.state is S.DRAFT and told.data.get("state") == S.PENDING_REVIEW
    after = evolve(life, told, S.PENDING_REVIEW if raised else life.state)
    return Decision(after, tuple(effects_of(life, after, told, Limits(), closed=CLOSED)))


def evolve(life: Life, told: Told, state: TicketState) -> Life:
    """The life after an event that was accepted; `state` is where it led (kept with it)."""
    event = Event(told.event)
    changes = _changes(life, told, event)
    if life.state is S.MERGED and state not in (S.MERGED, S.ARCHIVED):
        changes["main"] = ""
    if told.actor.role is not Role.SYSTEM:
        if _handles(event, told.actor):
            changes["handlers"] = _with(life.handlers, *_who(told.actor))
        if event in SUPERVISING:
            changes["watchers"] = _with(life.watchers, *_who(told.actor))
    after = replace(life, seq=life.seq + 1, state=state, **changes)
    return follow_clocks(life, after, told)


def replay(tenant: str, number: str, history: Sequence[tuple[Told, TicketState]]) -> Life:
    """The life that these events, oldest first, with the states they led to, have made."""
    (first, _), *rest = history
    life = born(tenant, number, first).life
    for told, state in rest:
        life = evolve(life, told, state)
    return life


def owner(life: Life) -> str:
    """Who has to act: `unit:<id>`, a role of the centre, or `ticket:<main>`; "" when closed."""
    if life.state in CLOSED:
        return ""
    if life.state in WORKED:
        return f"unit:{life.lead}"
    if life.state is S.MERGED:
        return f"ticket:{life.main}"
    return _DESKS.get(life.state, _REVIEWER)


_DESKS = {S.DRAFT: _SEAT, S.PENDING_INFO: _SEAT, S.CALLBACK: _SYSTEM}


def _event(name: str) -> Event:
    try:
        return Event(name)
    except ValueError:
        raise EventRefused("unknown-event", f"there is no event {name[:40]!r}") from None


def _target(life: Life, told: Told, limits: Limits, step: Step | Overlay) -> TicketState:
    if isinstance(step, Overlay):
        return life.state
    return step.choice(life, told, limits) if step.choice else step.targets[0]


def _possible(state: TicketState, event: Event) -> str:
    here = [str(step.event) for step in STEPS if step.source is state]
    return f"{event} can't happen in {state}; what can: {', '.join(here)}"


def _may(life: Life, told: Told, event: Event, who: Iterable[Role]) -> None:
    actor = told.actor
    if actor.role not in who:
        raise EventRefused("role-not-allowed", f"{event} isn't for the role {actor.role}")
    if actor.role is _DEPARTMENT:
        allowed = (life.lead, *life.co_units) if event in _CO_UNITS else (life.lead,)
        if actor.unit not in allowed:
            raise EventRefused("not-your-unit", f"{event} is for {' or '.join(allowed)}")
    if actor.role is _SYSTEM:
        return
    mine = set(_who(actor))
    if event in NOT_BY_HANDLERS and (
        mine & set(life.handlers) or (actor.unit and actor.unit in (life.lead, *life.co_units))
    ):
        raise EventRefused("handler-may-not-supervise", "who handles a ticket can't supervise it")
    if _handles(event, actor) and mine & set(life.watchers):
        raise EventRefused("supervisor-may-not-handle", "who supervises a ticket can't handle it")


def _handles(event: Event, actor: Actor) -> bool:
    return event in HANDLING and actor.role is _DEPARTMENT


_CO_UNITS = frozenset({E.CONTACTED, E.NOTED})


def _changes(life: Life, told: Told, event: Event) -> dict[str, Any]:
    """The fields an event sets, besides state, clocks and who did what."""
    data = told.data
    match event:
        case E.DISPATCHED:
            again = life.state is S.MANUAL_REVIEW and life.lead
            return _units(life, data) | (_round(life) if again else {})
        case E.REASSIGNED:
            other = text(data, "lead") != life.lead
            given = {"returnable": life.returnable or other, "long_term": False}
            return _units(life, data) | given
        case E.RULED:
            return _units(life, data) | {"returnable": False}
        case E.SUBMITTED | E.MERGED:
            kind = data.get("kind") or _mapping(data.get("facts")).get("kind")
            urgency = text(data, "urgency") or life.urgency
            return {"kind": life.kind or str(kind or ""), "urgency": urgency}
        case E.RETURN_GRANTED:
            return {"returns": life.returns + 1}
        case E.RETURN_REFUSED:
            return {"returnable": False}
        case E.UNITS_ADDED:
            return {"co_units": (*life.co_units, *texts(data, "units"))}
        case E.HANDED_DOWN:
            return {"open_children": life.open_children + len(texts(data, "units"))}
        case E.CHILD_ENDED:
            return {"open_children": max(0, life.open_children - 1)}
        case E.EXTENSION_GRANTED:
            return {"extensions": life.extensions + 1}
        case E.CASE_FILED:
            return {"statutory": True, "long_term": False}
        case E.REPLIED:
            return {"long_term": False}
        case E.LINKED:
            return {"main": text(data, "main"), "called_back": False, "main_done": False}
        case E.MAIN_ARCHIVED:
            return {"main_done": True}
        case E.JOINED:
            return {"repeats": life.repeats + 1}
        case E.LEFT:
            return {"repeats": max(0, life.repeats - 1)}
        case E.SATISFIED | E.MIXED:
            return {"called_back": True}
        case E.UNSATISFIED:
            return _round(life) | {"called_back": True}
        case E.REPLY_PASSED:
            return {"unreachable": 0}
        case E.UNREACHABLE:
            return {"unreachable": life.unreachable + 1}
        case E.APPEALED:
            return _round(life) if life.lead else {}
        case E.URGED:
            return {"urges": life.urges + 1}
        case E.YELLOW_CARD | E.RED_CARD | E.CIRCULATED:
            return {"cards": (*life.cards, str(event))}
        case E.SUPERVISED:
            return {"supervised": True}
        case E.INSTRUCTED:
            return {"instructed": True}
        case E.LONG_TERM_SET | E.LONG_TERM_ENDED:
            return {"long_term": event is E.LONG_TERM_SET}
        case E.CONFIDED:
            return {"confidential": True}
        case E.CONTACTED:
            return {"contacted": True}
        case _:
            return {}


def _units(life: Life, data: Mapping[str, object]) -> dict[str, Any]:
    lead = text(data, "lead")
    co_units = life.co_units
    if "co_units" in data:  # none is an answer too: those of before help no more
        co_units = texts(data, "co_units", least=0)
    return {"lead": lead, "co_units": tuple(u for u in co_units if u != lead)}


def _round(life: Life) -> dict[str, Any]:
    """The next round begins with everything asked anew but what the citizen's case is."""
    return {
        "round": life.round + 1, "contacted": False, "unreachable": 0, "extensions": 0,
        "statutory": False, "long_term": False,
    }  # fmt: skip


def _with(known: tuple[str, ...], *more: str) -> tuple[str, ...]:
    return (*known, *(one for one in more if one not in known))


def _who(actor: Actor) -> tuple[str, ...]:
    """A person, and the unit he acted for."""
    return (actor.id, f"unit:{actor.unit}") if actor.unit else (actor.id,)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
