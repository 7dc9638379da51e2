"""Events told to stored tickets: kept once, refused whole, read back at any time; both stores."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from storage.database import Database
from storage.lives import Command, SqlLives
from storage.tables import ticket_events
from storage.ticket_lists import After, SqlTicketLists
from storage.tickets import SqlTickets
from tests.storage.facts import NOON, ZONES, new_ticket, opened
from tests.tickets.lives import ROADS, WATER, told
from tickets.errors import EventRefused, UnknownTicket
from tickets.life import Life, Role
from tickets.lifecycle import OVERLAYS, TABLE, Event
from tickets.model import Origin
from tickets.model import TicketState as S


class Desk:
    """A database with tickets on it, and everybody who tells them something."""

    def __init__(self, database: Database, **options: Any) -> None:
        self.database = database
        self.tickets = SqlTickets(database, ZONES)
        self.lives = SqlLives(database, **options)
        self.lists = SqlTicketLists(database)

    async def made(self, call_id: str = "n-1.1", **facts: Any) -> str:
        """A new ticket's number."""
        return (await self.tickets.create(new_ticket(call_id, **facts))).number

    async def tell(
        self, number: str, event: str, who: Role | None = None, *, version: int | None = None,
        key: str = "", **data: Any,
    ) -> Life:  # fmt: skip
        """One event, by somebody who may."""
        if who is None:
            state = (await self.lives.life("default", number)).state
            step = TABLE.get((state, Event(event))) or OVERLAYS[Event(event)]
            who = step.who[0]
        return await self.lives.tell(
            Command("default", number, told(event, who, **data), version, key)
        )

    async def through(self, number: str, *events: str) -> Life:
        """One event after the other."""
        for event in events:
            life = await self.tell(number, event)
        return life

    async def refusal(self, number: str, event: str, who: Role | None = None, **more: Any) -> str:
        """The id of the error; nothing has changed."""
        before = await self.lives.history("default", number)
        with pytest.raises(EventRefused) as refused:
            await self.tell(number, event, who, **more)
        assert await self.lives.history("default", number) == before
        return refused.value.id

    async def number_of(self, where: Any) -> int:
        query = select(func.count()).select_from(ticket_events).where(where)
        return await self.database.read(lambda c: c.execute(query).scalar_one())


async def test_a_ticket_goes_through_its_life_and_every_moment_can_be_shown(sql_url: str) -> None:
    async with opened(sql_url) as database:
        desk = Desk(database)
        number = await desk.made()
        way = (
            "submitted", "dispatched", "signed", "contacted", "replied", "reply_passed",
            "satisfied",
        )  # fmt: skip
        last = await desk.through(number, *way)
        assert (last.state, last.seq) == (S.ARCHIVED, 8)
        assert last == await desk.lives.life("default", number)
        history = await desk.lives.history("default", number)
        assert [kept.told.event for kept in history] == ["created", *way]
        assert history[2].told == told("dispatched", Role.REVIEWER)
        signed = await desk.lives.life("default", number, seq=4)
        assert (signed.state, signed.lead) == (S.IN_PROGRESS, WATER)
        shown = await desk.tickets.get("default", number)
        assert (shown.state, shown.version) == (S.ARCHIVED, 8)


async def test_of_two_who_saw_the_same_version_one_is_refused(sql_url: str) -> None:
    async with opened(sql_url) as database:
        desk = Desk(database)
        number = await desk.made()
        results = await asyncio.gather(
            *(desk.tell(number, "submitted", Role.SEAT, version=1) for _ in range(2)),
            return_exceptions=True,
        )
        refused = [result for result in results if isinstance(result, EventRefused)]
        assert [error.id for error in refused] == ["stale-version"]
        assert await desk.refusal(number, "noted", version=1) == "stale-version"


async def test_the_same_command_twice_happens_once(sql_url: str) -> None:
    async with opened(sql_url) as database:
        desk = Desk(database)
        number = await desk.made()
        first, second = await asyncio.gather(
            *(desk.tell(number, "noted", Role.SEAT, key="k1", version=1) for _ in range(2))
        )
        assert first == second == await desk.tell(number, "noted", Role.SEAT, key="k1", version=1)
        assert len(await desk.lives.history("default", number)) == 2
        assert await desk.refusal(number, "noted", key="k1", text="anders") == "key-reused"
        assert await desk.refusal(number, "noted", key="k" * 101) == "too-long"


