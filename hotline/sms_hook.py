"""Text messages: a signed web hook that tells a gateway which ticket was made for whom, and what
its citizen has to know of it later (`event` is extension-granted, not-accepted, info-asked,
case-filed; `seq` counts the ticket's events: the same one twice is one message).

The gateway is the installation's own; without a URL nothing is sent. A message is tried three
times and never keeps a caller waiting; one that can't be delivered is logged.

    POST <sms_hook_url>
    X-Hotline-Signature: t=<epoch s>,v1=<hex HMAC-SHA256 of "<t>.<body>" with secrets/sms_hook>
    {"event": "ticket_made", "tenant": "default", "ticket": "261122000007", "to": "+86138…",
     "language": "cmn"}
"""

import asyncio
import hashlib
import hmac
import json
from datetime import datetime

import aiohttp
import structlog

from hotline.home import Home
from hotline.secrets_kept import sms_hook_secret
from ivr.intake_house import NoMessages, TicketMade, TicketMessages, TicketTold
from ivr.ports import Clock

WAITS_S = (1.0, 5.0)
"""Before the second and the third try."""
TRY_S = 5.0
MOST_WAITING = 1000
CLOSE_S = 2.0

log = structlog.get_logger(__name__)


def signature(secret: str, at: datetime, body: bytes) -> str:
    """The value of `X-Hotline-Signature`."""
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256)
    return f"t={stamp},v1={digest.hexdigest()}"


class SmsHook:
    """`ivr.intake_house.TicketMessages` over HTTP."""

    def __init__(self, url: str, secret: str, clock: Clock) -> None:
        self._url = url
        self._secret = secret
        self._clock = clock
        self._sending: set[asyncio.Task[None]] = set()

    def ticket_made(self, made: TicketMade) -> None:
        """Send it beside everything else."""
        self._begin(made, "ticket_made")

    def ticket_told(self, told: TicketTold) -> None:
        """Send it likewise."""
        self._begin(told, told.what, seq=told.seq)

    def _begin(self, of: TicketMade | TicketTold, event: str, **more: int) -> None:
        if len(self._sending) >= MOST_WAITING:
            log.error("sms_hook_full", ticket=of.ticket, tenant=of.tenant)
            return
        body = json.dumps(
            {
                "event": event, "tenant": of.tenant, "ticket": of.ticket, "to": of.to,
                "language": of.language, **more,
            }
        ).encode()  # fmt: skip
        task = asyncio.create_task(self._send(of, body), name="sms-hook")
        self._sending.add(task)
        task.add_done_callback(self._sent)

    async def close(self) -> None:
        """Give what is being sent a moment."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=CLOSE_S)
        for task in tuple(self._sending):
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    def _sent(self, task: "asyncio.Task[None]") -> None:
        self._sending.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("task_failed", exc_info=task.exception())

    async def _send(self, of: TicketMade | TicketTold, body: bytes) -> None:
        reason = ""
        for wait_s in (0.0, *WAITS_S):
            await asyncio.sleep(wait_s)
            reason = await self._try(body)
            if not reason:
                log.info("sms_hook_told", ticket=of.ticket, tenant=of.tenant)
                return
        log.error("sms_hook_failed", ticket=of.ticket, tenant=of.tenant, reason=reason)

    async def _try(self, body: bytes) -> str:
        """Why it wasn't taken; "" when it was."""
        headers = {
            "Content-Type": "application/json",
            "X-Hotline-Signature": signature(self._secret, self._clock.now(), body),
        }
        timeout = aiohttp.ClientTimeout(total=TRY_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(
                    self._url, data=body, headers=headers, allow_redirects=False
                ) as answer,
            ):
                return "" if answer.status < 300 else f"status {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"{type(error).__name__}: {error}"


def messages(url: str, home: Home, clock: Clock) -> TicketMessages:
    """By the settings: the hook, or nothing."""
    return SmsHook(url, sms_hook_secret(home), clock) if url else NoMessages()
