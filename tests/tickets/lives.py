"""Makes events and lives for tests of the life cycle: sensible data, what matters is named."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tickets.life import SYSTEM, Actor, Life, Limits, Role, Told
from tickets.lifecycle import TABLE, Event, born, decide
from tickets.model import TicketState

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
WATER, ROADS, PARKS = "450100-water", "450100-roads", "450100-parks"
PEOPLE = {
    Role.SEAT: Actor("801", Role.SEAT),
    Role.REVIEWER: Actor("rev-1", Role.REVIEWER),
    Role.SUPERVISOR: Actor("sup-1", Role.SUPERVISOR),
    Role.DEPARTMENT: Actor("dep-1", Role.DEPARTMENT, WATER),
    Role.LEADER: Actor("lead-1", Role.LEADER),
    Role.AUDITOR: Actor("aud-1", Role.AUDITOR),
    Role.ADMINISTRATOR: Actor("adm-1", Role.ADMINISTRATOR),
    Role.CITIZEN: Actor("citizen", Role.CITIZEN),
    Role.SYSTEM: SYSTEM,
}
DATA: dict[str, dict[str, Any]] = {
    "answered": {"answer": "办事大厅周一至周五 9:00–17:00"},
    "refused": {"code": "legal_procedure"},
    "transferred": {"to": "119"},
    "voided": {"code": "empty"},
    "restored": {"reason": "有声音"},
    "handed_back": {"reason": "非警情"},
    "info_asked": {"question": "哪个小区?"},
    "info_given": {"text": "翠竹园三栋"},
    "linked": {"main": "261123000099"},
    "unlinked": {"reason": "不是同一件事"},
    "dispatched": {"lead": WATER, "co_units": [ROADS]},
    "reassigned": {"lead": WATER, "reason": "职责调整"},
    "return_asked": {"reason": "不属本单位", "basis": "三定方案", "suggested": ROADS},
    "return_refused": {"reason": "属本单位"},
    "ruled": {"lead": WATER, "reason": "联席会议裁定"},
    "handed_down": {"units": [PARKS]},
    "units_added": {"units": [PARKS]},
    "extension_asked": {"reason": "特别复杂", "days": 5},
    "extension_granted": {"days": 5},
    "extension_refused": {"reason": "不复杂"},
    "case_filed": {"due_on": "2027-02-20", "basis": "行政处罚法第六十条"},
    "replied": {"reply": "已抢修,恢复供水"},
    "reply_sent_back": {"reason": "未答复诉求"},
    "closed": {"reason": "已核实"},
    "appealed": {"reason": "又停水了"},
    "withdrawn": {"code": "4711"},
    "supervised": {"reason": "久拖未决"},
    "instructed": {"text": "请速办"},
    "long_term_set": {"reason": "待列入改造计划", "review_on": "2027-01-04"},
    "long_term_ended": {"reason": "已立项"},
    "contacted": {"how": "电话"},
    "noted": {"text": "补充"},
    "joined": {"number": "261123000098"},
    "left": {"number": "261123000098"},
    "child_ended": {"number": "261123000097"},
}


def told(event: str, who: Role | Actor, *, minutes: float = 0, **data: Any) -> Told:
    """An event with the data it needs, changed by `data`."""
    actor = PEOPLE[who] if isinstance(who, Role) else who
    at = NOON + timedelta(minutes=minutes)
    return Told(event, actor, at, DATA.get(event, {}) | data)


def who_may(state: TicketState, event: str) -> Role:
    """One of the roles the table lets do it."""
    return TABLE[state, Event(event)].who[0]


def draft(state: TicketState = TicketState.DRAFT, kind: str = "complaint") -> Life:
    """A new ticket's life."""
    data = {"state": str(state), "facts": {"kind": kind}}
    return born("default", "261123000001", Told("created", SYSTEM, NOON, data)).life


def lived(*events: str, start: Life | None = None, limits: Limits | None = None) -> Life:
    """A life after these events, each by somebody who may."""
    life = start or draft()
    for event in events:
        key = (life.state, Event(event))
        who = TABLE[key].who[0] if key in TABLE else _overlay(event)
        life = decide(life, told(event, who), limits or Limits()).life
    return life


def _overlay(event: str) -> Role:
    from tickets.lifecycle import OVERLAYS

    return OVERLAYS[Event(event)].who[0]


# The shortest way into each state.
WAYS: dict[TicketState, tuple[str, ...]] = {
    TicketState.DRAFT: (),
    TicketState.ANSWERED: ("answered",),
    TicketState.NOT_ACCEPTED: ("refused",),
    TicketState.TRANSFERRED: ("transferred",),
    TicketState.VOID: ("voided",),
    TicketState.PENDING_REVIEW: ("submitted",),
    TicketState.PENDING_INFO: ("submitted", "info_asked"),
    TicketState.MERGED: ("submitted", "linked"),
    TicketState.DISPATCHED: ("submitted", "dispatched"),
    TicketState.RETURN_REVIEW: ("submitted", "dispatched", "return_asked"),
    TicketState.JOINT_REVIEW: (
        "submitted", "dispatched", "return_asked", "return_granted",
        "dispatched", "return_asked", "return_granted",
    ),
    TicketState.IN_PROGRESS: ("submitted", "dispatched", "signed"),
    TicketState.EXTENSION_REVIEW: ("submitted", "dispatched", "signed", "extension_asked"),
    TicketState.STATUTORY: ("submitted", "dispatched", "signed", "case_filed"),
    TicketState.REPLY_REVIEW: ("submitted", "dispatched", "signed", "contacted", "replied"),
    TicketState.CALLBACK: (
        "submitted", "dispatched", "signed", "contacted", "replied", "reply_passed",
    ),
    TicketState.MANUAL_REVIEW: (
        "submitted", "dispatched", "signed", "contacted", "replied", "reply_passed", "mixed",
    ),
    TicketState.ARCHIVED: (
        "submitted", "dispatched", "signed", "contacted", "replied", "reply_passed", "satisfied",
    ),
    TicketState.REOPENED: (
        "submitted", "dispatched", "signed", "contacted", "replied", "reply_passed", "satisfied",
        "appealed",
    ),
    TicketState.WITHDRAWN: ("withdrawn",),
}  # fmt: skip
