"""Text messages: a signed web hook that tells a gateway which ticket was made for whom, and what
its citizen has to know of it later (`event` is ticket_made, extension-granted, not-accepted,
info-asked, case-filed; `seq` is the ticket's event).

The gateway is the installation's own; without a URL nothing is told. Messages wait in the outbox
(`storage.citizen_texts`), written with what causes them; the courier tries until one is taken. The
same `id` twice is one message: a sender may have died before it knew that it was taken.

    POST <sms_hook_url>
    X-Hotline-Signature: t=<epoch s>,v1=<hex HMAC-SHA256 of "<t>.<body>" with secrets/sms_hook>
    {"event": "ticket_made", "id": "text_261122000007_made", "language": "cmn", "tenant": "default",
     "ticket": "261122000007", "to": "+86138…"}
"""

import hashlib
import hmac
import json
from datetime import datetime
from functools import partial

from hotline.outside import Outside, Reached, Unreached
from ivr.ports import Clock
from storage.citizen_texts import text_of
from storage.database import Database
from storage.outbox import Outgoing


def signature(secret: str, at: datetime, body: bytes) -> str:
    """The value of `X-Hotline-Signature`."""
    stamp = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256)
    return f"t={stamp},v1={digest.hexdigest()}"


class SmsHook:
    """`hotline.courier.Texts` over HTTP."""

    def __init__(self, url: str, secret: str, database: Database, clock: Clock) -> None:
        self._url = url
        self._secret = secret
        self._database = database
        self._clock = clock
        self._outside = Outside(guarded=False)

    async def send(self, message: Outgoing) -> Reached | Unreached | None:
        """One try; None when the citizen isn't told any more. Raises `StoreAway`."""
        told = await self._database.read(partial(text_of, message=message))
        if told is None:
            return None
        body = json.dumps(told, sort_keys=True).encode()
        signed = {
            "Content-Type": "application/json",
            "X-Hotline-Signature": signature(self._secret, self._clock.now(), body),
        }
        return await self._outside.post(self._url, body, signed)

    async def close(self) -> None:
        """Let go of every connection."""
        await self._outside.close()
