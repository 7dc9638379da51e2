"""Engines of a cluster: one leads, another takes over, no place is lost, no seat is rung twice."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from redis.asyncio import Redis

import hotline.cluster
from queue_manager.cluster.election import Patience, Role
from queue_manager.model import LeaveReason
from tests.hotline.cluster_house import PATIENCE, Member, again, members, until
from tests.servers import RedisServer

LONG = replace(PATIENCE, lease_s=60.0)
"""A lease that doesn't run out while a test waits: who leads then was not waiting for that."""


@contextlib.asynccontextmanager
async def pair(
    url: str,
    a_phones: tuple[str, ...] = ("1",),
    b_phones: tuple[str, ...] = ("2",),
    patience: Patience = PATIENCE,
) -> AsyncIterator[tuple[Member, Member]]:
    """Two engines, `a` leading; the seats' telephones as given, all seats ready."""
    seats = (*a_phones, *b_phones)
    async with members(url, "a", "b", seats=seats, patience=patience) as (a, b):
        await a.start(a_phones)
        await until(lambda: a.role is Role.LEADING and a.queue.near, "a leading")
        await b.start(b_phones)
        await until(lambda: b.role is Role.FOLLOWING, "b following")
        await until(
            lambda: all(b.state(s) == "ready" for s in (*a_phones, *b_phones)), "all seats ready"
        )
        yield a, b


async def test_a_caller_of_one_node_gets_the_seat_of_another(redis_url: str) -> None:
    """The offer says where the telephone is; the seat's own node knows it is held."""
    async with pair(redis_url, a_phones=(), b_phones=("2",)) as (a, b):
        a.call("a-1")
        await until(lambda: "2" in a.house.rings, "the ring")
        offer = a.house.rings["2"].offer
        assert offer.ring_at == "sip-2@b"
        assert offer.caller.node == "a"
        await until(lambda: "2" in b.queue.legs.held, "b knowing of it")
        a.house.answer("2")
        await until(lambda: b.state("2") == "talking", "b seeing the talk")
        a.house.hang_up("2", by=a)
        await until(lambda: b.state("2") == "ready" and not b.queue.legs.held, "the seat free")


async def test_a_followers_caller_and_its_own_seat(redis_url: str) -> None:
    async with pair(redis_url, a_phones=(), b_phones=("2",)) as (a, b):
        b.call("b-1")
        await until(lambda: "2" in b.house.rings, "the ring")
        assert b.house.rings["2"].offer.ring_at == "sip-2"
        b.house.answer("2")
        await until(lambda: a.state("2") == "talking", "the leader seeing the talk")


async def test_callers_of_all_nodes_are_one_queue(redis_url: str) -> None:
    """Who came first is served first, wherever he called; positions are told to all nodes."""
    async with pair(redis_url, a_phones=("1",), b_phones=()) as (a, b):
        a.call("a-0")
        await until(lambda: "1" in a.house.rings, "the only seat ringing")
        places = {"b-1": b.call("b-1", waited_s=30), "a-1": a.call("a-1", waited_s=20)}
        places["b-2"] = b.call("b-2", waited_s=10)
        await until(
            lambda: [places[c].position() for c in ("b-1", "a-1", "b-2")] == [1, 2, 3],
            "everybody's position",
        )
        for expected in ("b-1", "a-1", "b-2"):
            a.house.answer("1")
            a.house.hang_up("1", by=a if a.house.served[-1].startswith("a") else b)
            await until(lambda: "1" in a.house.rings, "the next ring")
            assert a.house.rings["1"].offer.caller.call_id == expected
        assert a.house.doubles == []


async def test_the_leader_dies_and_nobody_loses_his_place(redis_url: str) -> None:
    """b takes over; its callers are served in their order, and a's, when a's
    next engine brings them back, at the place they had."""
    async with pair(redis_url, a_phones=(), b_phones=("2",)) as (a, b):
        b.call("b-0")
        await until(lambda: "2" in b.house.rings, "the only seat ringing")
        b.house.answer("2")
        b.call("b-1", waited_s=10)
        a.call("a-1", waited_s=20)
        await until(lambda: a.queue.waiting().count == 2, "two waiting")
        await a.crash()
        await until(lambda: b.role is Role.LEADING and b.queue.near, "b leading")
        assert b.state("2") == "talking", "the talk goes on"
        anew = again(a)
        try:
            await anew.start()
            await until(lambda: anew.role is Role.FOLLOWING, "a's next engine following")
            anew.call("a-1", waited_s=21)
            await until(lambda: b.queue.waiting().count == 2, "both waiting again")
            b.house.hang_up("2", by=b)
            await until(lambda: "2" in b.house.rings, "the next ring")
            assert b.house.rings["2"].offer.caller.call_id == "a-1"
            assert b.house.doubles == []
        finally:
            await anew.stop()


