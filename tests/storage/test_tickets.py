"""Tickets in SQL, on both stores."""

import asyncio
import sys
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from storage.recordings import SqlRecordings
from storage.tickets import SqlTickets
from tests.storage.facts import NOON, SHANGHAI, ZONES, call_facts, new_ticket, opened
from tickets.errors import StoreRefused, UnknownTicket
from tickets.model import Kind, Origin, TicketState


async def test_a_ticket_comes_back_as_it_was_made(sql_url: str) -> None:
    facts = call_facts(
        kind=Kind.COMPLAINT, keys="12", language="za", caller_raw="张伟",
        started_at=NOON + timedelta(microseconds=123), recording="/hotline/r.wav",
    )  # fmt: skip
    new = new_ticket(facts=facts, seat_id="801", first_callback=True)
    async with opened(sql_url) as database:
        store = SqlTickets(database, ZONES)
        made = await store.create(new)
        assert made == await store.get("default", made.number)
        assert made == await store.of_call("default", "n-1.1")
        assert made.facts == facts
        assert made.number == "261121000001"
        assert made.created_at == NOON
        assert (made.seat_id, made.first_callback, made.callback_due) == ("801", True, True)
        assert made.recording == "/hotline/r.wav"
        assert (await store.get("default", made.number)).created_at.tzinfo is UTC


async def test_the_same_fact_twice_makes_one_ticket_and_wastes_no_number(sql_url: str) -> None:
    async with opened(sql_url) as database:
        store = SqlTickets(database, ZONES)
        first = await store.create(new_ticket("a"))
        assert await store.create(new_ticket("a")) == first
        assert (await store.create(new_ticket("b"))).number == "261121000002"
        assert len(await store.events("default", first.number)) == 1


async def test_an_abandoned_call_is_to_be_called_back(sql_url: str) -> None:
    async with opened(sql_url) as database:
        ticket = await SqlTickets(database, ZONES).create(new_ticket(origin=Origin.ABANDONED))
        assert ticket.callback_due


async def test_a_later_fact_raises_the_ticket_and_leaves_an_event(sql_url: str) -> None:
    async with opened(sql_url) as database:
        store = SqlTickets(database, ZONES)
        first = await store.create(new_ticket(origin=Origin.ABANDONED))
        later = NOON + timedelta(minutes=5)
        voice = "recordings/requests/2026/11/21/n-1.1-spool.wav"
        second = await store.create(
            new_ticket(
                origin=Origin.VOICE_REQUEST, at=later, voice_path=voice, voice_s=7.5,
                spool_id="n-1.1",
            )
        )  # fmt: skip
        assert second == await store.get("default", first.number)
        assert (second.origin, second.state) == (Origin.VOICE_REQUEST, TicketState.PENDING_REVIEW)
        assert (second.version, second.created_at, second.voice_s) == (2, NOON, 7.5)
        assert not second.callback_due
        assert second.notes == ("abandoned 2026-11-21T04:00:00+00:00",)
        events = await store.events("default", first.number)
        assert [(event.seq, event.event, event.at) for event in events] == [
            (1, "created", NOON), (2, "merged", later),
        ]  # fmt: skip
        pending = await SqlRecordings(database).pending(
            ended_before=later + timedelta(seconds=1), limit=9
        )
        assert [(one.path, one.expected_s) for one in pending] == [(voice, 7.5)]


async def test_numbers_count_per_tenant_and_local_day(sql_url: str) -> None:
    before = datetime(2026, 11, 21, 23, 59, 59, 999999, tzinfo=SHANGHAI)
    after = before + timedelta(microseconds=1)
    async with opened(sql_url) as database:
        store = SqlTickets(database, ZONES)
        numbers = [
            (await store.create(new_ticket(call_id, tenant, at=at))).number
            for call_id, tenant, at in (
                ("a", "nanning", before), ("b", "nanning", after), ("c", "baoji", before),
                ("d", "nanning", before.astimezone(UTC)),
            )
        ]  # fmt: skip
        assert numbers == ["261121000001", "261122000001", "261121000001", "261121000002"]
        assert await store.made_on("nanning", date(2026, 11, 21)) == 2
        assert await store.made_on("nanning", date(2026, 11, 23)) == 0


