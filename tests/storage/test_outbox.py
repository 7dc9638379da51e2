"""The outbox between engines that share a store, and what it costs who needs none."""

import asyncio
from typing import Any

import pytest

from storage.clockwork import Change, NoClocks
from storage.outbox import SqlOutbox
from storage.outlet import Outlet
from tests.storage.exchange_house import CITY, TENANT, House, proven, water
from tests.storage.facts import opened
from tests.tickets.lives import NOON, told
from tickets.life import SYSTEM, Life
from tickets.model import TicketState
from tickets.peers import NOBODY


async def test_of_several_senders_each_takes_what_no_other_has(postgres_url: str) -> None:
    async with (
        opened(postgres_url, deadline_s=20.0) as one,
        opened(postgres_url, deadline_s=20.0) as two,
    ):
        city = House(one, water())
        for n in range(12):
            await city.crossing(f"n-{n}")
        senders = [SqlOutbox(one), SqlOutbox(two)]
        taken = await asyncio.gather(
            *(senders[n % 2].take(city.now, lease_s=30, limit=3) for n in range(8))
        )
        messages = [message.message for some in taken for message in some]
        assert len(messages) == len(set(messages)) == 12


async def test_a_sender_that_holds_rows_keeps_no_other_waiting(postgres_url: str) -> None:
    async with opened(postgres_url, deadline_s=20.0) as one:
        city = House(one, water())
        for n in range(2):
            await city.crossing(f"n-{n}")
        async with opened(postgres_url, deadline_s=20.0) as two:
            (first,) = await SqlOutbox(one).take(city.now, lease_s=30, limit=1)
            (second,) = await SqlOutbox(two).take(city.now, lease_s=30, limit=10)
            assert first.number != second.number


async def test_a_message_that_comes_to_two_engines_at_once_is_taken_once(
    postgres_url: str, sqlite_url: str
) -> None:
    async with (
        opened(sqlite_url, deadline_s=20.0) as sender,
        opened(postgres_url, deadline_s=20.0) as one,
        opened(postgres_url, deadline_s=20.0) as two,
    ):
        city, engines = House(sender, water()), [House(one, CITY), House(two, CITY)]
        for n in range(4):
            await city.crossing(f"n-{n}")
        messages = await city.outbox.take(city.now, lease_s=30, limit=10)
        answers = await asyncio.gather(
            *(
                engine.door.take(TENANT, "city", proven(message), engine.at)
                for message in messages
                for engine in engines
            )
        )
        assert {answer.status for answer in answers} == {200}
        assert len(await engines[0].tickets.list(TENANT)) == 4
        assert answers[::2] == answers[1::2]


@pytest.mark.parametrize("texts", [False, True])
def test_a_tenant_without_peers_and_webhooks_pays_no_statement(texts: bool) -> None:
    """Nor does one with a gateway for what its citizens aren't told."""
    no_connection: Any = None
    outlet = Outlet(NoClocks(), lambda tenant: NOBODY, lambda tenant: (), texts=texts)
    life = Life("default", "261123000001", TicketState.DISPATCHED, seq=3, lead="pipes")
    change = Change(life, told("dispatched", SYSTEM), (), due=NOON)
    assert outlet.changed(no_connection, [change]) == [NOON]
