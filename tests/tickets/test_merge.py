"""A ticket is made of the set of facts told of its call: order and repetition can't matter."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.storage.facts import call_facts
from tickets.merge import ORIGIN_RANK, STATE_RANK, merged
from tickets.model import CallFacts, Kind, NewTicket, Origin, TicketState

NOON = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def _few(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


TIMES = st.integers(0, 3).map(lambda n: NOON + timedelta(seconds=n)) | st.integers(0, 3).map(
    lambda n: (NOON + timedelta(seconds=n)).astimezone(SHANGHAI)
)
CALLS = st.builds(
    CallFacts,
    tenant=st.just("default"), call_id=st.just("n-1.1"), line_id=_few("", "12345", "12333"),
    unit=_few("", "人社局"), called_number=_few("", "12333"), dialled=_few("", "12345"),
    caller_raw=_few("", "13800138000", "0771"), caller_e164=_few("", "+8613800138000"),
    anonymous=st.booleans(), language=_few("", "cmn", "za"),
    kind=_few(None, Kind.HELP, Kind.REPORT), keys=_few("", "1", "12"), started_at=TIMES,
    recording=_few("", "/hotline/r.wav"),
)  # fmt: skip
FACTS = st.builds(
    NewTicket,
    facts=CALLS, origin=st.sampled_from(Origin), state=st.sampled_from(sorted(STATE_RANK)),
    at=TIMES,
    seat_id=_few("", "801", "802"), voice_path=_few("", "a.wav", "b.wav"),
    voice_s=_few(0.0, 1.5, 9.0), confirmed=st.booleans(), first_callback=st.booleans(),
    spool_id=_few("", "n-1.1"),
)  # fmt: skip


@given(st.lists(FACTS, min_size=1, max_size=6), st.randoms(use_true_random=False), st.data())
def test_any_order_and_multiplicity_make_the_same_ticket(
    facts: list[NewTicket], shuffled: random.Random, data: st.DataObject
) -> None:
    again = facts + data.draw(st.lists(st.sampled_from(facts), max_size=4))
    shuffled.shuffle(again)
    assert merged("261121000001", again) == merged("261121000001", facts)


@given(st.lists(FACTS, min_size=1, max_size=6))
def test_nothing_that_was_known_is_lost(facts: list[NewTicket]) -> None:
    ticket = merged("261121000001", facts)
    for name in ("seat_id", "voice_path", "spool_id"):
        told = {getattr(fact, name) for fact in facts} - {""}
        assert getattr(ticket, name) in (told or {""})
    for name in ("line_id", "unit", "called_number", "dialled", "language", "keys", "recording"):
        told = {getattr(fact.facts, name) for fact in facts} - {""}
        assert getattr(ticket.facts, name) in (told or {""})
    kinds = {fact.facts.kind for fact in facts} - {None}
    assert ticket.facts.kind in (kinds or {None})
    assert ticket.first_callback == any(fact.first_callback for fact in facts)
    assert ticket.created_at == min(fact.at for fact in facts)
    assert ticket.facts.started_at == min(fact.facts.started_at for fact in facts)
    if any(fact.facts.caller_raw and not fact.facts.anonymous for fact in facts):
        assert ticket.facts.caller_raw
        assert not ticket.facts.anonymous


@given(st.lists(FACTS, min_size=1, max_size=6))
def test_the_most_telling_fact_gives_the_origin(facts: list[NewTicket]) -> None:
    ticket = merged("261121000001", facts)
    assert ORIGIN_RANK[ticket.origin] == max(ORIGIN_RANK[fact.origin] for fact in facts)
    waits = ticket.origin in (Origin.ABANDONED, Origin.CALLBACK)
    assert ticket.callback_due == (ticket.first_callback or waits)
    assert ticket.version == len(set(facts))
    assert len(ticket.notes) == ticket.version - 1


@given(st.lists(FACTS, min_size=1, max_size=6))
def test_a_voice_stays_with_its_own_length_and_confirmation(facts: list[NewTicket]) -> None:
    ticket = merged("261121000001", facts)
    voices = [fact for fact in facts if fact.voice_path]
    if voices:
        assert any(
            (fact.voice_path, fact.voice_s, fact.confirmed)
            == (ticket.voice_path, ticket.voice_s, ticket.confirmed)
            for fact in voices
        )
        assert ticket.confirmed == any(fact.confirmed for fact in voices)


@given(FACTS)
def test_a_zone_is_only_a_spelling(fact: NewTicket) -> None:
    elsewhere = replace(fact, at=fact.at.astimezone(SHANGHAI))
    assert merged("1", [fact, elsewhere]).version == 1


def test_facts_of_different_calls_are_never_mixed() -> None:
    fact = NewTicket(
        CallFacts("t", "a", *[""] * 6, False, "", None, "", NOON, ""), Origin.TALK,
        TicketState.DRAFT, NOON,
    )  # fmt: skip
    other = replace(fact, facts=replace(fact.facts, call_id="b"))
    with pytest.raises(ValueError, match="one call"):
        merged("1", [fact, other])
    with pytest.raises(ValueError, match="one call"):
        merged("1", [])


def test_who_was_handed_on_outside_leaves_a_note_with_the_number() -> None:
    """Also when that is the only fact that arrived."""
    facts = call_facts("n-1.1")
    talk = NewTicket(facts, Origin.TALK, TicketState.DRAFT, NOON, seat_id="8001")
    handed = replace(talk, at=talk.at + timedelta(minutes=3), handed_to="110")
    assert merged("1", [talk, handed]).notes == (
        "talk 2026-11-21T04:00:00+00:00 8001",
        "talk 2026-11-21T04:03:00+00:00 8001 → 110",
    )
    assert merged("1", [handed]).notes == ("talk 2026-11-21T04:03:00+00:00 8001 → 110",)
    assert merged("1", [talk]).notes == ()
