"""The door at a real Asterisk, with real SIP, RTP and keys."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from asterisk_conf.model import OutboundRule
from simulator.citizens import Citizen
from simulator.seats import Account, Manners, Seats
from simulator.sipp import Address
from telephony.call import CallInfo, DialResult, DialStatus
from telephony.door import Telephony
from telephony.errors import ActionFailed, CallEnded
from telephony.events import (
    ChannelHungUp,
    ConnectionLost,
    EndpointReachable,
    Event,
    SnapshotTaken,
)
from telephony.session import FastAgiCall
from tests.servers import free_port
from tests.stack import AsteriskStack, asterisk_stack, seat, trunk
from tests.telephony.peers import eventually

pytestmark = pytest.mark.e2e

Lead = Callable[[FastAgiCall], Awaitable[Any]]
PARK = "[park]\nexten => s,1,Wait(30)\n"
NASTY = "a,b\"c\\d(x)[y]{z} 张;&|$%${EXTEN}'=#"


@dataclass
class Engine:
    """The smallest engine: each entry of a call is led by the next of `leads`."""

    leads: list[Lead]
    outcomes: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)
    hangups: asyncio.Queue[CallInfo] = field(default_factory=asyncio.Queue)
    events: list[Event] = field(default_factory=list)

    async def lead(self, call: FastAgiCall) -> None:
        try:
            self.outcomes.put_nowait(await self.leads.pop(0)(call))
        except BaseException as error:
            self.outcomes.put_nowait(error)
            raise

    async def outcome(self) -> Any:
        async with asyncio.timeout(20):
            return await self.outcomes.get()

    async def hung_up(self) -> CallInfo:
        async with asyncio.timeout(20):
            return await self.hangups.get()

    async def hears(self, kind: type[Event], which: Callable[[Any], bool] = lambda e: True) -> Any:
        """The first event of a kind that fits."""
        found: Callable[[], list[Event]] = lambda: [  # noqa: E731 - asked twice
            e for e in self.events if isinstance(e, kind) and which(e)
        ]
        await eventually(lambda: bool(found()), f"no {kind.__name__}", within_s=20)
        return found()[0]


@asynccontextmanager
async def door(stack: AsteriskStack, engine: Engine) -> AsyncIterator[Telephony]:
    """A door at this Asterisk, ready."""

    async def on_hangup(info: CallInfo) -> None:
        engine.hangups.put_nowait(info)

    telephony = Telephony(
        host="127.0.0.1",
        agi_port=stack.agi_port,
        ami_port=stack.ami_port,
        ami_secret=stack.ami_secret,
        on_call=engine.lead,
        on_hangup=on_hangup,
        on_event=engine.events.append,
    )
    await telephony.start()
    try:
        await eventually(lambda: telephony.ready, "never ready")
        await engine.hears(SnapshotTaken)
        yield telephony
    finally:
        await telephony.close()


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[AsteriskStack]:
    """Asterisk with a trusted trunk, one seat and a context to be redirected to."""
    async with asterisk_stack(
        tmp_path,
        trunks=(trunk("city", trusted=True),),
        seats=(seat("s1", "secret-1"),),
        extra=(("extensions.conf", PARK),),
        agi_tries=20,
    ) as running:
        yield running


@asynccontextmanager
async def seats(stack: AsteriskStack, **manners: Any) -> AsyncIterator[Seats]:
    async with Seats(
        [Account("s1", "secret-1")],
        sip=Address("127.0.0.1", stack.sip_port),
        usual=Manners(**manners),
    ) as phones:
        yield phones


def citizen(stack: AsteriskStack, **more: Any) -> Citizen:
    return Citizen("13800138000", Address("127.0.0.1", stack.sip_port), **more)


def spooled(stack: AsteriskStack) -> list[Path]:
    return list((stack.home.spool / "incoming").iterdir())


async def nothing(at: datetime) -> None:
    """An answer nobody cares for."""


async def finish(call: FastAgiCall) -> CallInfo:
    await call.finish()
    return call.info


async def test_a_conversation_from_end_to_end(stack: AsteriskStack) -> None:
    """Who called and what was dialled, prompts, a key, music, and the last word."""

    async def lead(call: FastAgiCall) -> tuple[CallInfo, str, str, str, str]:
        missing = await call.play(["there/is-none"], language="cmn")
        played = await call.play(["welcome"], language="cmn", interrupt="1")
        asked = await call.ask(["welcome"], language="cmn", timeout_s=10)
        held = await call.hold(asyncio.sleep(0.3, "woken"))
        await call.finish()
        return call.info, missing + played, asked, held, ""

    engine = Engine([lead])
    async with door(stack, engine):
        caller = citizen(stack, name="张 (伟, x", diversion="<sip:12333@x>")
        async with caller.dial("12345") as call:
            await call.answered()
            await asyncio.sleep(0.8)
            call.press("7")
            info, played, asked, held, _ = await engine.outcome()
            outcome = await call.ended(within_s=10)
        gone = await engine.hears(ChannelHungUp, lambda e: e.call_id == info.call_id)
    assert (played, asked, held) == ("", "7", "woken")
    assert (info.trunk, info.called_number, info.first_called) == ("city", "12345", "12333")
    assert (info.caller_number, info.caller_name) == ("13800138000", "张 (伟, x")
    assert info.node == stack.installation.system_name
    assert abs((datetime.now(UTC) - info.answered_at).total_seconds()) < 30
    assert outcome.ended_by == "hotline"
    assert gone.channel == info.channel
    assert engine.hangups.empty()
    assert spooled(stack) == []


async def test_what_is_remembered_comes_back_as_it_was(stack: AsteriskStack) -> None:
    """A session that breaks: the dialplan comes back, and every variable is what was written."""

    async def breaks(call: FastAgiCall) -> None:
        await call.remember(STAGE="queued", QUEUED_AT="1795285829.125", KEYS=NASTY, NEEDS="a=1,b=2")
        raise ValueError("a mistake of ours")

    engine = Engine([breaks, finish])
    async with door(stack, engine):
        await citizen(stack).call("12345", talk_s=4)
        assert isinstance(await engine.outcome(), ValueError)
        info = await engine.outcome()
    assert info.variables == {
        "STAGE": "queued",
        "QUEUED_AT": "1795285829.125",
        "KEYS": NASTY,
        "NEEDS": "a=1,b=2",
    }


async def test_the_longest_command_is_one_command(stack: AsteriskStack) -> None:
    """Just under our limit Asterisk still takes it for one command."""
    long = "x" * 7900

    async def lead(call: FastAgiCall) -> int:
        await call.remember(KEYS=long)
        await call.remember(KEYS="short")
        await call.finish()
        return len(long)

    engine = Engine([lead])
    async with door(stack, engine):
        await citizen(stack).call("12345")
        assert await engine.outcome() == len(long)


async def test_a_seat_rings_talks_and_hangs_up(stack: AsteriskStack) -> None:
    """The answer is told during the talk; the caller stays with us after it."""
    told = asyncio.Event()

    async def on_answer(at: datetime) -> None:
        told.set()

    async def lead(call: FastAgiCall) -> tuple[DialResult, DialResult]:
        await call.hold(asyncio.sleep(0.2))
        first = await call.dial("s1", ring_s=10, on_answer=on_answer, variables={"SEAT": "s1"})
        second = await call.dial("nobody", ring_s=10, on_answer=nothing)
        await call.finish()
        return first, second

    engine = Engine([lead])
    async with door(stack, engine), seats(stack, ring_s=0.3, talk_s=1.5) as phones:
        async with citizen(stack).dial("12345") as call:
            await call.answered()
            await phones.wait_for("answered")
            async with asyncio.timeout(1):
                await told.wait()
            assert engine.outcomes.empty()
            talked, unreachable = await engine.outcome()
        assert talked.status is DialStatus.ANSWER
        assert 1.3 < talked.talk_s < 2.5
        assert unreachable == DialResult(DialStatus.CHANUNAVAIL)


async def test_a_seat_that_doesnt_answer_or_is_busy(stack: AsteriskStack) -> None:
    """NOANSWER after the ring time, BUSY at once; the caller stays."""

    async def lead(call: FastAgiCall) -> tuple[DialStatus, DialStatus]:
        first = await call.dial("s1", ring_s=1, on_answer=nothing)
        phones.usual = Manners(ring_s=0.1, busy=True)
        second = await call.dial("s1", ring_s=5, on_answer=nothing)
        await call.finish()
        return first.status, second.status

    engine = Engine([lead])
    async with door(stack, engine), seats(stack, answers=False) as phones:
        await citizen(stack).call("12345", talk_s=15)
        assert await engine.outcome() == (DialStatus.NOANSWER, DialStatus.BUSY)


async def test_a_caller_who_leaves_while_waiting(stack: AsteriskStack) -> None:
    """CallEnded at once, `/hangup` with the stage, the hang-up event; nothing spooled."""

    async def lead(call: FastAgiCall) -> None:
        await call.remember(STAGE="queued", LINE="12345")
        await call.hold(asyncio.get_running_loop().create_future())

    engine = Engine([lead])
    async with door(stack, engine) as telephony:
        await citizen(stack).call("12345", talk_s=1)
        assert isinstance(await engine.outcome(), CallEnded)
        info = await engine.hung_up()
        assert info.variables == {"STAGE": "queued", "LINE": "12345"}
        await engine.hears(ChannelHungUp, lambda e: e.call_id == info.call_id)
        assert not telephony.active_calls()
    await stack.no_channels()
    assert spooled(stack) == []


async def test_a_caller_who_leaves_while_it_rings(stack: AsteriskStack) -> None:
    """The ring is cancelled by Asterisk itself; nobody answered."""
    told: list[datetime] = []

    async def on_answer(at: datetime) -> None:
        told.append(at)

    engine = Engine([lambda c: c.dial("s1", ring_s=20, on_answer=on_answer)])
    async with door(stack, engine), seats(stack, answers=False) as phones:
        async with citizen(stack).dial("12345") as call:
            await call.answered()
            await phones.wait_for("rang")
            call.hang_up()
            assert isinstance(await engine.outcome(), CallEnded)
            await phones.wait_for("cancelled")
        assert (await engine.hung_up()).variables.get("DIALSTATUS") == "CANCEL"
    assert told == []


async def test_a_caller_who_leaves_the_talk(stack: AsteriskStack) -> None:
    """The answer had been told; `/hangup` shows DIALSTATUS=ANSWER."""
    told: list[datetime] = []

    async def on_answer(at: datetime) -> None:
        told.append(at)

    engine = Engine([lambda c: c.dial("s1", ring_s=20, on_answer=on_answer)])
    async with door(stack, engine), seats(stack, ring_s=0.1, talk_s=None) as phones:
        async with citizen(stack).dial("12345") as call:
            await call.answered()
            await phones.wait_for("answered")
            await eventually(lambda: bool(told), "the answer wasn't told")
            call.hang_up()
            assert isinstance(await engine.outcome(), CallEnded)
        assert (await engine.hung_up()).variables["DIALSTATUS"] == "ANSWER"


async def test_recording_ends_by_silence_key_limit_or_leaving(stack: AsteriskStack) -> None:
    """Each end is told; a hang-up in the middle keeps what was said."""

    async def lead(call: FastAgiCall) -> list[tuple[float, str]]:
        ends = []
        for name, max_s, silence_s in (("limit", 1.0, 9), ("silence", 9.0, 1), ("key", 9.0, 9)):
            path = f"/hotline/recordings/{name}"
            said = await call.record(path, max_s=max_s, silence_s=silence_s, beep=name == "limit")
            ends.append((said.duration_s, said.digit))
            recorded.put_nowait(name)
        engine.outcomes.put_nowait(ends)
        await call.record("/hotline/recordings/left", max_s=30, silence_s=30, beep=False)
        return ends

    recorded: asyncio.Queue[str] = asyncio.Queue()
    engine = Engine([lead])
    async with door(stack, engine), citizen(stack).dial("12345") as call:
        await call.answered()
        assert await recorded.get() == "limit"
        assert await recorded.get() == "silence"
        await asyncio.sleep(0.5)
        call.press("#")
        limit, silence, key = await engine.outcome()
        await asyncio.sleep(1.0)
        call.hang_up()
        assert isinstance(await engine.outcome(), CallEnded)
    assert limit[0] == pytest.approx(1.0, abs=0.2)
    assert silence[0] < 3
    assert key[0] < 3
    assert (limit[1], silence[1], key[1]) == ("", "", "#")
    left = stack.home.recordings / "left.wav"
    await eventually(lambda: left.exists() and left.stat().st_size > 8000, "what he said is lost")


async def test_an_engine_that_goes_leaves_the_talk_alone(stack: AsteriskStack) -> None:
    """Closed in mid-talk: the two talk on; the next engine sees them in its snapshot, and gets
    the call back with DIALSTATUS=ANSWER when the talk is over."""
    variables = {"STAGE": "dialing", "SEAT": "s1", "TICKET": "261121000001"}
    first = Engine([lambda c: c.dial("s1", ring_s=9, on_answer=nothing, variables=variables)])
    second = Engine([finish])
    async with (
        seats(stack, ring_s=0.1, talk_s=None) as phones,
        citizen(stack).dial("12345") as call,
    ):
        async with door(stack, first):
            await call.answered()
            answered = await phones.wait_for("answered")
        assert isinstance(await first.outcome(), asyncio.CancelledError)
        async with door(stack, second):
            snapshot = await second.hears(SnapshotTaken)
            caller = next(c for c in snapshot.channels if c.variables)
            assert caller.bridged
            assert caller.variables["SEAT"] == "s1"
            assert caller.variables["TICKET"] == "261121000001"
            assert caller.variables["TRUNK"] == "city"
            assert snapshot.reachable_endpoints == {"s1"}
            assert len(await stack.channels()) == 2
            phones.hang_up(answered)
            info = await second.outcome()
            assert info.call_id == caller.call_id
            assert info.variables["DIALSTATUS"] == "ANSWER"
            assert info.variables["STAGE"] == "dialing"


async def test_a_killed_asterisk_is_taken_up_again(stack: AsteriskStack) -> None:
    """Calls end, their hang-up is made up for, and the restarted Asterisk is connected again."""
    engine = Engine([lambda c: c.hold(asyncio.get_running_loop().create_future())])
    async with door(stack, engine) as telephony:
        async with citizen(stack).dial("12345") as call:
            await call.answered()
            await eventually(lambda: bool(telephony.active_calls()), "no call")
            call_id = next(iter(telephony.active_calls()))
            await stack.stop(kill=True)
            assert isinstance(await engine.outcome(), CallEnded)
            await engine.hears(ConnectionLost)
            assert not telephony.ready
        await stack.start()
        await eventually(lambda: telephony.ready, "not connected again", within_s=20)
        await engine.hears(ChannelHungUp, lambda e: e.call_id == call_id)
        await eventually(
            lambda: sum(isinstance(e, SnapshotTaken) for e in engine.events) == 2, "no snapshot"
        )


async def test_calls_go_on_while_the_manager_is_away(stack: AsteriskStack) -> None:
    """AMI away only: the call's session waits on and is led to its end; no death is made up."""
    wake: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def lead(call: FastAgiCall) -> str:
        woken = await call.hold(wake)
        await call.finish()
        return woken

    engine = Engine([lead])
    async with door(stack, engine) as telephony, citizen(stack).dial("12345") as call:
        await call.answered()
        await eventually(lambda: bool(telephony.active_calls()), "no call")
        telephony.ami._events.drop("test")
        telephony.ami._actions.drop("test")
        await engine.hears(ConnectionLost)
        wake.set_result("offer")
        assert await engine.outcome() == "offer"
        assert not any(isinstance(e, ChannelHungUp) for e in engine.events)


