"""Tickets cross between two houses over signed HTTP; what isn't signed as it must be is refused."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from hotline.signing import sign
from tests.hotline.exchanging import SECRET, TENANT, Town, two_towns

PATH = f"/exchange/v1/{TENANT}"
Pair = tuple[Town, Town]


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with two_towns(tmp_path) as both:
        yield both


async def until(true: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for what another house will have done."""
    deadline = asyncio.get_running_loop().time() + 60
    while not await true():
        assert asyncio.get_running_loop().time() < deadline, f"never: {what}"
        await asyncio.sleep(0.02)


def message(**changed: Any) -> dict[str, Any]:
    """What a city says of a ticket of its own."""
    said = {
        "version": 1, "id": "msg_00000001", "from": "city", "to": "water",
        "at": "2026-11-23T04:00:00Z", "word": "ticket", "number": "261123000001", "n": 1,
        "yours": "", "state": "DISPATCHED", "data": {"title": "停水", "text": "三栋停水两天"},
    }  # fmt: skip
    return said | changed


async def post(house: Town, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """Status, and the error's id or the number."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(house.door, data=body, headers=dict(headers)) as answer,
    ):
        told = await answer.json()
        return answer.status, told["error"]["id"] if "error" in told else told["number"]


def signed(house: Town, body: bytes, **other: Any) -> Mapping[str, str]:
    """The headers of a message that the city signs."""
    values = {"sender": "city", "secret": SECRET, "at": house.clock.now()} | other
    return {"Content-Type": "application/json", **sign("POST", PATH, body, **values)}


def encoded(**changed: Any) -> bytes:
    return json.dumps(message(**changed)).encode()


async def test_a_ticket_crosses_is_handled_there_and_its_reply_comes_back(pair: Pair) -> None:
    city, water = pair
    number = await city.crossing()

    async def there() -> bool:
        return await water.numbers() != []

    await until(there, "the ticket is there")
    (theirs,) = await water.numbers()
    assert await water.state(theirs) == "PENDING_REVIEW"
    await water.tell(theirs, "dispatched", lead="roads")
    for event in ("signed", "contacted", "replied", "reply_passed"):
        await water.tell(theirs, event)

    async def back() -> bool:
        return await city.state(number) == "REPLY_REVIEW"

    await until(back, "the reply is back")
    status, told = await city.ask(f"/api/v1/tenants/{TENANT}/tickets/{number}/crossings")
    assert status == 200
    assert told["crossings"] == [
        {"peer": "water", "way": "out", "their_number": theirs, "their_state": "CALLBACK",
         "open": True}
    ]  # fmt: skip
    await city.tell(number, "reply_passed")
    await city.tell(number, "satisfied")

    async def archived() -> bool:
        return await water.state(theirs) == "ARCHIVED"

    await until(archived, "archived there, too")


async def test_what_a_peer_that_was_away_missed_is_delivered_once_when_it_is_back(
    pair: Pair,
) -> None:
    city, water = pair
    await water.shut()
    await city.crossing()

    async def tried() -> bool:
        _, told = await city.ask(f"/api/v1/tenants/{TENANT}/exchange/messages?state=waiting")
        return bool(told["messages"] and told["messages"][0]["tries"])

    await until(tried, "it was tried")
    assert await water.numbers() == []
    await water.open()

    async def sent() -> bool:
        _, told = await city.ask(f"/api/v1/tenants/{TENANT}/exchange/messages?state=sent")
        return bool(told["messages"])

    await until(sent, "it was sent")
    assert len(await water.numbers()) == 1


REFUSED = {
    "unsigned": (401, "signature-missing"),
    "forged": (401, "signature-refused"),
    "altered": (401, "signature-refused"),
    "elsewhere": (401, "signature-refused"),
    "stranger": (401, "signature-refused"),
    "old": (401, "signature-stale"),
    "early": (401, "signature-stale"),
    "echo": (403, "wrong-receiver"),
    "another": (403, "wrong-receiver"),
    "shapeless": (422, "message-invalid"),
    "unstorable": (422, "message-invalid"),
    "script": (422, "message-invalid"),
    "script-said": (422, "message-invalid"),
    "not-crossed": (409, "not-crossed"),
    "oversize": (413, "body-too-large"),
}


async def test_what_is_not_a_peers_own_message_is_refused_and_changes_nothing(pair: Pair) -> None:
    _, water = pair
    for case, expected in REFUSED.items():
        body, headers = wrong(water, case)
        assert await post(water, body, headers) == expected, case
        assert await water.numbers() == [], case


def wrong(water: Town, case: str) -> tuple[bytes, Mapping[str, str]]:
    """A message that isn't as it must be."""
    body = encoded()
    headers = signed(water, body)
    if case == "unsigned":
        headers = {"Content-Type": "application/json"}
    elif case == "forged":
        headers = signed(water, body, secret="x" * 32)
    elif case == "altered":
        body = body.replace(b"261123000001", b"261123000002")
    elif case == "elsewhere":
        headers = sign(
            "POST", "/exchange/v1/other", body, sender="city", secret=SECRET, at=water.clock.now()
        )
    elif case == "stranger":
        headers = signed(water, body, sender="gas")
    elif case == "old":
        headers = signed(water, body, at=water.clock.now() - timedelta(seconds=310))
    elif case == "early":
        headers = signed(water, body, at=water.clock.now() + timedelta(seconds=310))
    else:
        changed: dict[str, dict[str, Any]] = {
            "echo": {"from": "water", "to": "city"},
            "another": {"to": "gas"},
            "shapeless": {"word": "shout"},
            "unstorable": {"data": {"text": "a\0b"}},
            "script": {"data": {"title": "<script>alert(1)</script>"}},
            "script-said": {"data": {"text": "<img src=x onerror=alert(1)>"}},
            "not-crossed": {"word": "urged", "number": "261123000009"},
            "oversize": {"data": {"text": "x" * 70_000}},
        }
        body = encoded(**changed[case])
        headers = signed(water, body)
    return body, headers


async def test_a_captured_message_can_not_be_sent_again(pair: Pair) -> None:
    _, water = pair
    body = encoded()
    headers = signed(water, body)
    status, number = await post(water, body, headers)
    assert (status, await water.numbers()) == (200, [number])
    assert await post(water, body, headers) == (409, "message-replayed")
    assert await post(water, body, signed(water, body)) == (200, number)
    other = encoded(number="261123000002")
    assert await post(water, other, signed(water, other)) == (409, "message-id-reused")
    assert await water.numbers() == [number]


async def test_a_door_that_is_knocked_at_too_often_says_so(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, water = pair
    monkeypatch.setattr("console.outward.DOOR_BURST", 2)
    monkeypatch.setattr("console.outward.DOOR_REFILL_S", 1000.0)
    await water.shut()
    await water.open()
    answers = [await post(water, b"{}", {}) for _ in range(3)]
    assert answers == [(401, "signature-missing")] * 2 + [(429, "too-many-requests")]


async def test_what_a_peer_refuses_for_good_is_shown_and_can_be_sent_again(pair: Pair) -> None:
    city, _ = pair
    number = await city.crossing()

    async def crossed() -> bool:
        _, told = await city.ask(f"/api/v1/tenants/{TENANT}/tickets/{number}/crossings")
        return bool(told["crossings"][0]["their_number"])

    await until(crossed, "it has crossed")
    await city.tell(number, "return_asked", suggested="roads")
    await city.tell(number, "return_refused")  # there it was never refused: nothing to appeal

    async def given_up() -> bool:
        _, told = await city.ask(f"/api/v1/tenants/{TENANT}/exchange/messages?state=given_up")
        return bool(told["messages"])

    await until(given_up, "it was given up")
    _, told = await city.ask(f"/api/v1/tenants/{TENANT}/exchange/messages?state=given_up")
    (shown,) = told["messages"]
    assert (shown["kind"], shown["reason"]) == ("return_refused", "409 illegal-transition")
    path = f"/api/v1/tenants/{TENANT}/exchange/messages/{shown['id']}/again"
    assert await city.ask(path, "POST") == (200, {"id": shown["id"], "state": "waiting"})
