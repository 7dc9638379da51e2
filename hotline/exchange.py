"""The exchange with other houses and webhooks in the running engine: peers, secrets, courier, and
what the console is given of it."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import structlog
from pydantic import ValidationError

from console.errors import AddressRefused, TooManyWebhooks, UnknownMessage, UnknownWebhook
from console.outward import ExchangeAnswer, MessageView, WebhookView
from hotline import secrets_kept
from hotline.courier import Courier, Routes
from hotline.deadlines import Deadlines
from hotline.outside import Outside, wrong_with
from hotline.peer_files import peer_secret
from hotline.settings import Settings
from hotline.sms_hook import SmsHook
from ivr.ports import Clock
from storage.database import Database
from storage.exchange_in import Proven, SqlExchange, refused
from storage.outbox import SqlOutbox, Standing
from storage.tickets import OnOrigin
from storage.webhooks import Hook
from tickets.errors import StoreRefused
from tickets.messages import Message
from tickets.peers import Peer

log = structlog.get_logger(__name__)


class Seals:
    """`hotline.courier.Sealing` with the house's secrets."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._hook_key = b""

    def peer(self, tenant: str, peer: Peer, body: bytes) -> Mapping[str, str] | None:
        """RFC 9421, by the secret that is kept for this peer; None without one."""
        secret = peer_secret(self._settings.folders, tenant, peer.id)
        if secret is None:
            return None
        # Imported here: a house without peers needn't hold cryptography in memory.
        from hotline.signing import sign

        path = "/" + peer.address.split("//", 1)[1].partition("/")[2]
        signed = sign("POST", path, body, sender=peer.we, secret=secret, at=self._clock.now())
        return {"Content-Type": "application/json", **signed}

    def hook(self, hook: Hook, message: str, body: bytes) -> Mapping[str, str]:
        """Standard Webhooks."""
        from standardwebhooks.webhooks import Webhook

        at = self._clock.now().astimezone(UTC)
        signature = Webhook(self.hook_secret(hook)).sign(message, at, body.decode())
        return {
            "Content-Type": "application/json", "webhook-id": message,
            "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature,
        }  # fmt: skip

    def hook_secret(self, hook: Hook) -> str:
        """A webhook's secret, `whsec_…`: made of the house's key, so that none is stored."""
        of = f"{hook.tenant}/{hook.id}/{hook.generation}".encode()
        digest = hmac.digest(self._key(), of, hashlib.sha256)
        return f"whsec_{base64.b64encode(digest).decode()}"

    def _key(self) -> bytes:
        if not self._hook_key:
            shared = self._settings.cluster_secret_file is not None
            self._hook_key = (
                secrets_kept.cluster_key(self._settings, "webhooks")
                if shared
                else secrets_kept.webhooks_key(self._settings.folders)
            )
        return self._hook_key


