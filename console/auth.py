"""Who asks: bearer tokens `id.secret`, of which only the secret's SHA-256 is stored.

A secret has 256 random bits, so a fast hash is enough: there is nothing to guess from.
"""

import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from console.errors import StoreUnavailable, TokenRefused, TooManyFailures
from console.ports import ALL_TENANTS, Role, TokenRecord, Tokens
from tickets.errors import StoreAway

if TYPE_CHECKING:
    from aiohttp import web  # commands make tokens, too, and serve nobody

TOKEN = re.compile(r"([a-z0-9]{4,32})\.([A-Za-z0-9_-]{32,128})")
MOST_PEERS = 10_000
MOST_KNOWN = 1_000
KNOWN_FOR_S = 600.0
_NOBODY = "0" * 64


@dataclass(frozen=True, slots=True)
class Identity:
    """An accepted token, as far as rights go."""

    token_id: str
    role: Role
    tenant: str
    seat_id: str = ""
    unit: str = ""
    person: str = ""

    def sees(self, tenant: str) -> bool:
        """Whether the token is good for this tenant."""
        return self.tenant in (ALL_TENANTS, tenant)


def issue(
    role: Role,
    tenant: str,
    *,
    seat_id: str = "",
    label: str = "",
    expires_at: datetime | None = None,
    unit: str = "",
    person: str = "",
) -> tuple[str, TokenRecord]:
    """A new token to hand out once, and the record to store in its place."""
    token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    record = TokenRecord(
        token_id, _hash(secret), role, tenant, seat_id=seat_id, label=label, expires_at=expires_at,
        unit=unit, person=person,
    )  # fmt: skip
    return f"{token_id}.{secret}", record


def peer_of(request: "web.BaseRequest") -> str:
    """The client's address: the last X-Forwarded-For entry when a proxy on loopback asks.

    IPv6 clients count by their /64, the smallest network a single client is given.
    """
    remote = request.remote or ""
    forwarded = request.headers.get("X-Forwarded-For")
    text = forwarded.rsplit(",", 1)[-1].strip() if forwarded and _loopback(remote) else remote
    try:
        address = ip_address(text)
    except ValueError:
        return "unreadable"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return str(address)


def is_local(request: "web.BaseRequest") -> bool:
    """Whether the request was made on this machine, and not through a proxy."""
    proxied = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return not proxied and _loopback(request.remote or "")


class FailureLimit:
    """A token bucket of failures per peer: `burst` at once, then one per `refill_s`.

    A screen with an old token that tries every few seconds never fills it; a flood does.
    """

    def __init__(self, burst: int = 30, refill_s: float = 2.0) -> None:
        self._burst = burst
        self._refill_s = refill_s
        self._peers: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, peer: str, now_s: float) -> float:
        """0.0 when the peer may try, else the seconds until it may."""
        return max(0.0, (self._level(peer, now_s) - self._burst + 1) * self._refill_s)

    def failed(self, peer: str, now_s: float) -> None:
        """Count one failure. The peer heard from longest ago is forgotten when full."""
        self._peers[peer] = (self._level(peer, now_s) + 1, now_s)
        self._peers.move_to_end(peer)
        if len(self._peers) > MOST_PEERS:
            self._peers.popitem(last=False)

    def _level(self, peer: str, now_s: float) -> float:
        level, at_s = self._peers.get(peer, (0.0, now_s))
        return max(0.0, level - (now_s - at_s) / self._refill_s)


class Authenticator:
    """Turns a token into an identity, or raises.

    While the store is away, records seen within ten minutes are trusted: boards and seats go on
    working when SQL doesn't.
    """

    def __init__(
        self, tokens: Tokens, now: Callable[[], datetime], monotonic: Callable[[], float]
    ) -> None:
        self._tokens = tokens
        self._now = now
        self._monotonic = monotonic
        self._limit = FailureLimit()
        self._known: OrderedDict[str, tuple[TokenRecord, float]] = OrderedDict()

    async def verify(self, token: str, peer: str) -> Identity:
        """Raises `TokenRefused`, `TooManyFailures`, `StoreUnavailable`."""
        wait_s = self._limit.wait_s(peer, self._monotonic())
        if wait_s > 0:
            raise TooManyFailures(retry_after_s=int(wait_s) + 1)
        shape = TOKEN.fullmatch(token)
        record = await self._find(shape[1]) if shape else None
        if not _good(record, shape[2] if shape else "", self._now()) or record is None:
            self._limit.failed(peer, self._monotonic())
            raise TokenRefused
        return Identity(
            record.token_id, record.role, record.tenant, record.seat_id, record.unit, record.person
        )

    async def _find(self, token_id: str) -> TokenRecord | None:
        try:
            record = await self._tokens.find(token_id)
        except StoreAway as away:
            return self._remembered(token_id, away)
        if record is None:
            self._known.pop(token_id, None)
            return None
        self._known[token_id] = (record, self._monotonic())
        self._known.move_to_end(token_id)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return record

    def _remembered(self, token_id: str, away: StoreAway) -> TokenRecord:
        record, seen_s = self._known.get(token_id, (None, 0.0))
        if record is None or self._monotonic() - seen_s > KNOWN_FOR_S:
            raise StoreUnavailable(retry_after_s=5) from away
        return record


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _good(record: TokenRecord | None, secret: str, now: datetime) -> bool:
    """Compares in constant time, also when there is no such token."""
    same = hmac.compare_digest(_hash(secret), record.sha256 if record else _NOBODY)
    if record is None or not same or record.revoked_at is not None:
        return False
    return record.expires_at is None or now < record.expires_at


def _loopback(remote: str) -> bool:
    try:
        return ip_address(remote).is_loopback
    except ValueError:
        return False
