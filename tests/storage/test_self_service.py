"""Citizens' own tickets in SQL: found by number and ending, urged once a day, added to; tries."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select

from storage.database import Database
from storage.lives import Command, SqlLives
from storage.self_service import SqlOwnTickets
from storage.tables import recordings
from storage.tickets import SqlTickets
from storage.transcripts import SqlTranscripts
from tests.storage.facts import NOON, ZONES, call_facts, new_ticket, opened
from tests.tickets.lives import told
from tickets.life import Role
from tickets.model import Origin, TicketState
from tickets.self_service import CALLER_TRIES, HIDDEN_TRIES, TICKET_TRIES, Addition
from tickets.spoken import Question, SpokenAnswer, request_of

PHONE, OTHER = "+8613800138000", "+8613900001234"


@dataclass
class Own:
    """A database with tickets, and the telephone's way to them."""

    database: Database
    tickets: SqlTickets
    lives: SqlLives
    own: SqlOwnTickets

    async def made(self, call_id: str, **more: object) -> str:
        """A new ticket's number."""
        return (await self.tickets.create(new_ticket(call_id, **more))).number  # type: ignore[arg-type] # named by tests

    async def tell(self, number: str, event: str, who: Role, **data: object) -> None:
        await self.lives.tell(Command("default", number, told(event, who, **data)))


@asynccontextmanager
async def own_on(url: str) -> AsyncIterator[Own]:
    async with opened(url) as database:
        lives = SqlLives(database)
        own = SqlOwnTickets(database, lives, ZONES, lambda: NOON)
        yield Own(database, SqlTickets(database, ZONES), lives, own)


def words(n: int = 1) -> Addition:
    return Addition("n-9.9", f"recordings/requests/2026/11/21/n-9.9-{n}.wav", 8.04, NOON, "cmn")


async def test_his_ticket_is_found_by_its_ending_and_by_its_number(sql_url: str) -> None:
    """Only by the telephone on record, the newest one; state and code come along."""
    async with own_on(sql_url) as house:
        number = await house.made("n-1.1")
        await house.made("n-2.2", facts=call_facts("n-2.2", caller_e164=OTHER))
        ending = number[-4:]
        found = await house.own.with_ending("default", ending, PHONE)
        assert found is not None
        assert (found.number, found.state, found.phones) == (
            number, TicketState.DRAFT, frozenset({PHONE}),
        )  # fmt: skip
        assert await house.own.with_ending("default", ending, OTHER) is None
        assert await house.own.with_ending("baoji", ending, PHONE) is None
        assert await house.own.with_number("default", number) == found
        assert await house.own.with_number("default", "261121999999") is None
        await house.tell(number, "refused", Role.SEAT, code="insult")
        refused = await house.own.with_number("default", number)
        assert refused is not None
        assert (refused.state, refused.refused) == (TicketState.NOT_ACCEPTED, "insult")


async def test_the_number_he_gave_by_voice_is_on_record_too(sql_url: str) -> None:
    async with own_on(sql_url) as house:
        answers = (SpokenAnswer(Question.NUMBER, value=OTHER, keys="2"),)
        spoken = request_of("cmn", answers)
        number = await house.made("n-1.1", origin=Origin.VOICE_REQUEST, spoken=spoken)
        found = await house.own.with_ending("default", number[-4:], OTHER)
        assert found is not None
        assert found.phones == {PHONE, OTHER}


async def test_a_confidential_ticket_is_not_there(sql_url: str) -> None:
    async with own_on(sql_url) as house:
        number = await house.made("n-1.1")
        await house.tell(number, "confided", Role.CITIZEN)
        assert await house.own.with_number("default", number) is None
        assert await house.own.with_ending("default", number[-4:], PHONE) is None


async def test_urging_counts_once_a_day(sql_url: str) -> None:
    """Also when it is asked for twice at once, by what was seen before."""
    async with own_on(sql_url) as house:
        number = await house.made("n-1.1")
        seen = await house.own.with_number("default", number)
        assert seen is not None
        assert await house.own.urge(seen, NOON)
        assert not await house.own.urge(seen, NOON + timedelta(hours=1))
        seen = await house.own.with_number("default", number)
        assert seen is not None
        assert not await house.own.urge(seen, NOON + timedelta(hours=2))
        assert await house.own.urge(seen, NOON + timedelta(days=1))
        life = await house.lives.life("default", number)
        assert life.urges == 2
        assert (await house.lives.history("default", number))[1].told.actor.role is Role.CITIZEN


