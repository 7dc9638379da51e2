"""Webhooks: signed so that the standard's own library verifies them, tried again, ended when nobody
takes them, and never led into our own network."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from hotline.courier import HOOK_PATIENCE_S
from hotline.outside import Outside, Unreached, is_public, wrong_with
from tests.hotline.exchanging import TENANT, Town, two_towns
from tests.servers import free_port

HOOKS = f"/api/v1/tenants/{TENANT}/webhooks"


class Receiver:
    """Takes what is pushed; answers `status` first as often as it is `refusing`."""

    def __init__(self, refusing: int = 0, status: int = 503) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.refusing = refusing
        self.status = status
        self.tries = 0
        self.told = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        self.tries += 1
        body = await request.read()
        if self.tries <= self.refusing:
            self.told.set()
            return web.Response(status=self.status)
        self.taken.append((dict(request.headers), body))
        self.told.set()
        return web.Response(status=204)


@asynccontextmanager
async def served(receiver: Receiver) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}/hook"
    finally:
        await runner.cleanup()


@pytest.fixture
async def city(tmp_path: Path) -> AsyncIterator[Town]:
    async with two_towns(tmp_path, webhooks_private=True) as (city, _):
        yield city


async def subscribed(city: Town, url: str, *events: str) -> tuple[str, str]:
    """A webhook's id and secret."""
    asked = {"url": url, **({"events": list(events)} if events else {})}
    status, told = await city.ask(HOOKS, "POST", json=asked)
    assert status == 201, told
    return told["webhook"]["id"], told["secret"]


async def the_hook(city: Town) -> dict[str, Any]:
    _, told = await city.ask(HOOKS)
    (hook,) = told["webhooks"]
    return dict(hook)


async def test_an_event_is_told_signed_as_the_standard_says(city: Town) -> None:
    receiver = Receiver()
    async with served(receiver) as url:
        _, secret = await subscribed(city, url, "dispatched")
        number = await city.crossing()
        await asyncio.wait_for(receiver.told.wait(), 60)
    ((headers, body),) = receiver.taken
    told = Webhook(secret).verify(body, headers)
    assert told["type"] == "ticket.dispatched"
    assert told["data"]["ticket"] == number
    assert (told["data"]["state"], told["data"]["unit"]) == ("DISPATCHED", "pipes")
    assert "13800138000" not in body.decode()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body.replace(b"DISPATCHED", b"ARCHIVED"), headers)


async def test_a_receiver_that_is_busy_is_told_again_the_same(city: Town) -> None:
    receiver = Receiver(refusing=1)
    async with served(receiver) as url:
        await subscribed(city, url, "dispatched")
        await city.crossing()
        await asyncio.wait_for(receiver.told.wait(), 60)
        receiver.told.clear()
        city.clock.ahead += timedelta(seconds=61)
        await asyncio.wait_for(receiver.told.wait(), 60)
    ((headers, body),) = receiver.taken
    assert json.loads(body)["type"] == "ticket.dispatched"
    assert headers["webhook-id"].startswith("msg_")


async def test_a_webhook_that_failed_for_days_is_disabled_and_said_so(city: Town) -> None:
    receiver = Receiver(refusing=99)
    async with served(receiver) as url:
        hook, _ = await subscribed(city, url, "dispatched")
        await city.crossing()
        await asyncio.wait_for(receiver.told.wait(), 60)
        deadline = asyncio.get_running_loop().time() + 60
        while not (found := await the_hook(city))["disabled_at"]:
            assert asyncio.get_running_loop().time() < deadline, found
            city.clock.ahead += timedelta(hours=6)
            await asyncio.sleep(0.2)
        assert found["disabled_at"] - found["failing_since"] >= HOOK_PATIENCE_S
        assert found["reason"] == "503"
        tries = receiver.tries
        await city.crossing()
        status, told = await city.ask(f"{HOOKS}/{hook}/enable", "POST", json={"new_secret": True})
        assert (status, told["secret"][:6]) == (200, "whsec_")
        assert receiver.tries == tries
    assert (await the_hook(city))["disabled_at"] == 0


async def test_a_receiver_that_is_gone_is_told_no_more(city: Town) -> None:
    receiver = Receiver(refusing=99, status=410)
    async with served(receiver) as url:
        await subscribed(city, url)
        await city.crossing()
        await asyncio.wait_for(receiver.told.wait(), 60)
        deadline = asyncio.get_running_loop().time() + 60
        while not (found := await the_hook(city))["disabled_at"]:
            assert asyncio.get_running_loop().time() < deadline, found
            await asyncio.sleep(0.02)


async def test_an_ended_webhook_is_forgotten(city: Town) -> None:
    hook, _ = await subscribed(city, f"http://127.0.0.1:{free_port()}/hook")
    await city.crossing()
    assert (await city.ask(f"{HOOKS}/{hook}", "DELETE"))[0] == 200
    assert (await city.ask(f"{HOOKS}/{hook}", "DELETE"))[0] == 404
    _, told = await city.ask(f"/api/v1/tenants/{TENANT}/exchange/messages")
    assert [one["target"] for one in told["messages"]] == ["peer:water"]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "224.0.0.1", "::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1",
        "64:ff9b::7f00:1", "2002:7f00:1::", "no address",
    ],
)  # fmt: skip
def test_addresses_of_our_own_networks_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook", "https://localhost/hook", "https://127.0.0.1/hook",
        "https://[::1]/hook", "https://10.0.0.1/hook", "https://example.com:22/hook",
        "https://me:secret@example.com/hook", "https://example.com/hook#here", "ftp://example.com/",
        "https://printer.local/", "https:///hook", "https://example.com:99999/", "nonsense",
    ],
)  # fmt: skip
def test_an_address_that_is_not_a_public_https_one_is_refused(url: str) -> None:
    assert wrong_with(url, private=False)
    assert wrong_with("https://example.com/hook", private=False) == ""


async def test_the_api_refuses_what_leads_inside(tmp_path: Path) -> None:
    async with two_towns(tmp_path) as (city, _):
        asked = {"url": "https://169.254.169.254/latest"}
        status, told = await city.ask(HOOKS, "POST", json=asked)
        assert (status, told["error"]["id"]) == (422, "address-refused")
        status, told = await city.ask(HOOKS, "POST", json={**asked, "events": ["gossip"]})
        assert (status, told["error"]["id"]) == (422, "invalid")


async def test_a_name_that_leads_inside_is_not_connected_to() -> None:
    class Liar(AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = 2) -> list[ResolveResult]:
            return [
                {
                    "hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 6,
                    "flags": 0,
                }
            ]  # fmt: skip

        async def close(self) -> None:
            """Nothing is open."""

    receiver = Receiver()
    async with served(receiver) as url:
        port = url.split(":")[2].split("/")[0]
        outside = Outside(guarded=True, resolver=Liar())
        found = await outside.post(f"http://example.com:{port}/hook", b"{}", {})
        await outside.close()
    assert found == Unreached("it leads to this machine or its network")
    assert receiver.tries == 0
