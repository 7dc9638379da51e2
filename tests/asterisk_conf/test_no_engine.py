"""No engine, no loss: the loop that holds the caller, the fallback, the end of a call."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from asterisk_conf.model import SeatEndpoint
from telephony.entry import read_entry
from tests.engine import Session, engine
from tests.manager import manager
from tests.rtp import Telephone, telephone
from tests.servers import free_port
from tests.sipp import RunningSipp, bye, callee, caller, hangs_up, pause, sipp_running, until_bye
from tests.stack import AsteriskStack, asterisk_stack, trunk

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

SEAT_PORT = free_port()
SEATS = "127.0.0.5"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskStack]:
    seats = (SeatEndpoint("s1", static_contact=f"sip:s1@{SEATS}:{SEAT_PORT}"),)
    async with asterisk_stack(
        tmp_path_factory.mktemp("loop"), trunks=(trunk(trusted=True),), seats=seats, agi_tries=3
    ) as stack:
        yield stack


@pytest.fixture(autouse=True)
def _empty_spool(stack: AsteriskStack) -> None:
    for file in (stack.home.spool / "incoming").iterdir():
        file.unlink()


async def spooled(stack: AsteriskStack) -> dict[str, Any]:
    """The one item in the spool, as soon as it is there."""
    incoming = stack.home.spool / "incoming"
    async with asyncio.timeout(30):
        while not list(incoming.glob("*.json")):
            await asyncio.sleep(0.02)
    items = list(incoming.glob("*.json"))
    assert len(items) == 1
    assert not list(incoming.glob("*.new"))
    item: dict[str, Any] = json.loads(items[0].read_text())
    assert items[0].stem == item["call_id"]
    return item


async def sounding(citizen: RunningSipp, phone: Telephone) -> None:
    """Let the telephone speak to where Asterisk listens."""
    phone.connect(await citizen.remote_sound_port())


async def test_a_returning_engine_gets_the_same_caller(stack: AsteriskStack) -> None:
    """A cut session isn't the end: the loop brings the caller back with all that was remembered."""
    sessions: list[Session] = []
    cut, again = asyncio.Event(), asyncio.Event()

    async def first(session: Session) -> None:
        await session.command('SET VARIABLE HL_STAGE "queued"')
        await session.command('SET VARIABLE HL_QUEUED_AT "1700000000.5"')
        sessions.append(session)
        cut.set()
        await session.ended()

    async def second(session: Session) -> None:
        sessions.append(session)
        assert await session.variable("HL_QUEUED_AT") == "1700000000.5"
        await session.done()
        again.set()

    async with sipp_running(caller(until_bye()), to=stack.sip_port) as citizen:
        async with engine(stack.agi_port, first), asyncio.timeout(30):
            await cut.wait()
        await asyncio.sleep(1.2)  # away while the loop tries at least once in vain
        async with engine(stack.agi_port, second):
            async with asyncio.timeout(30):
                await again.wait()
            assert (await citizen.finish()).ok
    assert sessions[0].header["agi_uniqueid"] == sessions[1].header["agi_uniqueid"]
    assert sessions[1].arguments[7] == "queued"
    assert sessions[0].arguments[:7] == sessions[1].arguments[:7]
    await stack.no_channels()
    assert not list((stack.home.spool / "incoming").iterdir()), "HL_DONE was set: nothing to spool"