async def test_lists_are_newest_first_by_pages_and_of_one_tenant(sql_url: str) -> None:
    async with opened(sql_url) as database:
        store = SqlTickets(database, ZONES)
        await store.create(new_ticket("other", "baoji"))
        for n in range(5):
            at = NOON + timedelta(days=n)
            await store.create(new_ticket(f"c{n}", "nanning", at=at))
        page = await store.list("nanning", limit=2)
        assert [ticket.call_id for ticket in page] == ["c4", "c3"]
        page = await store.list("nanning", limit=9, before=page[-1].number)
        assert [ticket.call_id for ticket in page] == ["c2", "c1", "c0"]
        since = await store.list("nanning", since=NOON + timedelta(days=3))
        assert [ticket.call_id for ticket in since] == ["c4", "c3"]


async def test_unknown_tickets_and_tenants_are_named(sql_url: str) -> None:
    async with opened(sql_url) as database:
        store = SqlTickets(database, ZONES)
        with pytest.raises(UnknownTicket, match="261121000009"):
            await store.get("default", "261121000009")
        with pytest.raises(UnknownTicket, match=r"n-9\.9"):
            await store.of_call("default", "n-9.9")
        with pytest.raises(StoreRefused, match="atlantis"):
            await store.create(new_ticket(tenant="atlantis"))


async def test_one_call_told_by_many_at_once_makes_one_ticket(sql_url: str) -> None:
    origins = [Origin.ABANDONED, Origin.TALK, Origin.VOICE_REQUEST] * 4
    async with opened(sql_url) as one, opened(sql_url) as two:
        stores = [SqlTickets(one, ZONES), SqlTickets(two, ZONES)]
        made = await asyncio.gather(
            *(stores[n % 2].create(new_ticket(origin=o)) for n, o in enumerate(origins))
        )
        assert {ticket.number for ticket in made} == {"261121000001"}
        last = await stores[0].get("default", "261121000001")
        assert (last.version, last.origin) == (3, Origin.VOICE_REQUEST)


async def test_engines_that_share_a_database_never_give_a_number_twice(sql_url: str) -> None:
    tenants = ("nanning", "baoji")
    async with opened(sql_url) as one, opened(sql_url) as two, opened(sql_url) as three:
        stores = [SqlTickets(database, ZONES) for database in (one, two, three)]
        made = await asyncio.gather(
            *(stores[n % 3].create(new_ticket(f"c{n}", tenants[n // 3 % 2])) for n in range(300))
        )
    for tenant in tenants:
        numbers = sorted(ticket.number for ticket in made if ticket.tenant == tenant)
        assert numbers == [f"261121{n:06}" for n in range(1, 151)]


async def test_engines_that_share_a_database_lock_tenants_in_one_order(postgres_url: str) -> None:
    """Without that PostgreSQL would find them waiting for each other, and end one of the two."""
    async with opened(postgres_url) as one, opened(postgres_url) as two:
        orders = ((one, ("nanning", "baoji")), (two, ("baoji", "nanning")))
        for round_ in range(15):
            await asyncio.gather(
                *(
                    SqlTickets(database, ZONES).create(
                        new_ticket(f"{id(database)}{round_}", tenant)
                    )
                    for database, tenants in orders
                    for tenant in tenants
                )
            )
    async with opened(postgres_url) as database:
        query = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        assert await database.read(lambda c: c.execute(query).scalar()) == 0


PROCESS = """
import asyncio, sys
from storage.tickets import SqlTickets
from tests.storage.facts import ZONES, new_ticket, opened

async def main(url, name):
    async with opened(url, deadline_s=20.0) as database:
        store = SqlTickets(database, ZONES)
        made = await asyncio.gather(*(store.create(new_ticket(f"{name}{n}")) for n in range(50)))
        print(" ".join(ticket.number for ticket in made))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_processes_that_start_at_once_share_the_numbers(empty_sql_url: str) -> None:
    """They also migrate the empty database at the same moment."""
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROCESS, empty_sql_url, name, stdout=asyncio.subprocess.PIPE
        )
        for name in ("a", "b")
    ]
    outputs = await asyncio.gather(*(process.communicate() for process in processes))
    numbers = sorted(word for output, _ in outputs for word in output.decode().split())
    assert numbers == [f"261121{n:06}" for n in range(1, 101)]
