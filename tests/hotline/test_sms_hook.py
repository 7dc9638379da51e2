"""Text messages: written with what causes them, signed, sent until they are taken, seen where they
never were."""

import asyncio
import hashlib
import hmac
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hotline.courier import LEASE_S, TEXT_TRIES
from hotline.sms_hook import signature
from storage.lives import Command
from storage.outbox import Standing
from tests.hotline.exchanging import two_towns
from tests.hotline.texting import NAMED, SECRET, TENANT, Gateway, House, house_on, said, served
from tests.servers import PostgresServer, free_port
from tests.storage.facts import new_ticket
from tests.tickets.lives import PEOPLE
from tickets.errors import StoreAway
from tickets.life import Role, Told

PROJECT = Path(__file__).resolve().parents[2]


async def taken_of(house: House) -> list[tuple[str, str]]:
    """Each message's kind and how it stands, in order."""
    return [(one.kind, one.state) for one in await house.messages()]


async def test_a_citizen_is_told_his_number_and_what_follows_signed_and_in_order(
    sql_url: str,
) -> None:
    gateway = Gateway()
    async with served(gateway) as url, house_on(sql_url, url) as house:
        number = (await house.tickets.create(said())).number
        life = await house.asked(number)
        await house.courier.look()
        waiting = await house.messages()
    made = {
        "event": "ticket_made", "id": f"text_{number}_made", "language": "cmn", "tenant": TENANT,
        "ticket": number, "to": NAMED,
    }  # fmt: skip
    asked = made | {"event": "info-asked", "id": f"text_{number}_{life.seq}", "seq": life.seq}
    assert gateway.told == [made, asked]
    for signed, body in gateway.taken:
        stamp = signed.partition(",")[0].removeprefix("t=")
        right = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        assert signed == f"t={stamp},v1={right}"
    assert {one.state for one in waiting} == {"sent"}
    assert NAMED not in str(waiting), "no number lies in the outbox"


async def test_who_named_no_number_is_told_nothing_at_once_but_asked_where_he_called_from(
    sqlite_url: str,
) -> None:
    gateway = Gateway()
    async with served(gateway) as url, house_on(sqlite_url, url) as house:
        for new in (new_ticket("n-talk"), said(""), said("nobody")):
            number = (await house.tickets.create(new)).number
        assert await house.messages() == []
        await house.asked(number)
        await house.courier.look()
    assert [(one["event"], one["to"]) for one in gateway.told] == [("info-asked", "+8613800138000")]


async def test_a_house_sends_by_itself_signed_with_the_secret_that_it_keeps(
    tmp_path: Path,
) -> None:
    gateway = Gateway()
    async with served(gateway) as url, two_towns(tmp_path, sms_hook_url=url) as (city, _):
        await city.tickets.create(said())
        await asyncio.wait_for(gateway.asked.wait(), 60)
        secret = (city.settings.folders.secrets / "sms_hook").read_text().strip()
    ((signed, body),) = gateway.taken
    stamp = int(signed.partition(",")[0].removeprefix("t="))
    assert signed == signature(secret, datetime.fromtimestamp(stamp, UTC), body)


async def test_without_a_gateway_nothing_waits(sqlite_url: str) -> None:
    async with house_on(sqlite_url, "") as house:
        number = (await house.tickets.create(said())).number
        await house.asked(number)
        assert await house.messages() == []


async def test_the_same_event_twice_is_one_message(sql_url: str) -> None:
    """A fact told again, another fact of the same call, an event whose answer was lost."""
    gateway = Gateway()
    async with served(gateway) as url, house_on(sql_url, url) as house:
        facts = said(call_id="n-same")
        number = (await house.tickets.create(facts)).number
        for again in (facts, said(call_id="n-same", at=facts.at + timedelta(seconds=5))):
            assert (await house.tickets.create(again)).number == number
        for _ in range(2):
            await house.asked(number, key="asked-once")
        for _ in range(2):
            await house.courier.look()
    assert [one["event"] for one in gateway.told] == ["ticket_made", "info-asked"]


async def test_a_gateway_that_is_away_for_a_minute_gets_everything_once_it_is_back(
    sql_url: str,
) -> None:
    port = free_port()
    async with house_on(sql_url, f"http://127.0.0.1:{port}/sms") as house:
        numbers = [(await house.tickets.create(said())).number for _ in range(3)]
        await house.asked(numbers[0])
        await house.courier.look()
        waiting = await house.messages()
        assert {one.state for one in waiting} == {"waiting"}
        assert max(one.tries for one in waiting) == 1
        assert {one.reason for one in waiting} >= {"ClientConnectorError"}
        gateway = Gateway()
        async with served(gateway, port):
            for _ in range(4):
                house.clock.ahead += timedelta(seconds=60)
                await house.courier.look()
        assert sorted(one["ticket"] for one in gateway.told) == sorted([*numbers, numbers[0]])
        of_first = [one["event"] for one in gateway.told if one["ticket"] == numbers[0]]
        assert of_first == ["ticket_made", "info-asked"]
        assert {state for _, state in await taken_of(house)} == {"sent"}


