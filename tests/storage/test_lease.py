"""The leader's lease in a real Redis: taken by one, kept, lost, wiped, away, slow."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from storage.lease import LEASE, Held, LeaseAway, RedisLease
from tests.servers import RedisServer

LIFE_S = 0.4


@asynccontextmanager
async def engines(url: str, *names: str, life_s: float = LIFE_S) -> AsyncIterator[list[RedisLease]]:
    opened = [
        RedisLease(url, node=name, address=f"127.0.0.1:{n}", life_s=life_s, timeout_s=0.3)
        for n, name in enumerate(names, 1)
    ]
    try:
        yield opened
    finally:
        for lease in opened:
            await lease.close()


async def test_one_of_many_who_ask_at_once_gets_it(redis_url: str) -> None:
    names = [f"n{i}" for i in range(8)]
    async with engines(redis_url, *names) as asking:
        told = await asyncio.gather(*(lease.take(0) for lease in asking))
    assert len(set(told)) == 1, "all were told of the same holder"


async def test_a_lease_that_is_not_renewed_ends_and_the_next_token_is_larger(
    redis_url: str,
) -> None:
    async with engines(redis_url, "a", "b") as (a, b):
        first = await a.take(0)
        assert (await b.take(0)) == first
        await asyncio.sleep(LIFE_S + 0.1)
        assert await b.look() is None
        second = await b.take(0)
        assert second.node == "b"
        assert second.token > first.token
        assert (await a.renew(first.token)) == second, "the fence: the old token is worth nothing"


async def test_a_renewed_lease_stays(redis_url: str) -> None:
    async with engines(redis_url, "a", "b") as (a, b):
        held = await a.take(0)
        for _ in range(4):
            await asyncio.sleep(LIFE_S / 2)
            assert await a.renew(held.token) == held
        assert await b.take(0) == held


async def test_an_engine_started_anew_has_its_nodes_lease_at_once(redis_url: str) -> None:
    """The engine before it was this node's, and is dead: nobody waits for its lease to end."""
    async with engines(redis_url, "a", "a") as (dead, anew):
        before = await dead.take(0)
        after = await anew.take(0)
        assert after.node == "a"
        assert after.token > before.token
        assert (await dead.renew(before.token)) == after


async def test_a_wiped_redis_takes_the_leaders_word(
    redis_url: str, redis_server: RedisServer
) -> None:
    async with engines(redis_url, "a", "b") as (a, b):
        held = await a.take(0)
        redis_server.command("FLUSHALL")
        assert await a.renew(held.token) == held
        assert await b.look() == held


async def test_a_wiped_redis_gives_no_token_twice(
    redis_url: str, redis_server: RedisServer
) -> None:
    """Also to an engine that has never heard of a token."""
    async with engines(redis_url, "a", "b") as (a, b):
        first = await a.take(0)
        redis_server.command("FLUSHALL")
        second = await b.take(0)
        assert second.token > first.token
        assert (await a.renew(first.token)) == second


async def test_wiped_twice_the_larger_token_wins(redis_url: str, redis_server: RedisServer) -> None:
    """A Redis that took the smaller one's word is put right by the larger."""
    async with engines(redis_url, "a", "b") as (a, b):
        smaller = await a.take(0)
        redis_server.command("FLUSHALL")
        larger = await b.take(0)
        redis_server.command("FLUSHALL")
        assert await a.renew(smaller.token) == smaller
        assert await b.renew(larger.token) == larger
        assert await a.renew(smaller.token) == larger


async def test_what_the_taker_has_heard_of_is_outdone(redis_url: str) -> None:
    """A node whose clock is ahead gave Redis its tokens before."""
    ahead = time.time_ns() // 1000 + 10**12
    async with engines(redis_url, "a") as (a,):
        assert (await a.take(ahead)).token == ahead + 1


async def test_a_lease_given_up_is_free_at_once_and_only_ones_own(redis_url: str) -> None:
    async with engines(redis_url, "a", "b", life_s=30) as (a, b):
        held = await a.take(0)
        await b.release(held.token - 1)
        assert await b.look() == held
        await a.release(held.token)
        assert (await b.take(held.token)).node == "b"


async def test_redis_away_frozen_or_strange_is_told_and_bounded(
    redis_url: str, redis_server: RedisServer
) -> None:
    """No answer is no lease: whoever asks hears it soon, and asks again later."""
    async with engines(redis_url, "a", life_s=30) as (a,):
        held = await a.take(0)
        for break_it, mend_it in (
            (redis_server.freeze, redis_server.thaw),
            (redis_server.kill, redis_server.start),
        ):
            break_it()
            async with asyncio.timeout(20):  # without a bound of its own it would be for ever
                with pytest.raises(LeaseAway):
                    await a.renew(held.token)
            mend_it()
            assert (await a.renew(held.token)).node == "a"
        client: Redis = Redis.from_url(redis_url)
        await client.set(LEASE, "something else")
        with pytest.raises(LeaseAway):
            await a.look()
        await client.delete(LEASE)
        await client.aclose()


async def test_a_lease_that_cannot_be_read_is_none_of_ours(redis_url: str) -> None:
    client: Redis = Redis.from_url(redis_url)
    await client.hset(LEASE, mapping={"token": "many", "node": "x", "address": "y"})
    async with engines(redis_url, "a") as (a,):
        with pytest.raises(LeaseAway, match="something else"):
            await a.look()
    await client.aclose()


def test_a_holder_is_a_value() -> None:
    assert Held(1, "a", "x") == Held(1, "a", "x")
