"""Live boards: snapshot, changes, many clients, slow ones, uninvited ones."""

import asyncio
import base64
import gc
import json
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest

from console import live
from console.api import wallboard
from console.live import OUTBOX_MESSAGES
from console.ports import Role, WaitingSummary
from queue_manager.model import SeatState
from tests.console.conftest import FLUSH_S, Caller, served
from tests.console.fakes import CITY, OTHER_CITY, City, everywhere

LIVE = f"/api/v1/tenants/{CITY}/live"
MEBIBYTE = 1024 * 1024


@asynccontextmanager
async def watching(
    caller: Caller, path: str = LIVE, origin: str | None = None
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A connection whose token was sent."""
    async with caller.session.ws_connect(caller.base + path, origin=origin) as ws:
        await ws.send_json({"token": caller.token})
        yield ws


async def next_of(ws: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The next message of this type; beats and others before it are passed over."""
    while True:
        message = await ws.receive_json(timeout=10)
        if message["type"] == kind:
            return dict(message)


async def closing_code(ws: aiohttp.ClientWebSocketResponse) -> int | None:
    """How the server ends a connection that has nothing to be told."""
    message = await ws.receive(timeout=10)
    assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED), message
    return ws.close_code


async def test_first_a_snapshot_then_only_what_changed(city: City, wall: Caller) -> None:
    async with watching(wall) as ws:
        told = await ws.receive_json(timeout=10)
        assert (told["type"], told["seq"]) == ("snapshot", 1)
        assert [seat["id"] for seat in told["board"]["seats"]] == ["801", "802"]
        city.put(CITY, "802", SeatState.TALKING)
        told = await next_of(ws, "changes")
        assert told["seq"] == 2
        assert [seat["id"] for seat in told["seats"]] == ["802"]
        assert set(told["set"]) == {"seats_by_state"}
        city.waiting_now[CITY] = WaitingSummary(1, city.now(), {"12345": 1})
        told = await next_of(ws, "changes")
        assert told["seats"] == []
        assert set(told["set"]) == {"waiting", "longest_waiting_since", "lines"}
        del city.seats[CITY]["801"]
        told = await next_of(ws, "changes")
        assert told["seats_gone"] == ["801"]


