"""The courier: sends what waits in the outbox, to peers, to webhooks and, by the gateway of text
messages, to citizens.

Everything it knows is in SQL; it may be killed at any moment and run on every node. What it has
taken is its own for `LEASE_S`; then another may send it again, and the receiver takes it once.
"""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from hotline.outside import Outside, Reached, Unreached
from ivr.ports import Clock
from storage.database import Database
from storage.outbox import Outgoing, SqlOutbox, Standing
from storage.webhooks import Hook, SqlWebhooks
from tickets.errors import StoreAway
from tickets.peers import Peer

LOOK_S = 1.0
"""While there are peers, webhooks or a gateway; the first two are looked for every `READ_S`."""
READ_S = 20.0
LEASE_S = 30
AT_ONCE = 20
PURGE_S = 3600
PEER_WAITS_S = (1, 5, 15, 60, 300, 900)
PEER_LAST_S = 3600
PEER_TRIES = 80
"""Some three days."""
TEXT_TRIES = 30
"""A day: what comes later than that, a citizen has asked for."""
HOOK_WAITS_S = (5, 60, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
HOOK_PATIENCE_S = 5 * 86_400
"""A webhook that has taken nothing for this long is told no more."""
LATER = frozenset({401, 403, 404, 405, 408, 425, 429})
"""A door (a peer's, the gateway's) is wrongly set up, or busy: what is right may be right later."""
GONE = 410

log = structlog.get_logger(__name__)


class Sealing(Protocol):
    """Headers that sign a body, for a peer or a webhook; None when there is no secret."""

    def peer(self, tenant: str, peer: Peer, body: bytes) -> Mapping[str, str] | None:
        """RFC 9421."""
        ...

    def hook(self, hook: Hook, message: str, body: bytes) -> Mapping[str, str]:
        """Standard Webhooks."""
        ...


class Texts(Protocol):
    """The way to citizens."""

    async def send(self, message: Outgoing) -> Reached | Unreached | None:
        """One try; None when nobody is there any more to be told. Raises `StoreAway`."""
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...


@dataclass(frozen=True, slots=True)
class Routes:
    """Where messages go: a tenant's peer of an id, and who is there at all."""

    peer: Callable[[str, str], Peer | None]
    any_peer: Callable[[], bool]


class Courier:
    """Sends; `to_peers`, `to_hooks` and `texts` (None: there is no gateway) are the ways out."""

    def __init__(
        self,
        database: Database,
        webhooks: SqlWebhooks,
        routes: Routes,
        sealing: Sealing,
        clock: Clock,
        *,
        to_peers: Outside,
        to_hooks: Outside,
        texts: Texts | None = None,
        standing: Callable[[Sequence[Standing]], None] = lambda found: None,
    ) -> None:
        """`standing` is told of what waits and what was given up, as often as it is looked."""
        self._database = database
        self._outbox = SqlOutbox(database)
        self._webhooks = webhooks
        self._routes = routes
        self._sealing = sealing
        self._clock = clock
        self._to_peers = to_peers
        self._to_hooks = to_hooks
        self._texts = texts
        self._standing = standing
        self._wake = asyncio.Event()
        self._purge_at = 0
        self._read_at = 0

    def look_now(self) -> None:
        """Something may be there to be sent, or sent again."""
        self._read_at = 0
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled."""
        try:
            while True:
                await self._database.wait_healthy()
                rest_s = LOOK_S
                try:
                    rest_s = await self.look()
                except StoreAway as error:
                    log.warning("outbox_waits", reason=str(error))
                except Exception:  # whatever it was: without a courier nothing ever leaves
                    log.exception("courier_failed")
                    rest_s = READ_S
                await self._sleep(rest_s)
        finally:
            await self._to_peers.close()
            await self._to_hooks.close()
            if self._texts is not None:
                await self._texts.close()

    async def look(self) -> float:
        """Send what may be sent now; seconds to rest. Raises `StoreAway`."""
        now = self._now()
        if now >= self._read_at:
            await self._webhooks.read()
            self._standing(await self._outbox.standing())
            self._read_at = now + int(READ_S)
        if now >= self._purge_at:
            await self._outbox.purge(now)
            self._purge_at = now + PURGE_S
        while (due := await self._outbox.due_at()) is not None and due <= self._now():
            messages = await self._outbox.take(self._now(), lease_s=LEASE_S, limit=AT_ONCE)
            if not messages:
                break
            await self._send_all(messages)
        any_way = self._routes.any_peer() or self._webhooks.any or self._texts is not None
        return LOOK_S if any_way else READ_S

    async def _send_all(self, messages: Sequence[Outgoing]) -> None:
        async with asyncio.TaskGroup() as group:
            for message in messages:
                group.create_task(self._send(message))

    async def _send(self, message: Outgoing) -> None:
        kind, _, name = message.target.partition(":")
        try:
            if kind == "peer":
                await self._to_peer(message, name, encoded(message))
            elif kind == "text":
                await self._to_citizen(message)
            else:
                await self._to_hook(message, name, encoded(message))
        except StoreAway:  # what became of it isn't written: when its lease is over, it goes again
            log.warning("message_unsure", **_named(message))

    async def _to_peer(self, message: Outgoing, name: str, body: bytes) -> None:
        peer = self._routes.peer(message.tenant, name)
        if peer is None:
            await self._given_up(message, "there is no such peer any more")
            return
        headers = self._sealing.peer(message.tenant, peer, body)
        if headers is None:
            await self._not_yet(message, "no secret is kept for this peer", reached=False)
            return
        await self._judge(message, await self._to_peers.post(peer.address, body, headers))

    async def _to_citizen(self, message: Outgoing) -> None:
        if self._texts is None:  # another node may have one
            await self._not_yet(message, "no sms_hook_url is set here", reached=False)
            return
        answer = await self._texts.send(message)
        if answer is None:
            await self._given_up(message, "the citizen isn't told any more")
        else:
            await self._judge(message, answer)

    async def _judge(self, message: Outgoing, answer: Reached | Unreached) -> None:
        """What a peer, or the gateway, said to it."""
        if isinstance(answer, Unreached):
            await self._not_yet(message, answer.reason, reached=False)
        elif 200 <= answer.status < 300:
            await self._outbox.sent(message, _number(answer.body))
            log.info("message_sent", **_named(message))
        elif answer.status >= 500 or answer.status in LATER:
            await self._not_yet(message, _refusal(answer), reached=True)
        else:
            await self._given_up(message, _refusal(answer))

    async def _to_hook(self, message: Outgoing, name: str, body: bytes) -> None:
        hook = self._webhooks.hook(message.tenant, name)
        if hook is None:  # made a moment ago at another node?
            await self._webhooks.read()
            hook = self._webhooks.hook(message.tenant, name)
        if hook is None:
            await self._given_up(message, "there is no such webhook any more")
            return
        headers = self._sealing.hook(hook, message.message, body)
        answer = await self._to_hooks.post(hook.url, body, headers)
        now = self._now()
        if isinstance(answer, Reached) and 200 <= answer.status < 300:
            await self._outbox.sent(message)
            if hook.failing_since or now - hook.told_at >= READ_S:
                await self._webhooks.worked(hook.tenant, hook.id, now)
            return
        reason = _refusal(answer) if isinstance(answer, Reached) else answer.reason
        gone = isinstance(answer, Reached) and answer.status == GONE
        patience_s = 0 if gone else HOOK_PATIENCE_S
        if await self._webhooks.failed(hook.tenant, hook.id, now, reason, patience_s=patience_s):
            self._read_at = 0
            log.error("webhook_disabled", tenant=hook.tenant, webhook=hook.id, reason=reason)
            return
        await self._not_yet(message, reason, reached=isinstance(answer, Reached))

    async def _not_yet(self, message: Outgoing, reason: str, *, reached: bool) -> None:
        """Again later; where nobody answers, all that waits for the same target waits with it."""
        wait_s = waits_s(message)
        if wait_s is None:
            await self._given_up(message, reason)
            return
        at = self._now() + wait_s
        await self._outbox.later(message, at, reason, whole_target=not reached)
        log.warning("message_waits", reason=reason, tries=message.tries, **_named(message))

    async def _given_up(self, message: Outgoing, reason: str) -> None:
        await self._outbox.give_up(message, reason)
        self._read_at = 0
        log.error("message_given_up", reason=reason, tries=message.tries, **_named(message))

    def _now(self) -> int:
        return int(self._clock.now().timestamp())

    async def _sleep(self, rest_s: float) -> None:
        try:
            async with asyncio.timeout(rest_s):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()


def encoded(message: Outgoing) -> bytes:
    """The body as it is sent: the same bytes however often. A peer's tells its id itself."""
    body: dict[str, Any] = dict(message.body)
    if message.target.startswith("peer:"):
        body["id"] = message.message
    return json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def waits_s(message: Outgoing) -> int | None:
    """Seconds until the next try, by how many there were before this one; None: no more."""
    done = message.tries
    kind = message.target.partition(":")[0]
    if kind != "hook":
        if done >= (PEER_TRIES if kind == "peer" else TEXT_TRIES):
            return None
        return PEER_WAITS_S[done] if done < len(PEER_WAITS_S) else PEER_LAST_S
    return HOOK_WAITS_S[done] if done < len(HOOK_WAITS_S) else None


def _number(body: bytes) -> str:
    """The peer's number in its answer; "" when it tells none that can be one."""
    try:
        number = json.loads(body)["number"]
    except (ValueError, LookupError, TypeError):
        return ""
    return number if isinstance(number, str) and 0 < len(number) <= 64 else ""


def _refusal(answer: Reached) -> str:
    """What was answered: the status, and the error's id when it is one of ours."""
    try:
        error_id = json.loads(answer.body)["error"]["id"]
    except (ValueError, LookupError, TypeError):
        error_id = ""
    word = error_id if isinstance(error_id, str) and _plain(error_id) else ""
    return f"{answer.status} {word}".strip()


def _plain(word: str) -> bool:
    return 0 < len(word) <= 60 and word.replace("-", "").replace("_", "").isalnum()


def _named(message: Outgoing) -> dict[str, str]:
    return {
        "tenant": message.tenant, "ticket": message.number, "target": message.target,
        "message": message.message, "kind": message.kind,
    }  # fmt: skip