async def test_a_redirect_ends_the_session_but_not_the_call(stack: AsteriskStack) -> None:
    """Both legs moved at once: FastAGI sees an end, the channels live on, and only the AMI Hangup
    tells the death. A double Redirect that can't move the second leg is refused."""
    told = asyncio.Event()

    async def on_answer(at: datetime) -> None:
        told.set()

    async def lead(call: FastAgiCall) -> None:
        # Dial itself ends as after any talk; that the session is over shows at the next word
        result = await call.dial("s1", ring_s=9, on_answer=on_answer)
        assert result.status is DialStatus.ANSWER
        await call.remember(STAGE="talked")

    engine = Engine([lead])
    async with (
        door(stack, engine) as telephony,
        seats(stack, ring_s=0.1, talk_s=None) as phones,
        citizen(stack).dial("12345") as call,
    ):
        await call.answered()
        await phones.wait_for("answered")
        async with asyncio.timeout(10):
            await told.wait()
        channels = {c.channel.partition("-")[0]: c for c in await telephony.ami.channels()}
        caller, callee = channels["PJSIP/trunk"], channels["PJSIP/s1"]
        move = {"Context": "park", "Exten": "s", "Priority": "1"}
        extra = {f"Extra{key}": value for key, value in move.items()}
        with pytest.raises(ActionFailed):
            await telephony.ami.action(
                "Redirect",
                {"Channel": "PJSIP/no-00000000", "ExtraChannel": callee.channel, **move},
            )
        await telephony.ami.action(
            "Redirect",
            {"Channel": caller.channel, "ExtraChannel": callee.channel, **move, **extra},
        )
        assert isinstance(await engine.outcome(), CallEnded)
        assert {c.call_id for c in await telephony.ami.channels()} == {
            caller.call_id,
            callee.call_id,
        }
        assert not any(isinstance(e, ChannelHungUp) for e in engine.events)
        call.hang_up()
        await engine.hears(ChannelHungUp, lambda e: e.call_id == caller.call_id)


