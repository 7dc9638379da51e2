"""The leader's lease in Redis: who leads the matching, for how long, with which token.

One hash, `hotline:cluster:lease` (token, node, address), that vanishes by itself when it isn't
renewed, and the last token given out. Each step is one script, so that two engines can't both
win. A new token is larger than the last one, than all its taker has heard of, and than Redis's
own clock in microseconds: so even a Redis that forgot everything never gives one out twice.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

LEASE, LAST = "hotline:cluster:lease", "hotline:cluster:token"

# KEYS lease, last token · ARGV node, address, life in ms, the largest token known
_TAKE = """
local held = redis.call('HMGET', KEYS[1], 'token', 'node', 'address')
if held[1] and held[2] ~= ARGV[1] then return held end
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local clock = redis.call('TIME')
local now_us = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local token = math.max(last, tonumber(ARGV[4]), tonumber(held[1] or '0'), now_us) + 1
redis.call('SET', KEYS[2], string.format('%.0f', token))
redis.call('HSET', KEYS[1], 'token', string.format('%.0f', token), 'node', ARGV[1],
           'address', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return redis.call('HMGET', KEYS[1], 'token', 'node', 'address')
"""
# KEYS lease, last token · ARGV node, address, life in ms, our token
_RENEW = """
local held = redis.call('HMGET', KEYS[1], 'token', 'node', 'address')
if held[1] and (tonumber(held[1]) > tonumber(ARGV[4]) or
                held[1] == ARGV[4] and held[2] ~= ARGV[1]) then return held end
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
if last > tonumber(ARGV[4]) then return {string.format('%.0f', last), '', ''} end
redis.call('SET', KEYS[2], ARGV[4])
redis.call('HSET', KEYS[1], 'token', ARGV[4], 'node', ARGV[1], 'address', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return redis.call('HMGET', KEYS[1], 'token', 'node', 'address')
"""
_RELEASE = """
if redis.call('HGET', KEYS[1], 'token') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class LeaseAway(Exception):
    """Redis didn't answer, or not as it should: nothing is known of the lease."""


@dataclass(frozen=True, slots=True)
class Held:
    """Whose lease it is. `node` "" in an answer to `renew`: nobody's, but a larger token is out."""

    token: int
    node: str
    address: str


class RedisLease:
    """The lease, asked for by one engine. Every call is bounded in time and may raise LeaseAway."""

    def __init__(self, url: str, *, node: str, address: str, life_s: float, timeout_s: float = 0.5):
        self._redis: Redis = Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),  # whoever asks has his own patience
        )
        self._me = (node, address, str(round(life_s * 1000)))
        self._timeout_s = timeout_s
        self._asking: set[asyncio.Future[Any]] = set()

    async def look(self) -> Held | None:
        """Who holds it now; None when nobody does."""
        return _held(await self._ask(self._redis.hmget(LEASE, "token", "node", "address")))

    async def take(self, at_least: int) -> Held:
        """Take it if it is free (or this node's own, of the engine before us), with a token larger
        than `at_least`; who holds it afterwards."""
        return self._sure(await self._run(_TAKE, (*self._me, str(at_least))))

    async def renew(self, token: int) -> Held:
        """Keep it; who holds it afterwards. A Redis that has forgotten it takes our word, also
        when it took that of a smaller token's meanwhile."""
        return self._sure(await self._run(_RENEW, (*self._me, str(token))))

    async def release(self, token: int) -> None:
        """Give it up, if it is still ours, so that nobody has to wait for its end."""
        await self._ask(self._redis.eval(_RELEASE, 1, LEASE, str(token)))

    async def close(self) -> None:
        """Let go of the connection, once nothing is asked on it any more."""
        if self._asking:
            await asyncio.wait(self._asking, timeout=2 * self._timeout_s)
        await self._redis.aclose()

    async def _run(self, script: str, arguments: Sequence[str]) -> Held | None:
        return _held(await self._ask(self._redis.eval(script, 2, LEASE, LAST, *arguments)))

    async def _ask(self, asked: Any) -> Any:
        """Whoever asks may be cancelled or out of patience: the question itself comes to its end,
        which the socket's time-outs bound (a connection dropped halfway would be left open)."""
        asking = asyncio.ensure_future(asked)
        self._asking.add(asking)
        asking.add_done_callback(self._answered)
        try:
            async with asyncio.timeout(2 * self._timeout_s):
                return await asyncio.shield(asking)
        except (RedisError, OSError, TimeoutError) as error:
            raise LeaseAway(repr(error)) from error

    def _answered(self, asking: "asyncio.Future[Any]") -> None:
        self._asking.discard(asking)
        if not asking.cancelled():
            asking.exception()  # seen: whoever asked may be gone

    @staticmethod
    def _sure(held: Held | None) -> Held:
        if held is None:
            raise LeaseAway("the lease was gone in the middle of a script")
        return held


def _held(found: Any) -> Held | None:
    """Redis's answer (three values, all or none there); raises LeaseAway for another one."""
    if not found or found[0] is None:
        return None
    try:
        token, node, address = (value.decode() for value in found)
        return Held(int(token), node, address)
    except (ValueError, AttributeError) as error:
        raise LeaseAway(f"{LEASE} holds something else: {found!r}") from error
