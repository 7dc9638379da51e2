"""Tickets that cross over between two houses, each with a store of its own; on both stores."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from storage.exchange_tables import exchange_taken, outbox
from storage.tables import ticket_events, tickets
from tests.storage.exchange_house import (
    CITY,
    PIPES,
    TENANT,
    House,
    carry,
    of_body,
    proven,
    water,
)
from tests.storage.facts import opened
from tickets.errors import EventRefused
from tickets.model import Origin


@dataclass
class Pair:
    """The city and the water company."""

    city: House
    water: House

    async def both_ways(self) -> None:
        """Everything that waits, until nothing does."""
        while await carry(self.city, self.water, "city") or await carry(
            self.water, self.city, "water"
        ):
            pass

    async def theirs(self, number: str) -> str:
        """The water company's number of a ticket of the city's."""
        (crossed,) = await self.city.door.crossed(TENANT, number)
        return str(crossed["their_number"])


@pytest.fixture
async def pair(sql_url: str, tmp_path: Path) -> AsyncIterator[Pair]:
    other = f"sqlite:///{tmp_path}/water.db"
    async with opened(sql_url, deadline_s=20.0) as one, opened(other, deadline_s=20.0) as two:
        yield Pair(House(one, water()), House(two, CITY))


async def rows(house: House, table: Any) -> int:
    query = select(func.count()).select_from(table)
    return await house.database.read(lambda connection: connection.execute(query).scalar_one())


async def test_a_ticket_crosses_and_its_reply_comes_back(pair: Pair) -> None:
    number = await pair.city.crossing()
    await pair.both_ways()
    theirs = await pair.theirs(number)
    (back,) = await pair.water.door.crossed(TENANT, theirs)
    assert (back["their_number"], back["way"]) == (number, "in")
    there = await pair.water.tickets.get(TENANT, theirs)
    assert (there.origin, there.facts.caller_raw) == (Origin.PEER, "")
    assert await pair.water.state(theirs) == "PENDING_REVIEW"
    await pair.water.tell(theirs, "dispatched", lead="valves", co_units=None)
    await pair.both_ways()
    assert await pair.city.state(number) == "IN_PROGRESS"
    for event in ("signed", "contacted", "replied", "reply_passed"):
        await pair.water.tell(theirs, event)
    await pair.both_ways()
    history = await pair.city.lives.history(TENANT, number)
    assert [kept.told.event for kept in history][-3:] == ["signed", "contacted", "replied"]
    assert history[-1].told.data == {"reply": "已抢修,恢复供水"}
    assert history[-1].told.actor.id == "peer:water"
    await pair.city.tell(number, "reply_passed")
    await pair.city.tell(number, "satisfied")
    await pair.both_ways()
    assert await pair.water.state(theirs) == await pair.city.state(number) == "ARCHIVED"


async def test_what_was_taken_of_the_matter_is_told_and_of_the_citizen_what_is_allowed(
    pair: Pair,
) -> None:
    for requester, told in (("none", {}), ("phone", {"phone": "+8613800138000"})):
        pair.city.peers = type(pair.city.peers)(peers=(water(requester=requester),))
        await pair.city.crossing(f"n-{requester}", class_code="020301", place="翠竹园")
        (message,) = await pair.city.outbox.take(pair.city.now, lease_s=30, limit=10)
        data = message.body["data"]
        assert data["requester"] == told
        assert (data["title"], data["class_code"], data["place"]) == ("停水", "020301", "翠竹园")
        await pair.city.outbox.sent(message)


async def test_a_ticket_of_another_unit_line_or_class_stays(pair: Pair) -> None:
    number = await pair.city.made()
    await pair.city.tell(number, "submitted", title="噪音")
    await pair.city.tell(number, "dispatched", lead="roads", co_units=None)
    pair.city.peers = type(pair.city.peers)(peers=(water(classes=("0203",), lines=("12345",)),))
    await pair.city.crossing("n-2", class_code="0101")
    assert await rows(pair.city, outbox) == 0
    await pair.city.crossing("n-3", class_code="020301")
    assert await rows(pair.city, outbox) == 1


async def test_the_same_message_twice_is_taken_once_and_answered_the_same(pair: Pair) -> None:
    await pair.city.crossing()
    (message,) = await pair.city.outbox.take(pair.city.now, lease_s=30, limit=10)
    first = await pair.water.door.take(TENANT, "city", proven(message), pair.water.at)
    again = await pair.water.door.take(TENANT, "city", proven(message), pair.water.at)
    assert first == again
    assert await rows(pair.water, tickets) == 1
    other = of_body({**message.body, "id": message.message, "number": "261123000777"})
    reused = await pair.water.door.take(TENANT, "city", other, pair.water.at)
    assert (reused.status, reused.answer["error"]["id"]) == (409, "message-id-reused")
    assert await rows(pair.water, tickets) == 1


async def test_a_signed_message_that_is_sent_again_is_refused(pair: Pair) -> None:
    await pair.city.crossing()
    (message,) = await pair.city.outbox.take(pair.city.now, lease_s=30, limit=10)
    await pair.water.door.take(TENANT, "city", proven(message, "n-1"), pair.water.at)
    before = await rows(pair.water, ticket_events), await rows(pair.water, exchange_taken)
    again = await pair.water.door.take(TENANT, "city", proven(message, "n-1"), pair.water.at)
    assert (again.status, again.answer["error"]["id"]) == (409, "message-replayed")
    assert (await rows(pair.water, ticket_events), await rows(pair.water, exchange_taken)) == before


async def test_who_died_after_sending_sends_again_and_it_is_taken_once(pair: Pair) -> None:
    number = await pair.city.crossing()
    (message,) = await pair.city.outbox.take(pair.city.now, lease_s=30, limit=10)
    await pair.water.door.take(TENANT, "city", proven(message), pair.water.at)
    # killed here, before anything was marked: nobody else sends it while it was ours
    assert not await pair.city.outbox.take(pair.city.now + 29, lease_s=30, limit=10)
    pair.city.at += timedelta(seconds=30)
    ((kind, taken),) = await carry(pair.city, pair.water, "city")
    assert (kind, taken.status) == ("ticket", 200)
    assert await rows(pair.water, tickets) == 1
    assert await pair.theirs(number) == taken.answer["number"]


async def test_a_tickets_messages_are_sent_in_order_others_go_on(pair: Pair) -> None:
    number = await pair.city.crossing()
    await pair.city.tell(number, "urged", text="又停了")
    await pair.city.crossing("n-2")
    first = await pair.city.outbox.take(pair.city.now, lease_s=30, limit=10)
    assert [message.kind for message in first] == ["ticket", "ticket"]
    await pair.city.outbox.later(first[0], pair.city.now + 60, "away")
    assert not await pair.city.outbox.take(pair.city.now + 20, lease_s=30, limit=10)
    await pair.city.outbox.sent(first[0])
    (urged,) = await pair.city.outbox.take(pair.city.now, lease_s=30, limit=10)
    assert (urged.kind, urged.number) == ("urged", number)


async def test_what_the_ticket_does_not_take_is_refused_whole(pair: Pair) -> None:
    number = await pair.city.crossing()
    await pair.both_ways()
    theirs = await pair.theirs(number)
    await pair.city.tell(number, "reassigned", lead="roads", reason="职责调整")
    reply = {
        "version": 1, "id": "msg_0001", "from": "water", "to": "city", "at": "2026-11-23T04:00:00Z",
        "word": "replied", "number": theirs, "n": 1, "yours": number, "state": "CALLBACK",
        "data": {"reply": "已处理"},
    }  # fmt: skip
    before = await pair.city.events(number)
    await pair.city.tell(number, "withdrawn")
    taken = await pair.city.door.take(TENANT, "water", of_body(reply), pair.city.at)
    assert (taken.status, taken.answer["error"]["id"]) == (409, "illegal-transition")
    assert await pair.city.events(number) == [*before, "withdrawn"]
    once_more = await pair.city.door.take(TENANT, "water", of_body(reply), pair.city.at)
    assert once_more.answer["error"]["id"] == "illegal-transition"
    stranger = await pair.city.door.take(
        TENANT, "gas", of_body({**reply, "id": "msg_0002"}), pair.city.at
    )
    assert (stranger.status, stranger.answer["error"]["id"]) == (409, "not-crossed")


async def test_of_a_reply_that_is_refused_nothing_stays(pair: Pair) -> None:
    number = await pair.city.crossing()
    await pair.both_ways()
    theirs = await pair.theirs(number)
    await pair.water.tell(theirs, "dispatched", lead="valves", co_units=None)
    await pair.both_ways()
    await pair.city.tell(number, "handed_down", units=["roads"])
    before = await pair.city.events(number)
    for event in ("signed", "contacted", "replied", "reply_passed"):
        await pair.water.tell(theirs, event)
    carried = await carry(pair.water, pair.city, "water")
    kind, taken = carried[-1]
    assert (kind, taken.answer["error"]["id"]) == ("replied", "children-open")
    assert await pair.city.events(number) == before


async def test_a_return_is_reviewed_here_and_recalled_there(pair: Pair) -> None:
    number = await pair.city.crossing()
    await pair.both_ways()
    theirs = await pair.theirs(number)
    await pair.water.tell(theirs, "refused", code="outside_jurisdiction")
    await pair.both_ways()
    assert await pair.city.state(number) == "RETURN_REVIEW"
    await pair.city.tell(number, "return_refused")
    await pair.both_ways()
    assert await pair.water.state(theirs) == "PENDING_REVIEW"
    assert await pair.city.state(number) == "DISPATCHED"


async def test_a_ticket_that_is_taken_away_is_withdrawn_there_and_can_come_again(
    pair: Pair,
) -> None:
    number = await pair.city.crossing()
    await pair.both_ways()
    first = await pair.theirs(number)
    await pair.city.tell(number, "reassigned", lead="roads", reason="职责调整")
    await pair.both_ways()
    assert await pair.water.state(first) == "WITHDRAWN"
    await pair.city.tell(number, "reassigned", lead=PIPES, reason="仍属供水")
    await pair.both_ways()
    second = await pair.theirs(number)
    assert second != first
    assert await pair.water.state(second) == "PENDING_REVIEW"


async def test_a_citizen_who_is_not_content_brings_the_second_round_there(pair: Pair) -> None:
    number = await pair.city.crossing()
    await pair.both_ways()
    theirs = await pair.theirs(number)
    await pair.water.tell(theirs, "dispatched", lead="valves", co_units=None)
    for event in ("signed", "contacted", "replied", "reply_passed"):
        await pair.water.tell(theirs, event)
    await pair.both_ways()
    await pair.city.tell(number, "reply_passed")
    await pair.city.tell(number, "unsatisfied")
    await pair.both_ways()
    life = await pair.water.lives.life(TENANT, theirs)
    assert (str(life.state), life.round, life.supervised) == ("DISPATCHED", 2, True)


async def test_an_event_that_is_refused_is_told_to_nobody(pair: Pair) -> None:
    number = await pair.city.crossing()
    before = await rows(pair.city, outbox)
    with pytest.raises(EventRefused):
        await pair.city.tell(number, "return_asked", reason="")
    assert await rows(pair.city, outbox) == before


async def test_a_given_up_message_can_be_sent_again(pair: Pair) -> None:
    await pair.city.crossing()
    (message,) = await pair.city.outbox.take(pair.city.now, lease_s=30, limit=10)
    await pair.city.outbox.give_up(message, "too long away")
    assert not await pair.city.outbox.take(pair.city.now + 99, lease_s=30, limit=10)
    (given_up,) = await pair.city.outbox.list(TENANT, state="given_up")
    assert given_up.reason == "too long away"
    assert await pair.city.outbox.again(TENANT, given_up.id)
    assert not await pair.city.outbox.again(TENANT, given_up.id)
    ((_, taken),) = await carry(pair.city, pair.water, "city")
    assert taken.status == 200


async def test_what_is_old_is_forgotten_and_what_waits_is_kept(pair: Pair) -> None:
    number = await pair.city.crossing()
    await pair.both_ways()
    await pair.city.tell(number, "urged")
    await pair.city.outbox.purge(pair.city.now + 40 * 86_400)
    assert [one.kind for one in await pair.city.outbox.list(TENANT)] == ["urged"]
    await pair.water.outbox.purge(pair.water.now + 40 * 86_400)
    assert await rows(pair.water, exchange_taken) == 0
