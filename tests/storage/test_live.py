"""The queue's live state in a real Redis that is frozen, killed, emptied and started again."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from structlog.testing import capture_logs

from queue_manager import ports
from queue_manager.model import Need, Requirement, Seat, SeatState, SeatView, WaitingCaller
from storage.live import RedisLiveState
from storage.redis_wire import RedisWire, packed
from tests.servers import RedisServer

NOW = datetime(2026, 11, 21, 2, 0, 0, 123456, tzinfo=UTC)
DEADLINE_S = 15.0


def view(seat_id: str, state: SeatState = SeatState.READY, **facts: str) -> SeatView:
    seat = Seat(
        facts.pop("tenant", "nanning"), seat_id, "壮语座席", f"sip-{seat_id}", {"za": 3}, "t1"
    )
    return SeatView(seat, state, NOW, **facts)


def caller(call_id: str, tenant: str = "nanning") -> WaitingCaller:
    return WaitingCaller(tenant, call_id, "12345", Requirement.of(Need("lang:za", 3)), NOW, 1)


@asynccontextmanager
async def opened(url: str, **settings: float) -> AsyncIterator[RedisLiveState]:
    live = RedisLiveState(url, **settings)
    live.start()
    try:
        yield live
    finally:
        await live.close()


async def until(ready: Callable[[], bool], what: str) -> None:
    """No event tells of these: looked for until a deadline."""
    deadline = time.monotonic() + DEADLINE_S
    while not ready():
        assert time.monotonic() < deadline, f"{what} didn't come"
        await asyncio.sleep(0.02)


def text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


class Looker:
    """A second client that reads what stands in Redis."""

    def __init__(self, url: str) -> None:
        self.redis: Redis = Redis.from_url(url)

    async def states(self, tenant: str = "nanning") -> dict[str, str]:
        found = await self.redis.hgetall(f"hotline:{tenant}:seats")
        return {text(name): json.loads(value)["state"] for name, value in found.items()}

    async def waiting(self, tenant: str = "nanning") -> set[str]:
        return {text(name) for name in await self.redis.hkeys(f"hotline:{tenant}:waiting")}

    async def until(self, states: dict[str, str], waiting: set[str] | None = None) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while (found := (await self.states(), await self.waiting())) != (states, waiting or set()):
            assert time.monotonic() < deadline, f"Redis holds {found}"
            await asyncio.sleep(0.02)


@asynccontextmanager
async def looking(url: str) -> AsyncIterator[Looker]:
    looker = Looker(url)
    try:
        yield looker
    finally:
        await looker.redis.aclose()


async def test_what_was_saved_is_loaded_by_the_next_engine(redis_url: str) -> None:
    """Every field of a seat's view comes back, time with zone and fraction, Chinese names."""
    saved = (
        view("8001"),
        view("8002", SeatState.PAUSED, pause_reason="meal"),
        view("8003", SeatState.TALKING, call_id="node1-1763"),
    )
    async with opened(redis_url) as live:
        port: ports.LiveState = live
        for one in (*saved, view("8001", tenant="baoji")):
            port.save_seat(one)
    async with opened(redis_url) as live:
        assert sorted(await live.load_seats("nanning"), key=lambda v: v.seat.seat_id) == [*saved]
        assert await live.load_seats("baoji") == (view("8001", tenant="baoji"),)
        assert await live.load_seats("anhui") == ()


async def test_only_the_newest_value_per_key_is_written(redis_url: str) -> None:
    """A thousand changes of one moment are one value per seat in few round trips."""
    async with looking(redis_url) as looker, opened(redis_url) as live:
        await until(lambda: live.healthy, "a first answer")
        before = (await looker.redis.info("stats"))["total_commands_processed"]
        for _ in range(500):
            live.save_seat(view("8001", SeatState.RESERVED))
            live.save_seat(view("8001", SeatState.TALKING))
            live.save_waiting(caller("c1"))
            live.forget_waiting("nanning", "c1")
            live.save_waiting(caller("c2"))
        await looker.until({"8001": "talking"}, {"c2"})
        after = (await looker.redis.info("stats"))["total_commands_processed"]
        assert after - before < 60


