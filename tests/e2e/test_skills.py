"""Queues that know skills, on a real Asterisk: languages, steps, priorities, overflow, reload."""

import asyncio
import time
import urllib.error
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ivr.queue_rules import DEFAULT_RULES
from simulator.citizens import Citizen, LiveCall
from simulator.seats import Account, Manners, Seats
from tests.e2e.installation import Installation

CONFIG = """
[[tenants]]
id = "default"
name = "12345政务服务便民热线"
wrap_up_s = 0
ring_s = 4
queues_file = "queues.yaml"

[[tenants]]
id = "liuzhou"
name = "柳州12345"
prefixes = ["0772"]
wrap_up_s = 0

[[trunks]]
id = "carrier"
tenant = "default"
match = ["127.0.0.2"]
"""
STEPS = """    steps:
      - {after_s: 6, widen: {"svc:12333": ["svc:general>=3"]}}
      - {after_s: 14, overflow: {tenant: liuzhou}}

  - id: sign"""
SKILLS = {
    "1001": ("lang:cmn=5", "svc:general=3"),
    "1002": ("lang:cmn=5", "svc:12333=3"),
    "1003": ("lang:za=5", "lang:cmn=3", "svc:general=3"),
}
RELOAD = "/api/v1/tenants/default/reload"


def rules(folder: Path, steps: str = STEPS) -> Path:
    """The shipped rules with other steps for the main queue."""
    text = DEFAULT_RULES.read_text(encoding="utf-8")
    begin = text.index("    steps:\n", text.index("  - id: main"))
    end = text.index("  - id: sign") + len("  - id: sign")
    file = folder / "queues.yaml"
    file.write_text(text[:begin] + steps + text[end:], encoding="utf-8")
    return file


@asynccontextmanager
async def due(hotline: Installation, widen_s: int) -> AsyncIterator[None]:
    """The first step comes after so many seconds, the other after ten minutes: what happens before
    needed none of them."""
    other = STEPS.replace("after_s: 6", f"after_s: {widen_s}").replace("14", "601")
    try:
        rules(hotline.home, other)
        await asyncio.to_thread(hotline.api, RELOAD, method="POST")
        yield
    finally:
        rules(hotline.home)
        await asyncio.to_thread(hotline.api, RELOAD, method="POST")


@pytest.fixture(scope="module")
def hotline() -> Iterator[Installation]:
    installation = Installation(CONFIG)
    rules(installation.home)
    with installation:
        for tenant in ("default", "liuzhou"):
            installation.cli("hours", "set", "open", "--tenant", tenant)
        yield installation


@pytest.fixture(scope="module")
def accounts(hotline: Installation) -> dict[str, Account]:
    made = {n: hotline.add_seat(n, skills=s, ready=False) for n, s in SKILLS.items()}
    return made | {"2001": hotline.add_seat("2001", tenant="liuzhou", ready=False)}


@asynccontextmanager
async def phones(hotline: Installation, accounts: dict[str, Account]) -> AsyncIterator[Seats]:
    """All telephones registered, all seats paused: they are made ready one by one."""
    for number in accounts:
        await state(hotline, number, "paused")
    usual = Manners(ring_s=0.1, talk_s=1.0)
    async with Seats(list(accounts.values()), sip=hotline.sip, usual=usual) as seats:
        yield seats


async def state(hotline: Installation, number: str, wish: str) -> None:
    tenant = "liuzhou" if number == "2001" else "default"
    path = f"/api/v1/tenants/{tenant}/seats/{number}/state"
    body = {"state": wish} | ({"reason": "break"} if wish == "paused" else {})
    await asyncio.to_thread(hotline.api, path, method="POST", body=body)


async def queued(hotline: Installation, count: int) -> None:
    """So many wait."""
    await asyncio.to_thread(
        hotline.wait, lambda: hotline.board()["waiting"] == count, f"{count} waiting"
    )


@asynccontextmanager
async def waiting(
    hotline: Installation, caller: str, key: str, count: int, number: str = "12345"
) -> AsyncIterator[LiveCall]:
    """A caller who has pressed a key and waits as the `count`-th."""
    async with Citizen(caller, hotline.sip).dial(number) as call:
        await call.answered()
        await call.hear(0.1)  # a key that comes before the first word is lost
        call.press(key)
        await queued(hotline, count)
        yield call


def order(seats: Seats) -> list[tuple[str, str]]:
    """Who answered whom: the seat's number and the caller, in order."""
    answered = [e.values for e in seats.events if e.word == "answered"]
    return [(endpoint.rpartition("-")[2], caller) for _, endpoint, caller in answered]


