"""The web hook for text messages: signed, tried again, and never in anybody's way."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from hotline import sms_hook
from hotline.home import Home
from hotline.sms_hook import SmsHook, messages
from ivr.intake_house import NoMessages, TicketMade, TicketTold
from tests.servers import free_port

AT = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
MADE = TicketMade("default", "261122000007", "+8613800138000", "cmn")


class Clock:
    def now(self) -> datetime:
        return AT


class Gateway:
    """Takes messages, after it has refused `refusing` of them."""

    def __init__(self, refusing: int = 0) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.refusing = refusing
        self.tries = 0
        self.told = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        self.tries += 1
        if self.tries <= self.refusing:
            return web.Response(status=503)
        self.taken.append((request.headers["X-Hotline-Signature"], await request.read()))
        self.told.set()
        return web.Response()


@asynccontextmanager
async def served(gateway: Gateway) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/sms", gateway.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}/sms"
    finally:
        await runner.cleanup()


async def test_a_ticket_is_told_with_a_signature_that_can_be_checked() -> None:
    gateway = Gateway()
    async with served(gateway) as url:
        hook = SmsHook(url, "secret", Clock())
        hook.ticket_made(MADE)
        await asyncio.wait_for(gateway.told.wait(), 10)
        await hook.close()
    signed, body = gateway.taken[0]
    stamp = int(AT.timestamp())
    right = hmac.new(b"secret", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert signed == f"t={stamp},v1={right}"
    assert json.loads(body) == {
        "event": "ticket_made", "tenant": "default", "ticket": "261122000007",
        "to": "+8613800138000", "language": "cmn",
    }  # fmt: skip


async def test_what_became_of_a_ticket_is_told_with_the_event_it_comes_of() -> None:
    gateway = Gateway()
    async with served(gateway) as url:
        hook = SmsHook(url, "secret", Clock())
        hook.ticket_told(TicketTold("default", MADE.ticket, MADE.to, "cmn", "extension-granted", 9))
        await asyncio.wait_for(gateway.told.wait(), 10)
        await hook.close()
    assert json.loads(gateway.taken[0][1]) == {
        "event": "extension-granted", "tenant": "default", "ticket": MADE.ticket, "to": MADE.to,
        "language": "cmn", "seq": 9,
    }  # fmt: skip


async def test_a_gateway_that_is_busy_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sms_hook, "WAITS_S", (0.01, 0.01))
    gateway = Gateway(refusing=2)
    async with served(gateway) as url:
        hook = SmsHook(url, "secret", Clock())
        hook.ticket_made(MADE)
        await asyncio.wait_for(gateway.told.wait(), 10)
        await hook.close()
    assert (gateway.tries, len(gateway.taken)) == (3, 1)


async def test_a_gateway_that_is_away_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sms_hook, "WAITS_S", (0.01, 0.01))
    hook = SmsHook(f"http://127.0.0.1:{free_port()}/sms", "secret", Clock())
    hook.ticket_made(MADE)
    await asyncio.wait_for(hook.close(), 10)


def test_without_a_url_nothing_is_sent(tmp_path: Path) -> None:
    assert isinstance(messages("", Home(tmp_path), Clock()), NoMessages)
