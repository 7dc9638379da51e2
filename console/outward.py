"""What the console needs of the exchange with other houses and of webhooks; see `console.ports`."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from console.auth import FailureLimit
from console.errors import TooManyRequests, UnknownMessage, UnknownPeer, UnknownWebhook

DOOR_BURST, DOOR_REFILL_S = 200, 0.05
ASK_BURST, ASK_REFILL_S = 60, 0.5
POST_BURST, POST_REFILL_S = 20, 3.0


@dataclass(frozen=True, slots=True)
class ExchangeAnswer:
    """What a peer is answered: an HTTP status with the answer, or the error in it."""

    status: int
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message that goes out; times are seconds since 1970. `target` is `peer:<id>` or
    `hook:<id>`, `state` waiting, sent or given_up."""

    id: int
    target: str
    ticket: str
    kind: str
    state: str
    made_at: int
    next_at: int
    tries: int
    reason: str


class Exchange(Protocol):
    """Other houses that handle tickets. Reads and writes raise `StoreAway`."""

    async def take(
        self, tenant: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> ExchangeAnswer:
        """What a peer tells, signed; durable when it is answered."""
        ...

    async def messages(
        self, tenant: str, *, state: str, ticket: str, before: int
    ) -> Sequence[MessageView]:
        """What goes out, the newest hundred (of those before the id `before`)."""
        ...

    async def again(self, tenant: str, message: int) -> None:
        """Send a given-up message again; raises `UnknownMessage`."""
        ...

    async def crossed(self, tenant: str, ticket: str) -> Sequence[Mapping[str, Any]]:
        """Where a ticket is, or came from, and its number there."""
        ...


@dataclass(frozen=True, slots=True)
class WebhookView:
    """A subscription; times are seconds since 1970, 0 is never."""

    id: str
    url: str
    events: tuple[str, ...]
    made_at: int
    made_by: str
    failing_since: int
    told_at: int
    disabled_at: int
    reason: str


class Webhooks(Protocol):
    """Who is told of tickets' events. All raise `StoreAway`."""

    async def webhooks(self, tenant: str) -> Sequence[WebhookView]:
        """All of a tenant, disabled ones too."""
        ...

    async def subscribe(
        self, tenant: str, url: str, events: Sequence[str], *, by: str
    ) -> tuple[WebhookView, str]:
        """A new one and its secret; raises `AddressRefused`, `TooManyWebhooks`."""
        ...

    async def end(self, tenant: str, hook: str) -> None:
        """Tell it no more; raises `UnknownWebhook`."""
        ...

    async def enable(self, tenant: str, hook: str, *, new_secret: bool) -> tuple[WebhookView, str]:
        """Tell it again, if asked with another secret; raises `UnknownWebhook`."""
        ...


class PeerAudio(Protocol):
    """Recordings of tickets that have crossed over, in both directions."""

    async def may_hear(
        self, tenant: str, path: str, headers: Mapping[str, str], ticket: str
    ) -> ExchangeAnswer | None:
        """Why who asks for audio of our ticket doesn't get it; None when he does."""
        ...

    def fetched(
        self, tenant: str, ticket: str, peer: str, kind: str
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Audio (`recording` or `voice`) of a ticket that came from a peer, as it comes. Raises
        `UnknownPeer`, `NoAudio`, `PeerAway`; breaking off in the middle raises `PeerBroke`."""
        ...


class PeerBroke(Exception):
    """A peer stopped in the middle of what it was sending."""


class NoOutward:
    """A house that speaks with nobody."""

    async def take(
        self, tenant: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> ExchangeAnswer:
        raise UnknownPeer

    async def may_hear(
        self, tenant: str, path: str, headers: Mapping[str, str], ticket: str
    ) -> ExchangeAnswer | None:
        raise UnknownPeer

    def fetched(
        self, tenant: str, ticket: str, peer: str, kind: str
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        raise UnknownPeer

    async def messages(
        self, tenant: str, *, state: str, ticket: str, before: int
    ) -> Sequence[MessageView]:
        return ()

    async def again(self, tenant: str, message: int) -> None:
        raise UnknownMessage

    async def crossed(self, tenant: str, ticket: str) -> Sequence[Mapping[str, Any]]:
        return ()

    async def webhooks(self, tenant: str) -> Sequence[WebhookView]:
        return ()

    async def subscribe(
        self, tenant: str, url: str, events: Sequence[str], *, by: str
    ) -> tuple[WebhookView, str]:
        raise UnknownWebhook

    async def end(self, tenant: str, hook: str) -> None:
        raise UnknownWebhook

    async def enable(self, tenant: str, hook: str, *, new_secret: bool) -> tuple[WebhookView, str]:
        raise UnknownWebhook


class Limits:
    """How often one address may come in by the doors that need no token of ours."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._doors = {
            "exchange": FailureLimit(DOOR_BURST, DOOR_REFILL_S),
            "ask": FailureLimit(ASK_BURST, ASK_REFILL_S),
            "post": FailureLimit(POST_BURST, POST_REFILL_S),
        }

    def passes(self, door: str, who: str) -> None:
        """Count one; raises `TooManyRequests`."""
        limit, now_s = self._doors[door], self._monotonic()
        if (wait_s := limit.wait_s(who, now_s)) > 0:
            raise TooManyRequests(retry_after_s=int(wait_s) + 1)
        limit.failed(who, now_s)


LIMITS = web.AppKey("limits", Limits)