class ExchangeHouse:
    """`console.outward.Exchange` and `Webhooks`, and the courier that `run` sends with."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        deadlines: Deadlines,
        zones: Mapping[str, tzinfo],
        clock: Clock,
        on_origin: OnOrigin = lambda ticket, was: None,
    ) -> None:
        self._settings = settings
        peers = self._peers = deadlines.peers
        webhooks = self._hooks = deadlines.webhooks
        self._clock = clock
        self._seals = Seals(settings, clock)
        self._door = SqlExchange(database, deadlines.clockwork, deadlines.lives, zones, on_origin)
        self._outbox = SqlOutbox(database)
        self._standing: Callable[[Sequence[Standing]], None] = lambda found: None
        self._courier = Courier(
            database,
            webhooks,
            Routes(lambda tenant, peer: peers.of(tenant).by_id.get(peer), lambda: peers.any),
            self._seals,
            clock,
            to_peers=Outside(guarded=False),
            to_hooks=Outside(guarded=not settings.webhooks_private),
            texts=_texts(settings, database, clock),
            standing=lambda found: self._standing(found),
        )

    def watched(self, standing: Callable[[Sequence[Standing]], None]) -> None:
        """Have what waits and what was given up told from now on."""
        self._standing = standing

    async def run(self) -> None:
        """Send what waits, until cancelled."""
        await self._courier.run()

    # --- peers

    async def take(
        self, tenant: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> ExchangeAnswer:
        """A peer's message: refused before anything is looked at unless it is signed."""
        if not self._peers.of(tenant).peers:
            taken = refused(404, "unknown-peer", "this tenant exchanges tickets with nobody")
            return ExchangeAnswer(taken.status, taken.answer)
        from hotline.signing import SignatureRefused, verify

        now = self._clock.now()
        try:
            signed = verify(
                "POST", path, headers, body, now=now,
                secret=lambda sender: self._secret(tenant, sender),
            )  # fmt: skip
            message = Message.model_validate_json(body)
        except SignatureRefused as error:
            log.warning("message_refused", tenant=tenant, reason=error.id)
            return _refusal(401, error.id, "the message isn't signed as it must be")
        except ValidationError as error:
            log.warning("message_refused", tenant=tenant, reason="message-invalid")
            return _refusal(422, "message-invalid", _where(error))
        peer = self._peers.of(tenant).by_id[signed.sender]
        if message.sender != peer.id or message.to != peer.we:
            log.warning("message_refused", tenant=tenant, peer=peer.id, reason="wrong-receiver")
            return _refusal(403, "wrong-receiver", "from and to aren't who signed and who we are")
        proven = Proven(message, signed.nonce, signed.until, signed.digest)
        taken = await self._door.take(tenant, peer.id, proven, now)
        log.info(
            "message_taken", tenant=tenant, peer=peer.id, kind=message.word.value,
            message=message.id, status=taken.status,
        )  # fmt: skip
        self._courier.look_now()
        return ExchangeAnswer(taken.status, taken.answer)

    async def messages(
        self, tenant: str, *, state: str, ticket: str, before: int
    ) -> Sequence[MessageView]:
        """What goes out, the newest hundred."""
        found = await self._outbox.list(tenant, state=state, number=ticket, before=before)
        return [
            MessageView(
                one.id, one.target, one.number, one.kind, one.state, one.made_at, one.next_at,
                one.tries, one.reason,
            )
            for one in found
        ]  # fmt: skip

    async def again(self, tenant: str, message: int) -> None:
        """Send a given-up message again."""
        if not await self._outbox.again(tenant, message):
            raise UnknownMessage
        self._courier.look_now()

    async def crossed(self, tenant: str, ticket: str) -> Sequence[Mapping[str, Any]]:
        """Where a ticket is, or came from."""
        return await self._door.crossed(tenant, ticket)

    def _secret(self, tenant: str, sender: str) -> str | None:
        if sender not in self._peers.of(tenant).by_id:
            return None
        return peer_secret(self._settings.folders, tenant, sender)

    # --- webhooks

    async def webhooks(self, tenant: str) -> Sequence[WebhookView]:
        """All of a tenant."""
        return [_view(hook) for hook in await self._hooks.list(tenant)]

    async def subscribe(
        self, tenant: str, url: str, events: Sequence[str], *, by: str
    ) -> tuple[WebhookView, str]:
        """A new webhook and its secret."""
        if wrong := wrong_with(url, private=self._settings.webhooks_private):
            raise AddressRefused(f"Webhooks may not lead there: {wrong}.")
        hook = Hook(
            tenant, secrets.token_hex(6), url, tuple(events), made_at=_seconds(self._clock.now()),
            made_by=by,
        )  # fmt: skip
        try:
            await self._hooks.add(hook)
        except StoreRefused as error:
            raise TooManyWebhooks from error
        return _view(hook), self._seals.hook_secret(hook)

    async def end(self, tenant: str, hook: str) -> None:
        """Tell it no more."""
        if not await self._hooks.remove(tenant, hook):
            raise UnknownWebhook

    async def enable(self, tenant: str, hook: str, *, new_secret: bool) -> tuple[WebhookView, str]:
        """Tell it again."""
        found = await self._hooks.enable(tenant, hook, new_secret=new_secret)
        if found is None:
            raise UnknownWebhook
        return _view(found), self._seals.hook_secret(found) if new_secret else ""


def _texts(settings: Settings, database: Database, clock: Clock) -> SmsHook | None:
    if not settings.sms_hook_url:
        return None
    secret = secrets_kept.sms_hook_secret(settings.folders)
    return SmsHook(settings.sms_hook_url, secret, database, clock)


def _view(hook: Hook) -> WebhookView:
    return WebhookView(
        hook.id, hook.url, hook.events, hook.made_at, hook.made_by, hook.failing_since,
        hook.told_at, hook.disabled_at, hook.reason,
    )  # fmt: skip


def _refusal(status: int, error_id: str, words: str) -> ExchangeAnswer:
    taken = refused(status, error_id, words)
    return ExchangeAnswer(taken.status, taken.answer)


def _where(error: ValidationError) -> str:
    """Which field is wrong and why, without its value."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "the message"
    return f"{place}: {first['msg']}"[:300]


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