async def test_without_an_engine_the_request_is_taken(stack: AsteriskStack) -> None:
    """Music, explanation, tone, recording until silence, thanks: and the item has it all."""
    async with (
        telephone() as phone,
        sipp_running(
            caller(until_bye(), headers=("Diversion: <sip:12333@x>",)),
            to=stack.sip_port,
            sound_port=phone.port,
        ) as citizen,
    ):
        await sounding(citizen, phone)
        voice = stack.home.spool / "incoming"
        listening = asyncio.create_task(phone.listen(60))
        async with asyncio.timeout(30):
            while not (files := list(voice.glob("*.wav"))):
                await asyncio.sleep(0.02)
        late_s = time.time() - files[0].stat().st_mtime
        listening.cancel()
        await phone.speak(3)
        quiet = asyncio.create_task(phone.listen(60))
        result = await citizen.finish()
        quiet.cancel()
    assert result.ok, "Asterisk hung up after its thanks"
    item = await spooled(stack)
    assert item["reason"] == "request"
    assert (item["trunk"], item["called"], item["first_called"]) == ("city", "12345", "12333")
    assert item["caller"] == "13800138000"
    file = stack.home.outside(item["voice"])
    assert file.stat().st_size == pytest.approx(44 + item["voice_s"] * 16000, abs=400)
    assert 3.0 <= item["voice_s"] <= 4.5 + late_s, "what was said, a second of silence after it"
    assert stack.home.outside(item["recording"]).is_file()
    assert item["started_at"] < item["taken_at"]


async def test_a_hang_up_without_an_engine_is_noted(stack: AsteriskStack) -> None:
    """The caller leaves while nobody answers: an orphan, with what is known of him."""
    async with sipp_running(caller(pause(1.0), bye()), to=stack.sip_port) as citizen:
        assert (await citizen.finish()).ok
    item = await spooled(stack)
    assert item["reason"] == "orphan"
    assert (item["caller"], item["voice"], item["voice_s"]) == ("13800138000", "", 0.0)
    await stack.no_channels()


async def test_a_hang_up_while_speaking_keeps_what_was_said(stack: AsteriskStack) -> None:
    """The request is taken as far as it went."""
    async with (
        telephone() as phone,
        sipp_running(
            caller(pause(8.0), bye()), to=stack.sip_port, sound_port=phone.port
        ) as citizen,
    ):
        await sounding(citizen, phone)
        await phone.speak(8.0)
        assert (await citizen.finish()).ok
    item = await spooled(stack)
    assert item["reason"] == "request"
    assert item["voice_s"] > 1.0
    await stack.no_channels()


async def test_a_talk_that_ends_after_the_engine_died_is_not_asked_again(
    stack: AsteriskStack,
) -> None:
    """The talk goes on without an engine; at its end the call is noted, not queued or asked."""
    talking = asyncio.Event()

    async def rings(session: Session) -> None:
        await session.command('EXEC MSet "DIALSTATUS=,HL_STAGE=dialing,HL_SEAT=s1"')
        talking.set()
        await session.command("EXEC Dial PJSIP/s1,20,g")

    async with (
        sipp_running(callee(pause(3), hangs_up()), local=SEATS, port=SEAT_PORT) as phone,
        sipp_running(caller(until_bye()), to=stack.sip_port) as citizen,
    ):
        async with engine(stack.agi_port, rings), asyncio.timeout(30):
            await talking.wait()
            await phone.answered()
        assert (await phone.finish()).ok, "the talk outlived the engine"
        assert (await citizen.finish()).ok
    item = await spooled(stack)
    assert (item["reason"], item["stage"], item["dialstatus"]) == ("orphan", "dialing", "ANSWER")
    assert item["seat"] == "s1"
    await stack.no_channels()


async def test_a_caller_who_leaves_a_talk_after_the_engine_died_is_noted(
    stack: AsteriskStack,
) -> None:
    """DIALSTATUS tells even then that he was served."""
    talking = asyncio.Event()

    async def rings(session: Session) -> None:
        await session.command('EXEC MSet "DIALSTATUS=,HL_STAGE=dialing,HL_SEAT=s1"')
        talking.set()
        await session.command("EXEC Dial PJSIP/s1,20,g")

    async with (
        sipp_running(callee(until_bye()), local=SEATS, port=SEAT_PORT) as phone,
        sipp_running(caller(pause(3), bye()), to=stack.sip_port) as citizen,
    ):
        async with engine(stack.agi_port, rings), asyncio.timeout(30):
            await talking.wait()
            await phone.answered()
        assert (await citizen.finish()).ok
        assert (await phone.finish()).ok
    item = await spooled(stack)
    assert (item["reason"], item["dialstatus"]) == ("orphan", "ANSWER")