async def test_who_was_moved_up_is_first_with_the_next_leader_too(redis_url: str) -> None:
    """His own node keeps the priority that made him first, whoever leads."""
    async with pair(redis_url, a_phones=(), b_phones=("2",)) as (a, b):
        b.call("b-0")
        await until(lambda: "2" in b.house.rings, "the only seat ringing")
        b.house.answer("2")
        b.call("b-1", waited_s=3600)
        told: list[int] = []
        b.call("b-2").when_moved(told.append)
        await until(lambda: a.queue.waiting().count == 2, "two waiting")
        a.queue.move_first("b-2", by="supervisor", why="smells gas")
        await until(lambda: told, "his node told")
        await a.crash()
        await until(lambda: b.role is Role.LEADING and b.queue.near, "b leading")
        b.house.hang_up("2", by=b)
        await until(lambda: "2" in b.house.rings, "the next ring")
        assert b.house.rings["2"].offer.caller.call_id == "b-2"


async def test_a_seat_that_rings_when_its_leader_dies_is_not_rung_again(redis_url: str) -> None:
    """The caller's node reports it; when the seat doesn't answer, both wait again."""
    async with pair(redis_url, a_phones=(), b_phones=("2",)) as (a, b):
        b.call("b-1", waited_s=10)
        await until(lambda: "2" in b.house.rings, "the ring")
        b.call("b-2", waited_s=5)
        await a.crash()
        await until(lambda: b.role is Role.LEADING and b.queue.near, "b leading")
        await asyncio.sleep(0.3)
        assert b.state("2") == "talking", "held, whether it rings or talks"
        assert b.house.rings["2"].offer.caller.call_id == "b-1"
        b.house.answer("2")
        await asyncio.sleep(0.1)
        assert b.queue.waiting().count == 1
        b.house.hang_up("2", by=b)
        await until(lambda: "2" in b.house.rings, "b-2's ring")
        assert b.house.rings["2"].offer.caller.call_id == "b-2"
        assert b.house.doubles == []


async def test_a_seat_held_for_a_dead_nodes_caller_is_not_rung_for_another(
    redis_url: str,
) -> None:
    """The leader's own caller rings a seat of b when the leader dies: b vouches for its seat,
    until its telephone is free."""
    async with pair(redis_url, a_phones=(), b_phones=("2",)) as (a, b):
        a.call("a-1")
        await until(lambda: "2" in a.house.rings, "the ring over the node trunk")
        b.call("b-1")
        await a.crash()
        await until(lambda: b.role is Role.LEADING and b.queue.near, "b leading")
        a.house.answer("2")  # a's Asterisk lives: they talk
        await asyncio.sleep(0.5)
        assert (b.state("2"), b.house.doubles) == ("talking", [])
        del b.house.talks["2"]
        b.queue.legs.hung_up("sip-2", "a-1")
        await until(lambda: "2" in b.house.rings, "b-1's ring")
        assert b.house.doubles == []


async def test_redis_wiped_changes_nothing(redis_url: str, redis_server: RedisServer) -> None:
    async with pair(redis_url, a_phones=(), b_phones=("2",)) as (a, b):
        term = a.cluster.standing.term
        redis_server.command("FLUSHALL")
        await asyncio.sleep(1.5)
        assert (a.role, b.role) == (Role.LEADING, Role.FOLLOWING)
        assert a.cluster.standing.term == b.cluster.standing.term == term
        a.call("a-1")
        await until(lambda: "2" in a.house.rings, "the ring")


async def test_without_redis_the_leader_goes_on_while_its_followers_stay(
    redis_url: str, redis_server: RedisServer
) -> None:
    async with pair(redis_url, a_phones=(), b_phones=("2",)) as (a, b):
        redis_server.kill()
        await asyncio.sleep(2.0)
        assert (a.role, b.role) == (Role.LEADING, Role.FOLLOWING)
        a.call("a-1")
        await until(lambda: "2" in a.house.rings, "the ring")
        redis_server.start()
        await asyncio.sleep(1.0)
        assert (a.role, b.role) == (Role.LEADING, Role.FOLLOWING)


async def test_a_frozen_redis_holds_nobody_up(redis_url: str, redis_server: RedisServer) -> None:
    async with pair(redis_url, a_phones=("1",), b_phones=()) as (a, b):
        redis_server.freeze()
        try:
            await asyncio.sleep(1.5)
            b.call("b-1")
            await until(lambda: "1" in b.house.rings, "the ring")
            assert a.role is Role.LEADING
        finally:
            redis_server.thaw()