async def test_what_is_refused_harms_no_neighbour_in_the_commit(sql_url: str) -> None:
    async with opened(sql_url) as database:
        desk = Desk(database)
        good, bad = await desk.made("a"), await desk.made("b")
        results = await asyncio.gather(
            desk.tell(good, "submitted", Role.SEAT),
            desk.tell(bad, "signed", Role.DEPARTMENT),
            desk.tell("261121009999", "noted", Role.SEAT),
            desk.tell(good, "noted", Role.SEAT),
            return_exceptions=True,
        )
        assert isinstance(results[1], EventRefused)
        assert isinstance(results[2], UnknownTicket)
        assert (await desk.lives.life("default", good)).seq == 3
        assert (await desk.lives.life("default", bad)).seq == 1


async def test_a_unit_nobody_knows_is_refused(sql_url: str) -> None:
    async with opened(sql_url) as database:
        desk = Desk(database, known_unit=lambda tenant, unit: unit in (WATER, ROADS))
        number = await desk.made(origin=Origin.VOICE_REQUEST)
        assert await desk.refusal(number, "dispatched", lead="atlantis") == "unknown-unit"
        assert await desk.refusal(number, "dispatched", co_units=["atlantis"]) == "unknown-unit"
        assert (await desk.tell(number, "dispatched")).state is S.DISPATCHED


async def test_parts_are_tickets_that_end_with_or_before_their_whole(sql_url: str) -> None:
    async with opened(sql_url) as database:
        desk = Desk(database)
        whole = await desk.made()
        await desk.through(whole, "submitted", "dispatched", "signed", "contacted", "handed_down")
        await desk.tell(whole, "handed_down", units=[ROADS])
        parks, roads = (await desk.lists.newest("default", state=S.DISPATCHED))[::-1]
        assert (parks.unit, roads.unit) == ("450100-parks", ROADS)
        part = await desk.lives.life("default", roads.number)
        assert (part.parent, part.kind, part.state) == (whole, "", S.DISPATCHED)
        shown = await desk.tickets.get("default", roads.number)
        assert shown.origin is Origin.PART
        assert await desk.refusal(whole, "replied") == "children-open"
        await desk.tell(parks.number, "withdrawn", Role.SYSTEM, code="4711")
        assert (await desk.lives.life("default", whole)).open_children == 1
        gone = await desk.tell(whole, "withdrawn", Role.CITIZEN)
        assert (gone.state, (await desk.lives.life("default", whole)).open_children) == (
            S.WITHDRAWN, 0,
        )  # fmt: skip
        assert (await desk.lives.life("default", roads.number)).state is S.WITHDRAWN


async def test_a_linked_ticket_follows_its_main_one_and_keeps_its_own_callback(
    sql_url: str,
) -> None:
    async with opened(sql_url) as database:
        desk = Desk(database)
        main, second, third = [
            await desk.made(call_id, origin=Origin.VOICE_REQUEST) for call_id in "abc"
        ]
        await desk.tell(second, "linked", main=main)
        await desk.tell(third, "linked", main=main)
        assert (await desk.lives.life("default", main)).repeats == 2
        await desk.tell(second, "satisfied", Role.SYSTEM)
        await desk.through(main, "answered")
        assert (await desk.lives.life("default", main)).state is S.ARCHIVED
        assert (await desk.lives.life("default", second)).state is S.ARCHIVED
        waits = await desk.lives.life("default", third)
        assert (waits.state, waits.main_done) == (S.MERGED, True)
        again = await desk.tell(third, "unsatisfied", Role.SYSTEM)
        assert (again.state, again.main) == (S.PENDING_REVIEW, "")
        assert (await desk.lives.life("default", main)).repeats == 1


