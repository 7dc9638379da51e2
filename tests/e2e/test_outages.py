"""SQL away, Redis away, no room on the disk: callers are served, nothing is lost, and it shows."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from simulator.audio import speech_like
from simulator.citizens import Citizen
from simulator.seats import Manners, Seats
from tests.e2e.books import rows
from tests.e2e.installation import Installation
from tests.e2e.prompts import brief_cache
from tests.e2e.speaking import KIND, MATTER, PLACE, RIGHT, YES, Talk, speaks, spoken_of
from tests.servers import PostgresServer

AT_ONCE = ((0.4, "0"),)
VOICE = speech_like(10, "ulaw")


async def _served(hotline: Installation, caller: str, seats: Seats) -> None:
    """One whole call with a talk."""
    citizen = Citizen(caller, hotline.sip)
    outcome = await citizen.call("12345", digits=AT_ONCE, voice=VOICE)
    assert outcome.ended_by == "hotline"
    assert [event for event in seats.events if event.word == "answered"]


def _part(hotline: Installation, name: str) -> bool:
    """Whether /readyz says that a part is up."""
    return bool(hotline.readiness().get("parts", {}).get(name, {}).get("up"))


def _restarted(hotline: Installation, name: str, killed: int) -> bool:
    """Whether the supervisor has started the part anew."""
    try:
        return hotline.part(name).pid != killed
    except (psutil.NoSuchProcess, ValueError):
        return False


async def test_postgresql_away_for_a_while_costs_nobody_his_ticket(
    postgres_url: str, postgres_server: PostgresServer
) -> None:
    """PostgreSQL stops, a call is served, PostgreSQL is back: one ticket, one row; said on
    /readyz meanwhile."""
    caller = "13655550000"
    with Installation(database_url=postgres_url) as hotline:
        account = hotline.add_seat("1001")
        hotline.cli("hours", "set", "open")
        async with Seats([account], sip=hotline.sip, usual=Manners(talk_s=1)) as seats:
            await asyncio.to_thread(
                hotline.wait, lambda: hotline.seat_state("1001") == "ready", "the seat"
            )
            postgres_server.stop()
            await _served(hotline, caller, seats)
            await asyncio.to_thread(hotline.wait, lambda: not _part(hotline, "sql"), "the outage")
            assert hotline.ready, "calls are taken without SQL"
            postgres_server.start()
            await asyncio.to_thread(hotline.wait, lambda: _part(hotline, "sql"), "SQL")
        ticket = await asyncio.to_thread(hotline.ticket_of, caller)
        assert (ticket["origin"], ticket["seat_id"]) == ("talk", "1001")
        assert len(hotline.tickets()) == 1
        hotline.no_channels_left()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a second of audio; mounting takes root, as CI is."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


async def test_a_full_disk_loses_the_recording_and_nothing_else(small_disk: Path) -> None:
    """No room for recordings: the call is served, its ticket made, the recording marked, and
    /readyz says what is wrong. After hours his words are on the ticket without his voice."""
    caller, speaker = "13666660000", "13666660001"
    hotline = Installation(speech="vosk", cache=brief_cache())
    recordings = hotline.home / "recordings"
    recordings.mkdir()
    subprocess.run(["mount", "--bind", small_disk, recordings], check=True)
    try:
        with hotline:
            account = hotline.add_seat("1001")
            hotline.cli("hours", "set", "open")
            async with Seats([account], sip=hotline.sip, usual=Manners(talk_s=3)) as seats:
                await asyncio.to_thread(
                    hotline.wait, lambda: hotline.seat_state("1001") == "ready", "the seat"
                )
                await _served(hotline, caller, seats)
            ticket = await asyncio.to_thread(hotline.ticket_of, caller)
            assert ticket["origin"] == "talk"
            query = "SELECT status FROM recordings WHERE call_id = ? AND status != 'pending'"
            found: list[str] = []

            def checked() -> bool:
                found[:] = [r["status"] for r in rows(hotline.home, query, ticket["call_id"])]
                return bool(found)

            await asyncio.to_thread(hotline.wait, checked, "the check of the recording")
            assert found[0] in ("short", "missing", "no_media")
            assert not _part(hotline, "disk")
            assert hotline.ready
            await asyncio.to_thread(hotline.cli, "hours", "set", "closed")
            await asyncio.to_thread(hotline.wait, lambda: speaks(hotline), "a recogniser")
            async with Citizen(speaker, hotline.sip).dial("12345") as call:
                await call.answered()
                await Talk(hotline, speaker).answer(call, KIND, PLACE, MATTER, YES, RIGHT)
                await call.ended(within_s=120)
            spoken = await asyncio.to_thread(hotline.ticket_of, speaker)
            told = spoken_of(hotline, spoken["number"])
            found = [told["kind"], told["place"], told["text"]]
            assert found == ["complaint", PLACE, MATTER]
            subprocess.run(["umount", "-l", recordings], check=True)
    finally:
        subprocess.run(["umount", "-l", recordings], check=False, capture_output=True)


async def test_redis_away_is_no_reason_not_to_answer_and_nothing_is_left_at_the_end() -> None:
    """Redis stops, calls are served; it comes back, is written anew; Ctrl-C ends everything."""
    caller = "13677770000"
    with Installation() as hotline:
        account = hotline.add_seat("1001")
        hotline.cli("hours", "set", "open")
        async with Seats([account], sip=hotline.sip, usual=Manners(talk_s=1)) as seats:
            await asyncio.to_thread(
                hotline.wait, lambda: hotline.seat_state("1001") == "ready", "the seat"
            )
            await asyncio.to_thread(hotline.supervisorctl, "stop", "redis")
            await asyncio.to_thread(hotline.wait, lambda: not _part(hotline, "redis"), "outage")
            await _served(hotline, caller, seats)
            assert hotline.ready
            await asyncio.to_thread(hotline.supervisorctl, "start", "redis")
            await asyncio.to_thread(hotline.wait, lambda: _part(hotline, "redis"), "Redis")
        assert (await asyncio.to_thread(hotline.ticket_of, caller))["seat_id"] == "1001"

        killed = hotline.part("redis").pid
        hotline.kill("redis")
        await asyncio.to_thread(
            hotline.wait, lambda: _restarted(hotline, "redis", killed), "its restart"
        )
        await asyncio.to_thread(hotline.wait, lambda: _part(hotline, "redis"), "Redis again")

        assert hotline.stop() == 0
        left = [
            process.info
            for process in psutil.process_iter(["pid", "cmdline"])
            if str(hotline.home) in " ".join(process.info["cmdline"] or [])
        ]
        assert left == []