async def test_without_leader_and_redis_each_node_serves_its_own(
    redis_url: str, redis_server: RedisServer
) -> None:
    """Nobody waits in limbo; when Redis is back, they are one again."""
    async with pair(redis_url, a_phones=("1",), b_phones=("2", "3")) as (a, b):
        redis_server.kill()
        await a.crash()
        b.call("b-1")
        await until(lambda: b.role is Role.ALONE, "b alone")
        await until(lambda: b.house.rings, "a seat of b's own ringing")
        assert set(b.house.rings) <= {"2", "3"}
        redis_server.start()
        await until(lambda: b.role is Role.LEADING, "b leading")
        assert b.house.doubles == []


async def test_the_same_nodes_next_engine_leads_at_once(redis_url: str) -> None:
    """A single node's cluster: its next engine needn't wait for the lease of the dead one."""
    async with members(redis_url, "a", seats=("1",), patience=LONG) as (a,):
        await a.start(("1",))
        await until(lambda: a.role is Role.LEADING, "a leading")
        await a.crash()
        anew = again(a)
        try:
            await anew.start(("1",))
            await until(lambda: anew.role is Role.LEADING, "the next engine leading")
        finally:
            await anew.stop()


async def test_the_dead_leaders_spare_leads_while_its_lease_still_runs(redis_url: str) -> None:
    """It is the quickest of all who could, and the other node follows it: the seat that rings
    there rings on, for one caller alone, and who came first is next."""
    async with pair(redis_url, a_phones=(), b_phones=("2",), patience=LONG) as (a, b):
        b.call("b-0")
        await until(lambda: "2" in b.house.rings, "the only seat ringing")
        b.call("b-1", waited_s=10)
        await a.crash()
        spare = again(a)
        try:
            await spare.start()
            await until(lambda: spare.role is Role.LEADING, "the spare leading")
            await until(lambda: b.role is Role.FOLLOWING, "b following it")
            spare.call("a-1", waited_s=20)
            await until(lambda: spare.queue.waiting().count == 2, "two waiting, one is rung")
            assert b.house.answer("2") == "b-0"
            b.house.hang_up("2", by=b)
            await until(lambda: "2" in b.house.rings, "the next ring")
            assert b.house.rings["2"].offer.caller.call_id == "a-1"
            assert b.house.doubles == []
        finally:
            await spare.stop()