async def test_a_seat_that_was_changed_is_written_as_it_is_now(redis_url: str) -> None:
    async with looking(redis_url) as looker, opened(redis_url) as live:
        await live.load_seats("nanning")
        live.save_seat(view("8001"))
        await looker.until({"8001": "ready"})
        moved = Seat("nanning", "8001", "新座席", "sip-9", {"yue": 2}, "t2")
        live.save_seat(SeatView(moved, SeatState.PAUSED, NOW, pause_reason="meal"))
        await looker.until({"8001": "paused"})
    async with opened(redis_url) as live:
        (found,) = await live.load_seats("nanning")
    assert found == SeatView(moved, SeatState.PAUSED, NOW, pause_reason="meal")


async def test_what_people_decide_waits_for_no_other_change(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine killed a moment after a seat began to work must not leave it pausing."""
    monkeypatch.setattr("storage.live._COALESCE_S", 10 * DEADLINE_S)
    async with looking(redis_url) as looker, opened(redis_url) as live:
        for state in (SeatState.PAUSED, SeatState.READY, SeatState.OFFLINE):
            live.save_seat(view("8001", state))
            await looker.until({"8001": state})


async def test_forgotten_means_gone(redis_url: str) -> None:
    """Seats taken out and callers who no longer wait leave nothing behind."""
    async with looking(redis_url) as looker, opened(redis_url) as live:
        live.save_seat(view("8001"))
        live.save_seat(view("8002"))
        live.save_waiting(caller("c1"))
        live.save_waiting(caller("c2"))
        await looker.until({"8001": "ready", "8002": "ready"}, {"c1", "c2"})
        live.forget_seat("nanning", "8001")
        live.forget_waiting("nanning", "c1")
        live.forget_waiting("nanning", "never there")
        await looker.until({"8002": "ready"}, {"c2"})


async def test_a_new_engine_clears_what_the_last_one_left(redis_url: str) -> None:
    """Callers of an engine that was killed come back by themselves or not at all."""
    async with opened(redis_url) as live:
        live.save_seat(view("8001", SeatState.PAUSED, pause_reason="meal"))
        live.save_waiting(caller("stale"))
    async with looking(redis_url) as looker, opened(redis_url) as live:
        await live.load_seats("nanning")
        live.save_waiting(caller("fresh"))
        await looker.until({"8001": "paused"}, {"fresh"})


async def test_a_frozen_redis_blocks_nobody_and_catches_up(redis_server: RedisServer) -> None:
    """Saving goes on in memory without delay; unhealthy meanwhile; the newest is written after."""
    async with (
        looking(redis_server.url) as looker,
        opened(redis_server.url, timeout_s=0.3) as live,
    ):
        live.save_seat(view("8001"))
        live.save_waiting(caller("c1"))
        await looker.until({"8001": "ready"}, {"c1"})
        redis_server.freeze()
        try:
            begun = time.perf_counter()
            for _ in range(1000):
                live.save_seat(view("8001", SeatState.TALKING))
            live.forget_waiting("nanning", "c1")
            live.save_waiting(caller("c2"))
            assert time.perf_counter() - begun < 0.2
            await until(lambda: not live.healthy, "the notice of the outage")
        finally:
            redis_server.thaw()
        await looker.until({"8001": "talking"}, {"c2"})
        await until(lambda: live.healthy, "the recovery")


async def test_a_frozen_redis_is_noticed_when_nothing_is_written(
    redis_server: RedisServer,
) -> None:
    """The heartbeat tells /readyz, although no call comes in."""
    async with opened(redis_server.url, timeout_s=0.3) as live:
        await until(lambda: live.healthy, "a first answer")
        redis_server.freeze()
        try:
            await until(lambda: not live.healthy, "the notice of the outage")
        finally:
            redis_server.thaw()
        await until(lambda: live.healthy, "the recovery")


async def test_a_killed_redis_that_comes_back_empty_gets_everything(
    redis_server: RedisServer,
) -> None:
    """Seats that didn't change since are written again too; the outage is logged once."""
    async with opened(redis_server.url) as live:
        async with looking(redis_server.url) as looker:
            for number in range(1200):
                live.save_seat(view(f"{number}"))
            await looker.until({f"{number}": "ready" for number in range(1200)})
        await until(lambda: live.healthy, "the end of the first writing")
        with capture_logs() as logs:
            redis_server.kill()
            live.save_waiting(caller("meanwhile"))
            await until(lambda: not live.healthy, "the notice of the outage")
            for file in redis_server.folder.glob("appendonlydir/*"):
                file.unlink()
            await asyncio.sleep(0.5)  # several attempts fail
            redis_server.start()
            async with looking(redis_server.url) as looker:
                await looker.until({f"{n}": "ready" for n in range(1200)}, {"meanwhile"})
            await until(lambda: live.healthy, "the recovery")
        assert [line["event"] for line in logs] == ["live_state_away", "live_state_up"]


async def test_who_is_served_before_he_was_written_costs_redis_nothing(redis_url: str) -> None:
    """Only callers that may stand in Redis are deleted there; those of a dead engine are among
    them, also when he comes back and goes within a moment."""
    async with looking(redis_url) as looker:
        key = "hotline:nanning:waiting"
        await looker.redis.hset(key, mapping={"old": "{}", "back": "{}"})
        async with opened(redis_url) as live:
            live.save_waiting(caller("back"))
            live.save_seat(view("8001"))
            await looker.until({"8001": "ready"}, {"back"})
            await until(lambda: live.healthy, "a first answer")
            await looker.redis.config_resetstat()
            live.save_waiting(caller("brief"))
            live.forget_waiting("nanning", "brief")
            live.save_seat(view("8001", SeatState.TALKING))
            await looker.until({"8001": "talking"}, {"back"})
            assert "cmdstat_hdel" not in await looker.redis.info("commandstats")
            live.forget_waiting("nanning", "back")
            await looker.until({"8001": "talking"}, set())


async def test_a_command_that_redis_refuses_breaks_no_later_one(redis_url: str) -> None:
    """Answers still on their way are not taken for those of the next trip; any text goes along."""
    wire = RedisWire(redis_url, timeout_s=5.0)
    try:
        with pytest.raises(ResponseError):
            await wire.trip([packed("HSET", "odd"), packed("SET", "a", "1"), packed("GET", "a")])
        nasty = "张伟\r\n$3\r\nx\0"
        assert await wire.trip([packed("SET", "b", nasty), packed("GET", "b")]) == [
            b"OK",
            nasty.encode(),
        ]
    finally:
        await wire.close()


async def test_a_redis_that_was_emptied_under_way_gets_everything(
    redis_server: RedisServer,
) -> None:
    """No connection breaks when somebody flushes it: the missing marker tells."""
    async with looking(redis_server.url) as looker, opened(redis_server.url) as live:
        live.save_seat(view("8001"))
        live.save_seat(view("8002"))
        await looker.until({"8001": "ready", "8002": "ready"})
        redis_server.command("FLUSHALL")
        live.save_seat(view("8002", SeatState.TALKING))
        await looker.until({"8001": "ready", "8002": "talking"})
        await until(lambda: live.healthy, "health")


async def test_closing_writes_what_is_left(redis_url: str) -> None:
    """The last change of a stopping engine is there; closing takes no heartbeat's time."""
    async with looking(redis_url) as looker:
        async with opened(redis_url) as live:
            await until(lambda: live.healthy, "a first answer")
            live.save_seat(view("8001", SeatState.WRAP_UP))
        assert await looker.states() == {"8001": "wrap_up"}


async def test_closing_ends_at_its_deadline_when_redis_is_frozen(
    redis_server: RedisServer,
) -> None:
    """The engine's stop doesn't hang on Redis; the log says that something wasn't written."""
    live = RedisLiveState(redis_server.url, timeout_s=30.0)
    live.start()
    await until(lambda: live.healthy, "a first answer")
    redis_server.freeze()
    try:
        live.save_seat(view("8001"))
        begun = time.monotonic()
        with capture_logs() as logs:
            await live.close(deadline_s=0.3)
        assert time.monotonic() - begun < 3
        assert "live_state_not_flushed" in [line["event"] for line in logs]
    finally:
        redis_server.thaw()


async def test_nothing_piles_up_while_redis_is_away(redis_server: RedisServer) -> None:
    """However many callers come and go meanwhile, only what is true is kept for later."""
    redis_server.stop()
    try:
        async with opened(redis_server.url) as live:
            for n in range(1000):
                live.save_waiting(caller(f"n-{n}"))
                live.forget_waiting("nanning", f"n-{n}")
            await until(lambda: not live._mirror("nanning").changed_waiting, "the clearing")
    finally:
        redis_server.start()


async def test_loading_from_a_redis_that_is_away_gives_nothing_after_a_deadline(
    redis_server: RedisServer,
) -> None:
    """The engine starts all the same; its first state is written when Redis is there."""
    redis_server.stop()
    async with opened(redis_server.url, load_deadline_s=0.4) as live:
        begun = time.monotonic()
        assert await live.load_seats("nanning") == ()
        assert 0.3 < time.monotonic() - begun < 3
        live.save_seat(view("8001"))
        redis_server.start()
        async with looking(redis_server.url) as looker:
            await looker.until({"8001": "ready"})


async def test_loading_waits_for_a_redis_that_is_just_starting(
    redis_server: RedisServer,
) -> None:
    """Engine and Redis are started side by side: what was stored is still found."""
    async with opened(redis_server.url) as live:
        live.save_seat(view("8001"))
    redis_server.stop()
    async with opened(redis_server.url, load_deadline_s=10) as live:
        loading = asyncio.create_task(live.load_seats("nanning"))
        await asyncio.sleep(0.2)
        redis_server.start()  # not in a thread: the server dies with the thread that started it
        assert await loading == (view("8001"),)


@pytest.mark.parametrize("rubbish", ["{", "[]", '{"seat_id": "8001"}', "壮"])
async def test_an_unreadable_seat_is_skipped(redis_url: str, rubbish: str) -> None:
    """One bad value, by hand or by an older version, doesn't cost the others."""
    async with looking(redis_url) as looker:
        async with opened(redis_url) as live:
            live.save_seat(view("8002"))
        await looker.redis.hset("hotline:nanning:seats", "8001", rubbish)
        with capture_logs() as logs:
            async with opened(redis_url) as live:
                assert await live.load_seats("nanning") == (view("8002"),)
        assert "live_seat_unreadable" in [line["event"] for line in logs]


async def test_callers_are_stored_with_all_that_decides_their_place(redis_url: str) -> None:
    """Needs, priority and the time of first queueing; no phone number."""
    async with looking(redis_url) as looker:
        async with opened(redis_url) as live:
            live.save_waiting(caller("c1"))
        stored = json.loads(await looker.redis.hget("hotline:nanning:waiting", "c1") or "")
    assert stored == {
        "call_id": "c1",
        "line_id": "12345",
        "needs": "lang:za>=3",
        "queued_at": NOW.isoformat(),
        "priority": 1,
        "queue_id": "main",
        "node": "",
        "language": "",
        "callback": False,
    }
    assert datetime.fromisoformat(stored["queued_at"]) - NOW == timedelta(0)
