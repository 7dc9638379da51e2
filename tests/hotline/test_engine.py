"""The wiring itself, in a home of its own with nothing around it: no SQL, no Redis, no Asterisk."""

import asyncio
import gc
from dataclasses import replace
from pathlib import Path

import pytest

from hotline.engine import Engine, settle_memory
from hotline.settings import Settings
from ivr.tenants import Tenant
from queue_manager.model import Seat, SeatState
from tests.ivr.script import Script, World

CALL, SEAT = "hl-1795233600.9", "8001"
TENANTS = tuple(Tenant(id=f"city{n}", name=f"City {n}") for n in range(8))
OPEN_S = 10.0
"""The dialplan sends callers away after twenty seconds without an engine."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home as far as an engine needs one."""
    for folder in ("secrets", "journal"):
        (tmp_path / folder).mkdir()
    (tmp_path / "secrets" / "ami_secret").write_text("secret")
    return tmp_path


async def test_a_found_talk_that_comes_back_frees_its_seat(home: Path) -> None:
    """Its caller may hang up while we still write its books: no event frees the seat then."""
    engine = Engine(Settings(home=home))
    queue = engine._queues["default"]
    await queue.start([Seat("default", SEAT, SEAT, "sip-8001", {"lang:cmn": 5})], ())
    queue.restore_talk(SEAT, CALL)
    call = World(Script()).call
    variables = {"TENANT": "default", "STAGE": "dialing", "SEAT": SEAT, "DIALSTATUS": "ANSWER"}
    call.info = replace(call.info, call_id=CALL, variables=variables)
    await engine._on_call(call)
    assert queue.seat(SEAT).state is SeatState.WRAP_UP
    queue.close()


async def test_many_cities_start_without_redis_before_their_callers_are_sent_away(
    home: Path,
) -> None:
    """Redis has its deadline once, not once for each city."""
    engine = Engine(Settings(home=home, tenants=TENANTS, trunks=()))
    await engine._database.start()
    try:
        async with asyncio.timeout(OPEN_S):
            await engine._reading.start()
    finally:
        await engine._database.close()
    assert all(not queue.seats() for queue in engine._queues.values())


def test_a_broken_session_is_not_given_up_before_the_dialplan_comes_back(home: Path) -> None:
    """Else a caller who is still there would be written down as one who left."""
    engine = Engine(Settings(home=home, agi_retry_s=30))
    assert engine._desk.hangup_word_s > 30


def test_what_lives_as_long_as_the_engine_is_not_collected_over_and_over() -> None:
    """After the start a full collection has next to nothing to look at."""
    try:
        settle_memory()
        assert gc.get_freeze_count() > 10_000
        assert len(gc.get_objects()) < gc.get_freeze_count() / 10
    finally:
        gc.unfreeze()
