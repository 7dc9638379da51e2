"""The table of states: every pair is decided or refused, and the rules hold."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.tickets.lives import NOON, PEOPLE, ROADS, WATER, WAYS, draft, lived, told
from tickets.consequences import CallCitizen, EndChildren, MakeChild, TellMain, TellMerged, Then
from tickets.effects import ClockName, PauseClock, PauseReason, StartClock, StopClock
from tickets.errors import EventRefused
from tickets.life import Actor, Life, Limits, Role
from tickets.lifecycle import (
    CLOSED,
    HANDLING,
    NOT_BY_HANDLERS,
    OPEN,
    OVERLAYS,
    STEPS,
    TABLE,
    Event,
    Step,
    decide,
    owner,
)
from tickets.model import TicketState as S

NO_LIMITS = Limits()


def refusal(
    life: Life, event: str, who: Role | Actor, *, limits: Limits = NO_LIMITS, **data: object
) -> str:
    with pytest.raises(EventRefused) as refused:
        decide(life, told(event, who, **data), limits)
    assert refused.value.reason
    return refused.value.id


@pytest.mark.parametrize("state", list(S))
def test_every_state_can_be_reached_has_an_owner_and_a_clock_and_a_way_out(state: S) -> None:
    life = lived(*WAYS[state])
    assert life.state is state
    assert (state in CLOSED) == (owner(life) == "") == (not life.running)
    assert any(set(step.targets) - {state} for step in STEPS if step.source is state)


@pytest.mark.parametrize("state", list(S))
def test_every_pair_is_in_the_table_or_refused_with_what_could_happen(state: S) -> None:
    life = lived(*WAYS[state])
    for event in Event:
        overlay = OVERLAYS.get(event)
        if (state, event) in TABLE or (overlay and state in overlay.states):
            continue
        for who in Role:
            assert refusal(life, event, who) == "illegal-transition"


def test_an_event_nobody_knows_is_refused() -> None:
    assert refusal(draft(), "exploded", Role.SEAT) == "unknown-event"


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.source}-{step.event}")
def test_only_the_named_roles_may(step: Step) -> None:
    life = lived(*WAYS[step.source])
    for who in set(Role) - set(step.who):
        assert refusal(life, step.event, who) == "role-not-allowed"


def test_a_texts_absence_is_named() -> None:
    life = lived(*WAYS[S.PENDING_REVIEW])
    assert refusal(life, "dispatched", Role.REVIEWER, lead=" ") == "missing-data"


def test_an_emergency_is_transferred_and_never_refused() -> None:
    for life in (draft(), lived(*WAYS[S.PENDING_REVIEW])):
        who = Role.SEAT if life.state is S.DRAFT else Role.REVIEWER
        assert refusal(life, "refused", who, code="emergency") == "unknown-code"
        assert decide(life, told("transferred", who), NO_LIMITS).life.state is S.TRANSFERRED


def test_no_co_units_is_an_answer_too() -> None:
    life = lived(*WAYS[S.DISPATCHED])
    assert life.co_units == (ROADS,)
    again = told("reassigned", Role.REVIEWER, co_units=[])
    assert decide(life, again, NO_LIMITS).life.co_units == ()
    working = lived(*WAYS[S.IN_PROGRESS])
    assert refusal(working, "handed_down", Role.DEPARTMENT, units=[]) == "bad-data"


def test_both_clocks_start_with_the_dispatch_and_one_ends_with_the_signature() -> None:
    life = lived("submitted")
    decision = decide(life, told("dispatched", Role.REVIEWER), NO_LIMITS)
    assert StartClock(ClockName.SIGN, WATER, 1) in decision.effects
    assert StartClock(ClockName.FINISH, WATER, 1) in decision.effects
    signed = decide(decision.life, told("signed", Role.DEPARTMENT), NO_LIMITS)
    assert StopClock(ClockName.SIGN) in signed.effects
    assert signed.life.running == {ClockName.FINISH}


def test_a_department_acts_on_its_own_tickets_only() -> None:
    life = lived(*WAYS[S.DISPATCHED])
    other = Actor("dep-9", Role.DEPARTMENT, "450100-fire")
    assert refusal(life, "signed", other) == "not-your-unit"
    helper = Actor("dep-2", Role.DEPARTMENT, ROADS)
    assert refusal(life, "signed", helper) == "not-your-unit"
    assert decide(life, told("contacted", helper), NO_LIMITS).life.contacted


def test_who_handles_a_ticket_cannot_supervise_it_nor_the_other_way_round() -> None:
    life = lived(*WAYS[S.REPLY_REVIEW])
    same = Actor(PEOPLE[Role.DEPARTMENT].id, Role.REVIEWER)
    assert refusal(life, "reply_passed", same) == "handler-may-not-supervise"
    of_unit = Actor("rev-7", Role.REVIEWER, WATER)
    assert refusal(life, "reply_passed", of_unit) == "handler-may-not-supervise"
    watched = decide(lived(*WAYS[S.IN_PROGRESS]), told("supervised", Role.SUPERVISOR), NO_LIMITS)
    watcher = Actor(PEOPLE[Role.SUPERVISOR].id, Role.DEPARTMENT, WATER)
    assert refusal(watched.life, "contacted", watcher) == "supervisor-may-not-handle"


def _where(event: Event) -> tuple[S, tuple[Role, ...]]:
    """A state in which it may be told, and by whom."""
    for (state, one), step in TABLE.items():
        if one is event:
            return state, step.who
    overlay = OVERLAYS[event]
    return S.IN_PROGRESS if S.IN_PROGRESS in overlay.states else S.DISPATCHED, overlay.who


@pytest.mark.parametrize("event", sorted(NOT_BY_HANDLERS))
def test_who_handled_judges_nothing_of_it_whatever_the_verb(event: Event) -> None:
    state, who = _where(event)
    life = replace(lived(*WAYS[state]), handlers=("both", f"unit:{WATER}"))
    for role in set(who) - {Role.SYSTEM}:
        for actor in (Actor("both", role), Actor("other", role, WATER)):
            assert refusal(life, event, actor) == "handler-may-not-supervise"


@pytest.mark.parametrize("event", sorted(HANDLING))
def test_who_supervised_handles_nothing_of_it_whatever_the_verb(event: Event) -> None:
    state, _ = _where(event)
    life = replace(lived(*WAYS[state]), watchers=("both",))
    actor = Actor("both", Role.DEPARTMENT, life.lead)
    assert refusal(life, event, actor) == "supervisor-may-not-handle"


def test_every_verb_of_a_unit_handles_and_every_verb_of_supervision_judges() -> None:
    by = {event: set(step.who) for (_, event), step in TABLE.items()}
    by |= {event: set(overlay.who) for event, overlay in OVERLAYS.items()}
    assert {event for event, who in by.items() if Role.DEPARTMENT in who} == HANDLING | {
        Event.NOTED
    }
    above = {Role.SUPERVISOR, Role.LEADER, Role.SYSTEM}
    told = {event for event, who in by.items() if who <= above and who != {Role.SYSTEM}}
    assert told <= NOT_BY_HANDLERS


def test_a_reviewer_who_adds_a_co_unit_handles_nothing_by_that() -> None:
    life = lived(*WAYS[S.REPLY_REVIEW], "reply_sent_back")
    added = decide(life, told("units_added", Role.REVIEWER), NO_LIMITS).life
    assert PEOPLE[Role.REVIEWER].id not in added.handlers
    assert lived("replied", "reply_passed", start=added).state is S.CALLBACK


def test_a_refused_return_cannot_be_asked_again_by_the_same_unit() -> None:
    life = lived(*WAYS[S.RETURN_REVIEW], "return_refused")
    assert life.state is S.DISPATCHED
    assert refusal(life, "return_asked", Role.DEPARTMENT) == "not-returnable"
    moved = decide(life, told("reassigned", Role.REVIEWER, lead=ROADS), NO_LIMITS).life
    assert moved.returnable


def test_the_second_return_goes_to_joint_review_and_its_ruling_binds() -> None:
    life = lived(*WAYS[S.JOINT_REVIEW])
    assert (life.returns, owner(life)) == (2, f"unit:{WATER}")
    assert ClockName.FINISH in life.running
    ruled = decide(life, told("ruled", Role.LEADER), NO_LIMITS).life
    assert refusal(ruled, "return_asked", Role.DEPARTMENT) == "not-returnable"


def test_a_return_has_its_time() -> None:
    limits = Limits(return_until=NOON - timedelta(minutes=1))
    life = lived(*WAYS[S.DISPATCHED])
    assert refusal(life, "return_asked", Role.DEPARTMENT, limits=limits) == "return-too-late"


def test_extensions_are_once_before_due_and_never_for_a_consultation() -> None:
    life = lived(*WAYS[S.IN_PROGRESS])
    late = Limits(finish_due=NOON - timedelta(seconds=1))
    assert refusal(life, "extension_asked", Role.DEPARTMENT, limits=late) == "extension-too-late"
    assert refusal(life, "extension_asked", Role.DEPARTMENT, days=6) == "bad-data"
    question = replace(life, kind="consultation")
    assert refusal(question, "extension_asked", Role.DEPARTMENT) == "not-extendable"
    again = lived("extension_asked", "extension_granted", start=life)
    assert refusal(again, "extension_asked", Role.DEPARTMENT) == "not-extendable"


def test_who_can_have_no_extension_is_told_that_first_whatever_he_asks_for() -> None:
    """Not that five days are too many: with one he would be refused, too."""
    life = lived(*WAYS[S.IN_PROGRESS])
    none = Limits(extensions=0, extension_days=1, never_extended=frozenset())
    late = Limits(finish_due=NOON - timedelta(seconds=1))
    question = replace(life, kind="consultation")
    again = lived("extension_asked", "extension_granted", start=life)
    for one, limits, wanted in (
        (life, none, "not-extendable"), (question, none, "not-extendable"),
        (again, NO_LIMITS, "not-extendable"), (life, late, "extension-too-late"),
    ):  # fmt: skip
        assert refusal(one, "extension_asked", Role.DEPARTMENT, limits=limits, days=9) == wanted


def test_a_reply_needs_the_citizen_contacted_and_no_part_open() -> None:
    life = lived(*WAYS[S.IN_PROGRESS])
    assert refusal(life, "replied", Role.DEPARTMENT) == "citizen-not-contacted"
    parted = lived("contacted", "handed_down", start=life)
    assert refusal(parted, "replied", Role.DEPARTMENT) == "children-open"
    assert lived("child_ended", "replied", start=parted).state is S.REPLY_REVIEW


def test_parts_are_asked_for_and_end_with_the_whole() -> None:
    life = lived(*WAYS[S.IN_PROGRESS])
    decision = decide(life, told("handed_down", Role.DEPARTMENT), NO_LIMITS)
    assert [e.unit for e in decision.effects if isinstance(e, MakeChild)] == ["450100-parks"]
    gone = decide(decision.life, told("withdrawn", Role.CITIZEN), NO_LIMITS)
    assert EndChildren() in gone.effects


def test_the_clock_rests_while_a_reply_is_checked_and_goes_on_when_it_is_sent_back() -> None:
    life = lived(*WAYS[S.IN_PROGRESS], "contacted")
    replied = decide(life, told("replied", Role.DEPARTMENT), NO_LIMITS)
    assert PauseClock(ClockName.FINISH, PauseReason.REPLY_REVIEW) in replied.effects
    back = lived("reply_sent_back", start=replied.life)
    assert (back.running, back.paused) == ({ClockName.FINISH}, frozenset())
    assert lived("reply_passed", start=replied.life).running == {ClockName.DESK}


def test_a_statutory_case_returns_to_itself_when_its_reply_is_sent_back() -> None:
    life = lived(*WAYS[S.STATUTORY], "contacted", "replied", "reply_sent_back")
    assert life.state is S.STATUTORY
    with pytest.raises(EventRefused) as refused:
        decide(
            lived(*WAYS[S.IN_PROGRESS]),
            told("case_filed", Role.DEPARTMENT, due_on="soon"),
            NO_LIMITS,
        )
    assert refused.value.id == "bad-data"


def test_a_passed_reply_is_told_to_the_citizen_by_phone() -> None:
    decision = decide(lived(*WAYS[S.REPLY_REVIEW]), told("reply_passed", Role.REVIEWER), NO_LIMITS)
    assert CallCitizen() in decision.effects


def test_not_content_is_dispatched_again_supervised() -> None:
    decision = decide(lived(*WAYS[S.CALLBACK]), told("unsatisfied", Role.SYSTEM), NO_LIMITS)
    assert (decision.life.state, decision.life.round) == (S.DISPATCHED, 2)
    assert Then("supervised", "round 2") in decision.effects
    assert not decision.life.contacted


def test_who_cannot_be_reached_goes_to_a_person_and_is_never_content() -> None:
    life = lived(*WAYS[S.CALLBACK], "unreachable", "unreachable")
    assert (life.state, life.unreachable) == (S.CALLBACK, 2)
    life = lived("unreachable", start=life)
    assert life.state is S.MANUAL_REVIEW
    assert refusal(life, "satisfied", Role.SYSTEM) == "illegal-transition"


def test_a_linked_ticket_ends_only_with_its_own_callback_and_its_main_one() -> None:
    linked = lived(*WAYS[S.MERGED])
    first = lived("main_archived", start=linked)
    assert (first.state, first.main_done) == (S.MERGED, True)
    assert lived("satisfied", start=first).state is S.ARCHIVED
    assert lived("satisfied", "main_archived", start=linked).state is S.ARCHIVED


def test_a_linked_citizen_who_is_not_content_goes_a_way_of_his_own() -> None:
    decision = decide(lived(*WAYS[S.MERGED]), told("unsatisfied", Role.SYSTEM), NO_LIMITS)
    assert (decision.life.state, decision.life.main) == (S.PENDING_REVIEW, "")
    assert TellMain("261123000099", joined=False) in decision.effects


def test_nobody_links_a_ticket_to_itself_or_one_that_others_hang_on() -> None:
    life = lived("submitted")
    assert refusal(life, "linked", Role.REVIEWER, main=life.number) == "links-itself"
    assert refusal(lived("joined", start=life), "linked", Role.REVIEWER) == "has-linked"


def test_the_linked_learn_what_became_of_the_main_ticket() -> None:
    life = lived("submitted", "joined")
    gone = decide(life, told("voided", Role.REVIEWER), NO_LIMITS)
    assert TellMerged("gone") in gone.effects


@pytest.mark.parametrize("state", sorted(OPEN))
def test_a_citizen_may_withdraw_from_every_open_state_with_proof(state: S) -> None:
    life = lived(*WAYS[state])
    assert refusal(life, "withdrawn", Role.CITIZEN, code="") == "missing-data"
    gone = decide(life, told("withdrawn", Role.CITIZEN), NO_LIMITS).life
    assert (gone.state, gone.running) == (S.WITHDRAWN, frozenset())


def test_a_part_of_a_ticket_is_not_reopened_by_itself() -> None:
    part = replace(lived(*WAYS[S.ARCHIVED]), parent="261123000055")
    assert refusal(part, "appealed", Role.CITIZEN) == "part-of-parent"


def test_a_passed_part_ends_without_a_callback() -> None:
    part = replace(lived(*WAYS[S.REPLY_REVIEW]), parent="261123000055")
    assert decide(part, told("reply_passed", Role.REVIEWER), NO_LIMITS).life.state is S.ARCHIVED


def test_a_long_term_matter_rests_until_it_is_taken_up_or_replied_to() -> None:
    life = lived(*WAYS[S.IN_PROGRESS], "long_term_set")
    assert life.paused == {ClockName.FINISH}
    assert lived("long_term_ended", start=life).paused == frozenset()
    back = lived("contacted", "replied", "reply_sent_back", start=life)
    assert (back.long_term, back.paused) == (False, frozenset())
    moved = lived("reassigned", "signed", start=life)
    assert (moved.long_term, moved.paused) == (False, frozenset())
    assert lived("extension_asked", start=moved).state is S.EXTENSION_REVIEW


@pytest.mark.parametrize(
    ("event", "who", "name"),
    [("case_filed", Role.DEPARTMENT, "due_on"), ("long_term_set", Role.SUPERVISOR, "review_on")],
)
def test_a_day_to_come_lies_not_in_the_past(event: str, who: Role, name: str) -> None:
    life = lived(*WAYS[S.IN_PROGRESS])
    for day in ("2026-11-22", "2016-11-30", "soon"):
        assert refusal(life, event, who, **{name: day}) == "bad-data"
    assert decide(life, told(event, who, **{name: "2026-11-23"}), NO_LIMITS).life.seq > life.seq


def test_text_too_long_and_what_is_no_json_are_refused() -> None:
    life = draft()
    assert refusal(life, "noted", Role.SEAT, text="水" * 10_001) == "too-long"
    assert refusal(life, "noted", Role.SEAT, text="a\0b") == "bad-data"
    assert refusal(life, "noted", Role.SEAT, text="水", more={"x": {1, 2}}) == "bad-data"