async def test_an_engine_hears_of_a_hang_up_it_missed(stack: AsteriskStack) -> None:
    """Without HL_DONE `/hangup` is asked, with the same nine arguments; then no orphan."""
    requests: list[list[str]] = []

    async def note(session: Session) -> None:
        requests.append([session.request, *session.arguments])
        if session.request == "hangup":
            assert await session.variable("HL_STAGE") == "greeting"
            await session.done()
            return
        await session.command('SET VARIABLE HL_STAGE "greeting"')
        await session.ended()

    async with (
        engine(stack.agi_port, note),
        sipp_running(caller(pause(1), bye()), to=stack.sip_port) as citizen,
    ):
        assert (await citizen.finish()).ok
        await stack.no_channels()
    assert [r[0] for r in requests] == ["call", "hangup"]
    assert requests[0][1:8] == requests[1][1:8]
    assert not list((stack.home.spool / "incoming").iterdir())


async def test_who_leaves_in_the_moment_of_the_answer_is_told_like_any_other(
    stack: AsteriskStack,
) -> None:
    """Twenty hang up as soon as they are answered, some before the dialplan has noted when that
    was: the engine can read every one of them, so that none is spooled as somebody lost."""
    told: set[str] = set()

    async def note(session: Session) -> None:
        told.add(read_entry(session.header).call_id)
        await session.done()

    async with (
        engine(stack.agi_port, note),
        sipp_running(caller(bye()), to=stack.sip_port, calls=20, rate=5) as citizens,
    ):
        assert (await citizens.finish()).ok
        await stack.no_channels()
        async with asyncio.timeout(30):
            while len(told) < 20:
                await asyncio.sleep(0.02)
    assert not list((stack.home.spool / "incoming").iterdir())


async def test_an_engine_that_fails_each_time_ends_in_the_fallback(stack: AsteriskStack) -> None:
    """Sessions cut at once count as tries: nobody is held for ever by a poisoned call."""
    tries = 0

    async def dies(session: Session) -> None:
        nonlocal tries
        tries += session.request == "call"

    async with (
        engine(stack.agi_port, dies),
        sipp_running(caller(pause(8), bye()), to=stack.sip_port) as citizen,
    ):
        assert (await citizen.finish()).ok
        item = await spooled(stack)
    assert tries == stack.installation.agi_tries + 1
    assert item["call_id"]
    await stack.no_channels()


async def test_the_manager_tells_when_media_ended(stack: AsteriskStack) -> None:
    """Hangup carries HL_MEDIA: end, packets in, packets out."""

    async def stays(session: Session) -> None:
        if session.request == "call":
            await session.ended()
        else:
            await session.done()

    async with (
        engine(stack.agi_port, stays),
        manager(stack) as session,
        telephone() as phone,
        sipp_running(
            caller(pause(2.0), bye()), to=stack.sip_port, sound_port=phone.port
        ) as citizen,
    ):
        await sounding(citizen, phone)
        await phone.speak(2.0)
        event = await session.event("Hangup")
        assert (await citizen.finish()).ok
    ended, came, went = event["ChanVariable"].removeprefix("HL_MEDIA=").split()
    assert float(ended) == pytest.approx(float(event["Timestamp"]), abs=1.0)
    assert int(came) == pytest.approx(phone.sent, abs=5)
    assert int(went) == phone.received


async def test_no_call_left_an_unexpected_complaint(stack: AsteriskStack) -> None:
    """All warnings are of an engine that wasn't there."""
    assert [t for t in stack.troubles() if "res_agi.c" not in t] == []
    assert not list(Path(stack.home.spool / "incoming").glob("*.new"))