async def test_a_quiet_board_beats(wall: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BEAT_S", 0.05)
    async with watching(wall) as ws:
        await next_of(ws, "snapshot")
        told = await next_of(ws, "beat")
        assert set(told) == {"type", "seq", "at"}


async def test_changes_of_another_city_are_not_told(city: City, wall: Caller) -> None:
    async with watching(wall) as ws:
        await next_of(ws, "snapshot")
        city.put(OTHER_CITY, "901", SeatState.TALKING)
        city.put(CITY, "801", SeatState.TALKING)
        told = await next_of(ws, "changes")
        assert [seat["id"] for seat in told["seats"]] == ["801"]


@pytest.mark.parametrize(
    "hello",
    ["", "{", "[]", '{"token": 5}', '{"token": "x", "more": 1}', f'{{"token": "{"x" * 300}"}}'],
)
async def test_a_bad_hello_ends_the_connection(nobody: Caller, hello: str) -> None:
    async with nobody.session.ws_connect(nobody.base + LIVE) as ws:
        await ws.send_str(hello)
        assert await closing_code(ws) == 4400


async def test_silence_instead_of_a_token_ends_the_connection(
    nobody: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wallboard, "HELLO_S", 0.05)
    async with nobody.session.ws_connect(nobody.base + LIVE) as ws:
        assert await closing_code(ws) == 4400


async def test_a_huge_message_ends_the_connection(nobody: Caller) -> None:
    async with nobody.session.ws_connect(nobody.base + LIVE) as ws:
        await ws.send_str("x" * 100_000)
        assert await closing_code(ws) == 1009


async def test_wrong_tokens_and_tenants_are_refused(city: City, wall: Caller) -> None:
    async with watching(wall.having("wrong")) as ws:
        assert await closing_code(ws) == 4401
    async with watching(wall, f"/api/v1/tenants/{OTHER_CITY}/live") as ws:
        assert await closing_code(ws) == 4403
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with watching(wall, "/api/v1/tenants/nowhere/live"):
            pass
    assert refused.value.status == 404
    async with watching(
        wall.having(everywhere(city, Role.WALLBOARD)), f"/api/v1/tenants/{OTHER_CITY}/live"
    ) as ws:
        await next_of(ws, "snapshot")


async def test_a_token_in_the_url_opens_nothing(wall: Caller) -> None:
    url = f"{wall.base}{LIVE}?token={wall.token}"
    async with wall.session.ws_connect(url) as ws:
        await ws.send_str("{}")
        assert await closing_code(ws) == 4400


async def test_pages_of_other_sites_are_refused(wall: Caller) -> None:
    for origin in ("https://evil.example", "null", wall.base + ".evil.example"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with watching(wall, origin=origin):
                pass
        assert refused.value.status == 403
    async with watching(wall, origin=wall.base) as ws:
        await next_of(ws, "snapshot")


async def test_a_token_revoked_while_watching_ends_it(
    city: City, wall: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wallboard, "RECHECK_S", 0.05)
    async with watching(wall) as ws:
        await next_of(ws, "snapshot")
        city.revoke(wall.token)
        assert await closing_code(ws) == 4401


async def test_a_client_that_talks_on_is_closed(wall: Caller) -> None:
    async with watching(wall) as ws:
        await next_of(ws, "snapshot")
        await ws.send_str("anything")
        assert await closing_code(ws) == 4400


async def test_no_more_connections_than_there_are_places(
    wall: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_CLIENTS", 1)
    async with watching(wall) as ws:
        await next_of(ws, "snapshot")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with watching(wall):
                pass
        assert refused.value.status == 503
    async with asyncio.timeout(10):
        while True:
            try:
                async with watching(wall) as again:
                    await next_of(again, "snapshot")
                    return
            except aiohttp.WSServerHandshakeError:
                await asyncio.sleep(0.01)


async def test_a_board_that_cannot_be_read_for_a_moment_goes_on_afterwards(
    city: City, wall: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = asyncio.Event()

    def broken(tenant: str) -> WaitingSummary:
        tried.set()
        raise RuntimeError("for a moment")

    async with watching(wall) as ws:
        await next_of(ws, "snapshot")
        with monkeypatch.context() as moment:
            moment.setattr(city, "waiting", broken)
            await asyncio.wait_for(tried.wait(), 10)
        city.put(CITY, "801", SeatState.TALKING)
        await next_of(ws, "changes")


async def test_a_stopping_server_says_so(city: City) -> None:
    async with aiohttp.ClientSession() as session:
        async with served(city) as caller:
            ws = await session.ws_connect(caller.base + LIVE)
            await ws.send_json({"token": city.token(Role.WALLBOARD)})
            await next_of(ws, "snapshot")
            end = asyncio.ensure_future(closing_code(ws))
        assert await end == 1001


async def test_a_hundred_clients_cost_one_encoding_each_flush_and_little_memory(
    city: City, wall: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(60):
        city.seat(CITY, str(1000 + number))
    encoded: list[str] = []
    real = live.encode

    def counting(message: dict[str, object]) -> bytes:
        encoded.append(str(message.get("type", "board")))
        return real(message)

    monkeypatch.setattr(live, "encode", counting)
    gc.collect()
    before = psutil.Process().memory_info().rss
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(watching(wall)) for _ in range(100)]
        told = [await next_of(ws, "snapshot") for ws in clients]
        first = int(str(told[0]["seq"])) + 1
        assert encoded.count("board") == 1
        encoded.clear()
        began = time.monotonic()
        for round_ in range(20):
            state = SeatState.TALKING if round_ % 2 else SeatState.READY
            for number in range(60):
                city.put(CITY, str(1000 + number), state)
            told = await asyncio.gather(*(next_of(ws, "changes") for ws in clients))
            assert {message["seq"] for message in told} == {first + round_}
            assert all(len(message["seats"]) == 60 for message in told)
        took_s = time.monotonic() - began
        assert encoded.count("changes") == 20
        grown = psutil.Process().memory_info().rss - before
    assert took_s < 20, f"20 rounds to 100 clients took {took_s:.1f} s"
    assert grown < 64 * MEBIBYTE, f"{grown / MEBIBYTE:.0f} MiB for 100 clients, both ends"


async def test_a_client_that_stops_reading_is_dropped_and_the_others_are_not(
    city: City, wall: Caller, supervisor: Caller
) -> None:
    padding = "长" * 300
    for number in range(300):
        city.seat(CITY, str(2000 + number), name=padding)
    sleeper = _sleeper(wall)
    try:
        async with watching(wall) as ws:
            await next_of(ws, "snapshot")
            rounds = 0
            async with asyncio.timeout(60):
                while "hotline_live_clients_dropped_total 1.0" not in await _metrics(wall):
                    for seat_id in list(city.seats[CITY]):
                        view = city.seats[CITY][seat_id]
                        city.seats[CITY][seat_id] = replace(view, since=city.now())
                    await next_of(ws, "changes")
                    rounds += 1
            assert rounds <= OUTBOX_MESSAGES + 40
            city.put(CITY, "801", SeatState.TALKING)
            await next_of(ws, "changes")
            assert "hotline_live_clients 1.0" in await _metrics(wall)
    finally:
        sleeper.close()


async def _metrics(caller: Caller) -> str:
    _, told, _ = await caller.having("").ask("/metrics")
    return str(told.decode())


def _sleeper(caller: Caller) -> socket.socket:
    """A WebSocket that says hello and never reads again."""
    address = urlsplit(caller.base)
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.connect((address.hostname, address.port))
    key = base64.b64encode(os.urandom(16)).decode()
    link.sendall(
        f"GET {LIVE} HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        .encode()
    )  # fmt: skip
    hello = json.dumps({"token": caller.token}).encode()
    mask = b"\x00\x00\x00\x00"
    assert len(hello) < 126
    link.sendall(bytes([0x81, 0x80 | len(hello)]) + mask + hello)
    return link


def test_the_tests_flush_faster_than_people_look() -> None:
    assert live.FLUSH_S >= FLUSH_S