async def test_a_ticket_that_has_ended_meanwhile_is_not_urged(sql_url: str) -> None:
    async with own_on(sql_url) as house:
        number = await house.made("n-1.1")
        seen = await house.own.with_number("default", number)
        assert seen is not None
        await house.tell(number, "voided", Role.SEAT, code="test")
        assert not await house.own.urge(seen, NOON)
        ended = await house.own.with_number("default", number)
        assert ended is not None
        assert not await house.own.add(ended, words())


async def test_his_words_are_an_event_and_a_recording_to_be_checked(sql_url: str) -> None:
    """Once a file, however often it is told."""
    async with own_on(sql_url) as house:
        number = await house.made("n-1.1")
        seen = await house.own.with_number("default", number)
        assert seen is not None
        for _ in range(2):
            assert await house.own.add(seen, words())
        assert await house.own.add(seen, words(2))
        history = await house.lives.history("default", number)
        assert [kept.told.event for kept in history] == ["created", "noted", "noted"]
        assert history[1].told.data["recording"] == words().stored
        assert history[1].told.data["voice_s"] == 8.0
        expected = select(recordings.c.path, recordings.c.call_id).order_by(recordings.c.path)
        rows = await house.database.read(lambda c: c.execute(expected).all())
        assert [tuple(row) for row in rows] == [
            (words(1).stored, "n-9.9"), (words(2).stored, "n-9.9"),
        ]  # fmt: skip
        waiting = await SqlTranscripts(house.database).pending(("cmn",), limit=5)
        assert [(one.path, one.number, one.fact) for one in waiting] == [
            (words(1).stored, number, None), (words(2).stored, number, None),
        ]  # fmt: skip
        assert not await SqlTranscripts(house.database, "other").pending(("cmn",), limit=5)


async def test_words_to_a_closed_matter_open_it_again(sql_url: str) -> None:
    async with own_on(sql_url) as house:
        number = await house.made("n-1.1")
        await house.tell(number, "refused", Role.SEAT, code="insult")
        seen = await house.own.with_number("default", number)
        assert seen is not None
        assert await house.own.add(seen, words())
        assert (await house.lives.life("default", number)).state is TicketState.PENDING_REVIEW


async def test_wrong_answers_close_it_for_a_day(sql_url: str) -> None:
    """A telephone, all that show none, a ticket: each by its own count, durable."""
    async with own_on(sql_url) as house:
        number = await house.made("n-1.1")
        for n in range(CALLER_TRIES):
            assert not await house.own.blocked("default", OTHER), n
            await house.own.wrong("default", OTHER, number)
        assert await house.own.blocked("default", OTHER)
        assert not await house.own.blocked("default", PHONE)
        assert not await house.own.blocked("baoji", OTHER)
        assert await house.own.with_number("default", number) is not None
        for _ in range(TICKET_TRIES - CALLER_TRIES):
            await house.own.wrong("default", "", number)
        assert await house.own.with_number("default", number) is None
        assert not await house.own.blocked("default", "")
        for _ in range(HIDDEN_TRIES):
            await house.own.wrong("default", "")
        assert await house.own.blocked("default", "")
        later = SqlOwnTickets(house.database, house.lives, ZONES, lambda: NOON + timedelta(days=1))
        assert not await later.blocked("default", OTHER)
        assert await later.with_number("default", number) is not None


@pytest.mark.parametrize("away", ["with_ending", "blocked"])
async def test_the_ticket_s_own_citizen_is_not_locked_out_by_strangers(
    sql_url: str, away: str
) -> None:
    """Who calls from the telephone on record is found by the ending, whatever others have tried."""
    async with own_on(sql_url) as house:
        number = await house.made("n-1.1")
        for _ in range(TICKET_TRIES):
            await house.own.wrong("default", "", number)
        found = await house.own.with_ending("default", number[-4:], PHONE)
        assert (found is not None, await house.own.blocked("default", PHONE)) == (True, False)