async def test_what_the_gateway_refuses_is_seen_and_can_be_sent_again(sql_url: str) -> None:
    gateway = Gateway(refusing=1, status=422)
    async with served(gateway) as url, house_on(sql_url, url) as house:
        await house.tickets.create(said())
        await house.courier.look()
        (left,) = await house.messages()
        assert (left.state, left.reason) == ("given_up", "422")
        made_at = left.made_at
        assert await house.outbox.standing() == [
            Standing(TENANT, "text", "given_up", 1, left.id, made_at)
        ]
        assert await house.outbox.again(TENANT, left.id)
        await house.courier.look()
        assert await house.outbox.standing() == []
    assert len(gateway.told) == 1


async def test_what_waits_while_its_ticket_becomes_confidential_is_not_sent(sql_url: str) -> None:
    gateway = Gateway()
    async with served(gateway) as url, house_on(sql_url, url) as house:
        number = (await house.tickets.create(said())).number
        told = Told("confided", PEOPLE[Role.SUPERVISOR], house.clock.now())
        await house.deadlines.lives.tell(Command(TENANT, number, told))
        await house.courier.look()
        (left,) = await house.messages()
        assert (left.state, left.reason) == ("given_up", "the citizen isn't told any more")
    assert gateway.tries == 0


async def test_trying_has_an_end(sqlite_url: str) -> None:
    gateway = Gateway(refusing=10**6)
    async with served(gateway) as url, house_on(sqlite_url, url) as house:
        await house.tickets.create(said())
        began = house.clock.ahead
        while (await taken_of(house)) == [("ticket_made", "waiting")]:
            assert house.clock.ahead - began < timedelta(days=3)
            await house.courier.look()
            house.clock.ahead += timedelta(hours=1)
        assert (await taken_of(house)) == [("ticket_made", "given_up")]
    assert gateway.tries == TEXT_TRIES + 1


async def test_an_engine_killed_while_it_sends_has_lost_nothing(sql_url: str) -> None:
    """SIGKILL between the commit and the gateway's answer: sent again, known by its id."""
    gateway = Gateway()
    gateway.answering.clear()
    async with served(gateway) as url:
        engine = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.hotline.texting", sql_url, url,
            cwd=PROJECT, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert engine.stdout is not None
        try:
            async with asyncio.timeout(120):
                number = (await engine.stdout.readline()).decode().strip()
                await gateway.asked.wait()
        finally:
            engine.kill()
            await engine.wait()
        gateway.answering.set()
        async with house_on(sql_url, url) as house:
            house.clock.ahead = timedelta(seconds=LEASE_S + 2)
            for _ in range(2):
                await house.courier.look()
            assert await taken_of(house) == [("ticket_made", "sent")]
    assert [one["id"] for one in gateway.told] == [f"text_{number}_made"] * 2


@pytest.mark.parametrize("sql_url", ["postgresql"], indirect=True)
async def test_sql_gone_when_a_message_was_just_taken_sends_it_again_by_the_same_id(
    postgres_server: PostgresServer, sql_url: str
) -> None:
    gateway = Gateway()
    async with served(gateway) as url, house_on(sql_url, url) as house:
        number = (await house.tickets.create(said())).number
        gateway.answering.clear()
        looking = asyncio.create_task(house.courier.look())
        await asyncio.wait_for(gateway.asked.wait(), 60)
        postgres_server.stop()
        gateway.answering.set()
        with pytest.raises(StoreAway):
            await house.asked(number, key="once")
        with pytest.raises(StoreAway):
            await looking
        postgres_server.start()
        await asyncio.wait_for(house.database.wait_healthy(), 60)
        life = await house.asked(number, key="once")
        house.clock.ahead = timedelta(seconds=LEASE_S + 2)
        for _ in range(2):
            await house.courier.look()
    assert [one["id"] for one in gateway.told] == [
        f"text_{number}_made", f"text_{number}_made", f"text_{number}_{life.seq}",
    ]  # fmt: skip
    assert json.loads(gateway.taken[0][1]) == json.loads(gateway.taken[1][1])
