"""What may be told of a ticket by telephone, to whom, and what his further words become."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.storage.facts import NOON
from tickets.life import SYSTEM, Life, Role, Told
from tickets.lifecycle import OPEN, OVERLAYS, TABLE, Event
from tickets.model import TicketState
from tickets.number import format_number
from tickets.self_service import (
    DAYS_BACK,
    OwnTicket,
    added_as,
    ending_of,
    has_ending,
    may_urge,
    number_of,
    refusal_of,
    tellable,
    urge_key,
    with_ending,
)

TODAY = date(2026, 11, 22)
LIFE = Life("default", "261122000042", TicketState.IN_PROGRESS)


def test_four_digits_are_an_ending_and_twelve_a_number() -> None:
    assert (ending_of("0042"), number_of("0042")) == ("0042", "")
    assert (ending_of("261122000042"), number_of("261122000042")) == ("", "261122000042")
    assert {ending_of(wrong) for wrong in ("", "42", "00042")} == {""}
    assert {number_of(wrong) for wrong in ("261322000042", "2611220042", "")} == {""}


@given(back=st.integers(0, DAYS_BACK - 1), n=st.integers(1, 99_999))
def test_every_ticket_of_the_last_months_is_found_by_its_ending(back: int, n: int) -> None:
    number = format_number(date.fromordinal(TODAY.toordinal() - back), n)
    assert number in with_ending(number[-4:], TODAY)


def test_endings_are_looked_for_from_the_newest_day_on() -> None:
    numbers = with_ending("0042", TODAY)
    assert numbers[0] == "261122000042"
    assert all(number.endswith("0042") for number in numbers)
    assert "261122000000" not in with_ending("0000", TODAY)


def test_the_telephone_is_known_by_four_digits_and_not_fewer() -> None:
    phones = frozenset({"+8613800138000", "+867715550001"})
    ticket = OwnTicket("default", LIFE.number, "n-1", LIFE.state, phones)
    assert has_ending(ticket, "8000")
    assert has_ending(ticket, "0001")
    assert not any(has_ending(ticket, wrong) for wrong in ("", "0", "000", "8001", "38000"))
    nobody = replace(ticket, phones=frozenset())
    assert not has_ending(nobody, "8000")


def test_nothing_confidential_and_no_part_is_told() -> None:
    assert tellable(LIFE)
    assert not tellable(replace(LIFE, confidential=True))
    assert not tellable(replace(LIFE, parent="261122000001"))


@pytest.mark.parametrize("state", TicketState)
def test_further_words_come_by_an_event_that_the_table_has(state: TicketState) -> None:
    """A citizen may always tell it, it needs no more than his words; where nobody would hear them
    they aren't kept there."""
    event = added_as(state)
    assert may_urge(state) == (state in OPEN)
    if not event:
        assert state in (TicketState.TRANSFERRED, TicketState.VOID, TicketState.ANSWERED) or (
            state not in OPEN
        )
        return
    step = TABLE.get((state, Event(event))) or OVERLAYS[Event(event)]
    assert Role.CITIZEN in step.who
    assert set(step.needs) <= {"text", "reason"}


def test_urging_is_known_by_its_day() -> None:
    assert urge_key(TODAY) != urge_key(date(2026, 11, 23))


def test_the_last_refusal_counts() -> None:
    told = [Told("refused", SYSTEM, NOON, {"code": code}) for code in ("insult", "abuse")]
    assert refusal_of([*told, Told("noted", SYSTEM, NOON, {"text": "x"})]) == "abuse"
    assert refusal_of([]) == ""
