"""The simulator's way to the HTTP API, against a small server that answers as the console does."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from simulator.console_door import ConsoleDoor
from simulator.demo import Stage, demonstrate
from simulator.errors import StepMissed
from simulator.seats import Account
from simulator.sipp import Address

SEATS: list[dict[str, str]] = [
    {"id": "1001", "state": "talking"},
    {"id": "demo1", "state": "ready"},
]


@pytest.fixture
async def asked() -> AsyncIterator[tuple[str, list[str]]]:
    """A console with one seat on duty; its address, and what it was asked for."""
    heard: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(f"{request.method} {request.path}")
        if request.headers.get("Authorization") != "Bearer right":
            return web.json_response({"error": {"message": "no such token"}}, status=401)
        told: dict[str, Any] = {
            "seats": {"seats": SEATS},
            "hours": {"hours": [{"line": "", "mode": "closed"}, {"line": "x", "mode": "open"}]},
            "tickets": {"tickets": [{"number": "1"}]},
            "state": {"seat": {"state": "ready"}},
        }
        return web.json_response(told[request.path.rsplit("/", 1)[1]])

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}", heard
    await runner.cleanup()


async def test_the_door_asks_as_the_console_wants(asked: tuple[str, list[str]]) -> None:
    url, heard = asked
    async with ConsoleDoor(url, "right", "city") as door:
        assert await door.make_ready("1001") == "ready"
        assert await door.hours_mode() == "closed"
        assert await door.tickets(5) == [{"number": "1"}]
        await door.set_hours("open")
    assert heard == [
        "POST /api/v1/tenants/city/seats/1001/state",
        "GET /api/v1/tenants/city/hours",
        "GET /api/v1/tenants/city/tickets",
        "PUT /api/v1/tenants/city/hours",
    ]


async def test_a_refusal_is_told_in_the_console_s_words(asked: tuple[str, list[str]]) -> None:
    async with ConsoleDoor(asked[0], "wrong", "city") as door:
        with pytest.raises(StepMissed, match=r"401.*no such token"):
            await door.seats()


async def test_a_console_that_is_away_is_told(unused_tcp_port: int) -> None:
    async with ConsoleDoor(f"http://127.0.0.1:{unused_tcp_port}", "right", "city") as door:
        with pytest.raises(StepMissed, match="doesn't answer"):
            await door.seats()


async def test_nothing_is_played_while_real_seats_are_on_duty(
    asked: tuple[str, list[str]],
) -> None:
    """A real seat must not be rung by a simulated citizen, nor real hours be closed."""
    url, heard = asked

    async def channels() -> int:
        return 0

    stage = Stage(
        sip=Address("127.0.0.1", 5060), trunk_ip="127.0.0.2", base_url=url, token="right",
        tenant="city", general=Account("demo1", "x"), general_seat="demo1",
        labour=Account("demo2", "x"), labour_seat="demo2", channels=channels,
    )  # fmt: skip
    steps = [step async for step in demonstrate(stage)]
    assert [step.english for step in steps] == ["real seats are on duty: no demonstration"]
    assert heard == ["GET /api/v1/tenants/city/seats"]