async def test_the_linked_go_on_by_themselves_when_the_main_one_is_void(sql_url: str) -> None:
    async with opened(sql_url) as database:
        desk = Desk(database)
        main, second = [await desk.made(c, origin=Origin.VOICE_REQUEST) for c in "ab"]
        await desk.tell(second, "linked", main=main)
        await desk.tell(main, "voided", Role.REVIEWER)
        assert (await desk.lives.life("default", second)).state is S.PENDING_REVIEW


async def test_nobody_links_to_a_ticket_that_is_not_open(sql_url: str) -> None:
    async with opened(sql_url) as database:
        desk = Desk(database)
        main, second = [await desk.made(c, origin=Origin.VOICE_REQUEST) for c in "ab"]
        await desk.tell(main, "voided", Role.REVIEWER)
        assert await desk.refusal(second, "linked", main=main) == "illegal-transition"
        with pytest.raises(UnknownTicket):
            await desk.tell(second, "linked", main="261121000077")
        assert (await desk.lives.life("default", second)).seq == 1


async def test_not_content_is_dispatched_again_with_a_supervisors_mark(sql_url: str) -> None:
    async with opened(sql_url) as database:
        desk = Desk(database)
        number = await desk.made()
        await desk.through(number, "submitted", "dispatched", "signed", "contacted", "replied")
        await desk.tell(number, "reply_passed")
        await desk.tell(number, "unsatisfied", Role.SYSTEM)
        life = await desk.lives.life("default", number)
        assert (life.state, life.round, life.supervised) == (S.DISPATCHED, 2, True)
        events = [kept.told.event for kept in await desk.lives.history("default", number)]
        assert events[-2:] == ["unsatisfied", "supervised"]


async def test_a_late_fact_of_the_call_joins_a_ticket_that_has_gone_on(sql_url: str) -> None:
    async with opened(sql_url) as database:
        desk = Desk(database)
        number = await desk.made(origin=Origin.ABANDONED)
        await desk.through(number, "submitted", "dispatched")
        late = new_ticket(
            origin=Origin.VOICE_REQUEST, at=NOON + timedelta(minutes=9), voice_path="v.wav"
        )
        ticket = await desk.tickets.create(late)
        assert (ticket.state, ticket.version, ticket.voice_path) == (S.DISPATCHED, 4, "v.wav")
        assert await desk.tickets.create(late) == ticket
        assert (await desk.tell(number, "signed")).seq == 5


async def test_lists_by_unit_state_and_due_page_by_page(sql_url: str) -> None:
    async with opened(sql_url) as database:
        desk = Desk(database)
        numbers = [await desk.made(f"c{n}", origin=Origin.VOICE_REQUEST) for n in range(5)]
        for number in numbers[:4]:
            await desk.tell(number, "dispatched", lead=ROADS if number == numbers[3] else WATER)
        await desk.tell(numbers[1], "signed")
        page = await desk.lists.newest("default", unit=WATER, limit=2)
        assert [line.number for line in page] == [numbers[2], numbers[1]]
        rest = await desk.lists.newest("default", unit=WATER, after=After(page[-1].number))
        assert [line.number for line in rest] == [numbers[0]]
        signed = await desk.lists.newest("default", unit=WATER, state=S.IN_PROGRESS)
        assert [line.number for line in signed] == [numbers[1]]
        waiting = await desk.lists.newest("default", state=S.PENDING_REVIEW)
        assert [line.number for line in waiting] == [numbers[4]]
        assert len(await desk.lists.newest("default")) == 5
        assert await desk.lists.newest("baoji") == []
        assert await desk.lists.due("default", WATER) == []


async def test_a_batch_with_another_city_keeps_each_ones_chain_apart(sql_url: str) -> None:
    async with opened(sql_url) as database:
        tickets, lives = SqlTickets(database, ZONES), SqlLives(database)
        made = await asyncio.gather(
            *(tickets.create(new_ticket("c", t, origin=Origin.VOICE_REQUEST)) for t in ZONES)
        )
        assert {ticket.number for ticket in made} == {"261121000001"}
        after = await asyncio.gather(
            *(
                lives.tell(Command(t, "261121000001", told("dispatched", Role.REVIEWER)))
                for t in ZONES
            )
        )
        assert {(life.tenant, life.state) for life in after} == {(t, S.DISPATCHED) for t in ZONES}