async def test_a_zhuang_caller_ahead_holds_no_mandarin_caller_up(
    hotline: Installation, accounts: dict[str, Account]
) -> None:
    """They arrive in this order with only a Mandarin seat ready: the Mandarin caller is served at
    once, the Zhuang caller when a Zhuang seat gets ready."""
    zhuang, mandarin = "13800002001", "13800002002"
    async with due(hotline, 600), phones(hotline, accounts) as seats:
        await state(hotline, "1001", "ready")
        async with waiting(hotline, zhuang, "2", 1) as first:
            async with Citizen(mandarin, hotline.sip).dial("12345") as second:
                await second.answered()
                await second.hear(0.1)
                second.press("1")
                rang = await seats.wait_for("rang", accounts["1001"].endpoint)
                assert rang.values[2] == mandarin
                await second.ended(within_s=40)
            assert order(seats) == [("1001", mandarin)]
            await state(hotline, "1003", "ready")
            await first.ended(within_s=40)
        assert order(seats) == [("1001", mandarin), ("1003", zhuang)]
    assert hotline.ticket_of(zhuang)["facts"]["language"] == "za"


async def test_a_step_widens_for_a_caller_who_waits(
    hotline: Installation, accounts: dict[str, Account]
) -> None:
    """12333 has a seat of its own, which isn't there; after six seconds a general one may."""
    caller = "13800002003"
    async with due(hotline, 6), phones(hotline, accounts) as seats:
        await state(hotline, "1001", "ready")
        began = time.monotonic()
        async with waiting(hotline, caller, "1", 1, "12333") as call:
            rang = await seats.wait_for("rang", accounts["1001"].endpoint)
            assert rang.at - began > 5.5
            await call.ended(within_s=40)
        assert order(seats) == [("1001", caller)]


async def test_an_elder_goes_first_also_after_the_engine_was_killed(
    hotline: Installation, accounts: dict[str, Account]
) -> None:
    """His key was 9, he came second. The engine dies and another one takes both up: needs,
    priority and place stand on the channel."""
    ordinary, elder = "13800002004", "13800002005"
    async with (
        phones(hotline, accounts) as seats,
        waiting(hotline, ordinary, "2", 1) as first,
        waiting(hotline, elder, "9", 2) as second,
    ):
        hotline.kill("engine")
        await asyncio.to_thread(hotline.wait, lambda: not hotline.ready, "the engine's end")
        await asyncio.to_thread(hotline.wait, lambda: hotline.ready, "the next engine")
        await queued(hotline, 2)
        await state(hotline, "1003", "ready")
        await second.ended(within_s=40)
        await first.ended(within_s=40)
        assert order(seats) == [("1003", elder), ("1003", ordinary)]


async def test_a_caller_overflows_to_another_citys_seat_and_his_ticket_stays_here(
    hotline: Installation, accounts: dict[str, Account]
) -> None:
    caller = "13800002006"
    async with phones(hotline, accounts) as seats:
        await state(hotline, "2001", "ready")
        async with waiting(hotline, caller, "1", 1) as call:
            await seats.wait_for("rang", accounts["2001"].endpoint, within_s=60)
            await call.ended(within_s=40)
        assert order(seats) == [("2001", caller)]
    ticket = hotline.ticket_of(caller)
    assert (ticket["seat_id"], ticket["facts"]["line_id"]) == ("liuzhou/2001", "general")


async def test_rules_with_a_mistake_are_refused_and_the_running_ones_stay(
    hotline: Installation, accounts: dict[str, Account]
) -> None:
    """Told with file, line and reason by the reload; a good file then counts for who waits: the
    running ones have no step for ten minutes."""
    caller = "13800002007"
    bad = STEPS.replace("svc:general>=3", "svc:genral")
    async with due(hotline, 600):
        file = rules(hotline.home, bad)
        lines = file.read_text().splitlines()
        line = next(n for n, text in enumerate(lines, 1) if "genral" in text)
        with pytest.raises(urllib.error.HTTPError) as caught:
            await asyncio.to_thread(hotline.api, RELOAD, method="POST")
        told = caught.value.read().decode()
        caught.value.close()
        assert caught.value.code == 409
        assert f"queues.yaml:{line}:" in told
        assert "svc:genral" in told
        async with phones(hotline, accounts) as seats:
            await state(hotline, "1001", "ready")
            async with waiting(hotline, caller, "1", 1, "12333") as call:
                rules(hotline.home, STEPS.replace("after_s: 6", "after_s: 1"))
                await asyncio.to_thread(hotline.api, RELOAD, method="POST")
                await seats.wait_for("rang", accounts["1001"].endpoint)
                await call.ended(within_s=40)
