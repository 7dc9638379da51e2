"""Spoken requests in SQL: written with the ticket, taken off the morning list once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from storage.lives import SqlLives
from storage.spoken import SqlSpoken
from storage.tickets import SqlTickets
from tests.storage.facts import NOON, ZONES, new_ticket, opened
from tickets.errors import UnknownTicket
from tickets.life import Actor, Role
from tickets.model import Kind, NewTicket, Origin
from tickets.review import Correction, StaleVersion
from tickets.spoken import Confirmation, Question, Review, SpokenAnswer, SpokenWord, request_of

VOICE = "recordings/requests/2026/11/21/a-1.wav"


def answer(question: Question, text: str, value: str = "", **more: object) -> SpokenAnswer:
    words = (SpokenWord(text, 1.0, 2.0, 0.9),)
    given = SpokenAnswer(question, value, words=words, recording=VOICE, begin_s=1.0, end_s=2.0)
    return replace(given, **more)  # type: ignore[arg-type] # names are the dataclass's own


ANSWERS = (
    answer(Question.KIND, "投诉", "complaint"),
    answer(Question.PLACE, "青秀区", "450103", label="青秀区"),
    answer(Question.MATTER, "路灯坏了", "040201", label="路灯", score=0.7),
    answer(Question.NUMBER, "可以", "+8613800138000"),
)
SEAT, OTHER = Actor("801", Role.SEAT), Actor("802", Role.SEAT)
YES = answer(Question.CONFIRM, "对", Confirmation.YES)


def told(call_id: str, *answers: SpokenAnswer, language: str = "cmn") -> NewTicket:
    new = new_ticket(call_id, origin=Origin.VOICE_REQUEST, voice_path=VOICE, voice_s=20.0)
    return replace(new, spoken=request_of(language, answers))


async def test_what_was_asked_and_answered_stands_beside_the_ticket(sql_url: str) -> None:
    async with opened(sql_url) as database:
        ticket = await SqlTickets(database, ZONES).create(told("a-1.1", *ANSWERS, YES))
        spoken = SqlSpoken(database, lambda: NOON)
        case = await spoken.case("default", ticket.number)
        assert (case.kind, case.place, case.place_code, case.topic) == (
            "complaint", "青秀区", "450103", "040201",
        )  # fmt: skip
        assert (case.text, case.callback, case.confirmed) == ("路灯坏了", "+8613800138000", True)
        assert case.answers == (*ANSWERS, YES)
        assert (case.review, case.open) == ((), False)
        assert await spoken.waiting("default") == []
        with pytest.raises(UnknownTicket):
            await spoken.case("default", "261121999999")
        with pytest.raises(UnknownTicket):
            await spoken.case("other", ticket.number)


async def test_the_morning_list_has_what_a_person_must_hear_by_language(sql_url: str) -> None:
    async with opened(sql_url) as database:
        tickets, spoken = SqlTickets(database, ZONES), SqlSpoken(database, lambda: NOON)
        facts = [told(f"a-1.{n}", *ANSWERS, language=("cmn", "za")[n % 2]) for n in range(5)]
        numbers = [(await tickets.create(fact)).number for fact in facts]
        found = await spoken.waiting("default", limit=2)
        assert [case.number for case in found] == numbers[:2]
        found = await spoken.waiting("default", after=numbers[1])
        assert [case.number for case in found] == numbers[2:]
        found = await spoken.waiting("default", languages={"za"})
        assert [case.number for case in found] == [numbers[1], numbers[3]]
        assert await spoken.waiting("default", languages=()) == []
        assert found[0].review == (Review.UNCONFIRMED,)


async def test_more_that_is_told_of_the_call_is_put_in_once(sql_url: str) -> None:
    """Confirmed after a crash, and told twice: one row, which needs nobody any more."""
    async with opened(sql_url) as database:
        tickets, spoken = SqlTickets(database, ZONES), SqlSpoken(database, lambda: NOON)
        first = told("a-1.1", *ANSWERS[:2])
        ticket = await tickets.create(first)
        assert (await spoken.case("default", ticket.number)).open
        whole = replace(told("a-1.1", *ANSWERS, YES), at=first.at + timedelta(seconds=30))
        for _ in range(2):
            await tickets.create(whole)
        case = await spoken.case("default", ticket.number)
        assert (case.text, case.open, case.version) == ("路灯坏了", False, 2)


async def test_submitting_is_once_and_stays(sql_url: str) -> None:
    async with opened(sql_url) as database:
        tickets, spoken = SqlTickets(database, ZONES), SqlSpoken(database, lambda: NOON)
        number = (await tickets.create(told("a-1.1", *ANSWERS))).number
        wish = Correction(Kind.HELP, "长湖路", "450103", "040201", "路灯不亮", "")
        done = await spoken.submit("default", number, 1, wish, by=SEAT)
        assert (done.open, done.version, done.corrected) == (False, 2, wish)
        assert (done.reviewed_at, done.reviewed_by) == (NOON, "801")
        with pytest.raises(StaleVersion):
            await spoken.submit("default", number, 1, wish, by=OTHER)
        history = await SqlLives(database).history("default", number)
        assert [kept.told.event for kept in history] == ["created", "noted"]
        assert history[-1].told.actor == SEAT
        assert history[-1].told.data == {
            "text": "路灯不亮", "of": "spoken", "kind": "help", "place": "长湖路",
            "place_code": "450103", "topic": "040201",
        }  # fmt: skip
        with pytest.raises(UnknownTicket):
            await spoken.submit("default", "261121999999", 1, wish, by=OTHER)
        assert (await tickets.get("default", number)).facts.kind is Kind.HELP
        # words recognised later don't put it on the list again, nor change what a person said
        later = replace(told("a-1.1", *ANSWERS, YES), at=NOON + timedelta(hours=3))
        await tickets.create(later)
        case = await spoken.case("default", number)
        assert (case.open, case.corrected) == (False, wish)
        assert (await tickets.get("default", number)).facts.kind is Kind.HELP