async def test_seats_come_and_go(stack: AsteriskStack) -> None:
    """Registering makes an endpoint reachable, taking it back makes it unreachable."""
    engine = Engine([])
    async with door(stack, engine):
        async with seats(stack):
            came = await engine.hears(EndpointReachable, lambda e: e.endpoint == "s1")
            assert came.reachable
        await engine.hears(EndpointReachable, lambda e: e.endpoint == "s1" and not e.reachable)


async def test_a_transfer_goes_out_by_its_rule(tmp_path: Path) -> None:
    """A number with a rule is connected, one without is CONGESTION; the caller stays with us."""
    port = free_port()
    far = trunk("far", "127.0.0.4", dial=f"127.0.0.4:{port}", trusted=True)

    async def lead(call: FastAgiCall) -> tuple[DialResult, DialResult]:
        refused = await call.transfer("119", caller="13800138000", first_called="12345")
        connected = await call.transfer("110", caller="13800138000", first_called="12345")
        await call.finish()
        return refused, connected

    engine = Engine([lead])
    async with asterisk_stack(
        tmp_path, trunks=(trunk("city"), far), outbound=(OutboundRule(number="110", trunk="far"),)
    ) as running:
        # the other side answers, and hangs up after a second
        sipp = await asyncio.create_subprocess_exec(
            "sipp", "-sf", str(_far_end(tmp_path)), "-i", "127.0.0.4", "-p", str(port), "-nostdin",
            "-m", "1", "-timeout", "30", cwd=tmp_path,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async with door(running, engine):
                await citizen(running).call("12345", talk_s=10)
                refused, connected = await engine.outcome()
        finally:
            with contextlib.suppress(ProcessLookupError):
                sipp.terminate()
            await sipp.wait()
    assert refused == DialResult(DialStatus.CONGESTION)
    assert connected.status is DialStatus.ANSWER
    assert 0.5 < connected.talk_s < 3


def _far_end(folder: Path) -> Path:
    """A scenario that answers a call and hangs up after a second."""
    scenario = folder / "far_end.xml"
    same = (
        "[last_Via:]\n[last_From:]\n[last_To:];tag=[call_number]\n[last_Call-ID:]\n[last_CSeq:]\n"
        "Contact: <sip:[local_ip]:[local_port]>\n"
    )
    sdp = (
        "v=0\no=far 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\n"
        "m=audio [media_port] RTP/AVP 8\na=rtpmap:8 PCMA/8000\n"
    )
    bye = (
        "BYE [next_url] SIP/2.0\nVia: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]\n"
        "From: <sip:far@[local_ip]>;tag=[call_number]\nTo:[$1]\n[last_Call-ID:]\nCSeq: 1 BYE\n"
        "Content-Length: 0\n\n"
    )
    scenario.write_text(
        '<?xml version="1.0"?><scenario name="far end"><recv request="INVITE" rrs="true">'
        '<action><ereg regexp=".*" search_in="hdr" header="From:" assign_to="1"/></action></recv>'
        f"<send><![CDATA[\nSIP/2.0 200 OK\n{same}Content-Type: application/sdp\n"
        f"Content-Length: [len]\n\n{sdp}]]></send>"
        '<recv request="ACK"/><pause milliseconds="1000"/>'
        f"<send><![CDATA[\n{bye}]]></send>"
        '<recv response="200"/></scenario>'
    )
    return scenario