async def test_redis_is_reached_before_asterisk_has_told_what_lives(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is sought until then, but the way to the lease is open."""
    monkeypatch.setattr(hotline.cluster, "READY_S", 3600.0)
    async with members(redis_url, "a", seats=("1",)) as (a,):
        monkeypatch.setattr(a.cluster, "ready", lambda: None)
        await a.start(("1",))
        await until(lambda: a.cluster.redis_answers, "Redis's answer")
        assert a.role is Role.SEEKING


async def test_a_leader_that_stops_hands_over_at_once(redis_url: str) -> None:
    async with pair(redis_url, patience=LONG) as (a, b):
        await a.stop()
        await until(lambda: b.role is Role.LEADING, "b leading: the lease was given up")


async def test_a_broken_link_is_mended_and_loses_nothing(redis_url: str) -> None:
    """b's caller waits through it; one who leaves meanwhile has left."""
    async with pair(redis_url, a_phones=(), b_phones=("2",)) as (a, b):
        b.call("b-0")
        await until(lambda: "2" in b.house.rings, "the ring")
        stays, leaves = b.call("b-1", waited_s=9), b.call("b-2", waited_s=8)
        await until(lambda: a.queue.waiting().count == 3, "three waiting")
        assert b.cluster._leader is not None
        b.cluster._leader._writer.transport.abort()
        leaves.leave(LeaveReason.VOICE_REQUEST)  # said into a wire that is dead already
        await until(lambda: a.queue.waiting().count == 2, "two waiting")
        await until(lambda: b.role is Role.FOLLOWING, "b following again")
        assert stays.current
        b.house.answer("2")
        await until(lambda: a.state("2") == "talking", "the answer heard")
        assert b.house.doubles == []


async def test_wishes_and_boards_reach_over_nodes(redis_url: str) -> None:
    async with pair(redis_url) as (a, b):
        b.queue.pause("1", "meal")
        await until(lambda: a.state("1") == b.state("1") == "paused", "the pause")
        b.queue.ready("1")
        await until(lambda: b.state("1") == "ready", "ready again")
        told = asyncio.Event()
        b.queue.subscribe(told.set)
        a.queue.pause("2", "meal")
        await asyncio.wait_for(told.wait(), 20)
        a.call("a-1")
        await until(lambda: "1" in a.house.rings, "the ring")
        a.call("a-2")
        await until(lambda: b.queue.waiting().count == 2, "b's board counting")
        await until(lambda: len(b.queue.callers()) == 2, "b's supervisors seeing who waits")
        await until(lambda: b.queue.figures()["total"]["offered"] == 2, "b's figures")
        for number, member in enumerate((a, b), 1):  # each has a telephone that was taken over
            member.queue.second_phone(f"sip-{number}", "10.0.0.5:5060, 10.0.0.9:5060")
        for member in (a, b):
            await until(
                lambda m=member: {alert.seat_id for alert in m.queue.alerts()} == {"1", "2"},  # type: ignore[misc]  # bound now
                "both alerts",
            )


async def test_a_leader_that_stood_still_does_not_trust_itself_for_a_while(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another may lead by then: what it would write in that moment was counted by the other."""
    monkeypatch.setattr(hotline.cluster, "FROZEN_S", 0.3)
    monkeypatch.setattr(hotline.cluster, "AWAKE_S", 0.5)
    async with pair(redis_url) as (a, b):
        await until(lambda: a.cluster.awake and b.cluster.awake, "both awake")
        time.sleep(0.4)  # the whole process stands still: that is the case
        assert not a.cluster.awake, "before it has looked around"
        await asyncio.sleep(0.15)
        assert not a.cluster.awake, "nor as soon as it has"
        await until(lambda: a.cluster.awake, "awake again")


async def test_a_change_of_seats_is_read_everywhere(redis_url: str) -> None:
    async with pair(redis_url) as (a, b):
        b.cluster.announce("nanning")
        await until(lambda: a.reread == ["nanning"], "a reading again")
        a.cluster.announce("nanning")
        await until(lambda: b.reread == ["nanning"], "b reading again")


async def test_three_nodes_the_leader_dies_and_the_two_others_are_one(redis_url: str) -> None:
    """The new leader waits for the third node before it offers anything: who waited longest there
    comes first."""
    async with members(redis_url, "a", "b", "c", seats=("2", "3")) as (a, b, c):
        await a.start()
        await until(lambda: a.role is Role.LEADING and a.queue.near, "a leading")
        await b.start(("2",))
        await c.start(("3",))
        await until(lambda: b.role is c.role is Role.FOLLOWING, "b and c following")
        await until(lambda: a.state("2") == a.state("3") == "ready", "both seats")
        for name, member in (("b-0", b), ("c-0", c)):
            member.call(name)
        await until(lambda: len(a.house.rings) == 2, "both seats ringing")
        b.call("b-1", waited_s=5)
        c.call("c-1", waited_s=50)
        await until(lambda: a.queue.waiting().count == 4, "all waiting")
        await a.crash()
        await until(lambda: {b.role, c.role} == {Role.LEADING, Role.FOLLOWING}, "one of two leads")
        lead = b if b.role is Role.LEADING else c
        await until(lambda: lead.queue.near is not None, "leading")
        await asyncio.sleep(0.5)
        assert len(b.house.rings) == 2
        first = b.house.answer("2")
        b.house.hang_up("2", by=b if first.startswith("b") else c)
        await until(lambda: "2" in b.house.rings, "the next ring")
        assert b.house.rings["2"].offer.caller.call_id == "c-1"
        assert b.house.doubles == []


async def test_a_redis_that_only_one_engine_cannot_reach_makes_no_second_leader(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leader alone loses Redis; its follower stays with it. When a third engine wins the lease,
    all go over to the larger term."""
    async with members(redis_url, "a", "b", "c", seats=("1", "2")) as (a, b, c):
        await a.start(("1",))
        await until(lambda: a.role is Role.LEADING and a.queue.near, "a leading")
        await b.start(("2",))
        await until(lambda: b.role is Role.FOLLOWING, "b following")
        await a.cluster._lease._redis.aclose()
        nowhere: Redis = Redis.from_url("unix:///nowhere/redis.sock")
        monkeypatch.setattr(a.cluster._lease, "_redis", nowhere)
        await asyncio.sleep(1.5)
        assert (a.role, b.role) == (Role.LEADING, Role.FOLLOWING)
        await c.start()
        await until(
            lambda: (
                sorted((a.role, b.role, c.role))
                == sorted((Role.LEADING, Role.FOLLOWING, Role.FOLLOWING))
            ),
            "one leader of three",
        )
        assert len({m.cluster.standing.term for m in (a, b, c)}) == 1
        c.call("c-1")
        await until(lambda: c.house.rings, "the ring")
