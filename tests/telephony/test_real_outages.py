"""The door at a real Asterisk: what is away, moved or taken over, and what comes back."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path

import pytest

from asterisk_conf.model import OutboundRule
from telephony.call import DialResult, DialStatus
from telephony.errors import ActionFailed, CallEnded
from telephony.events import (
    ChannelHungUp,
    ConnectionLost,
    EndpointReachable,
    SnapshotTaken,
)
from telephony.session import FastAgiCall
from tests.servers import free_port
from tests.stack import AsteriskStack, asterisk_stack, trunk
from tests.telephony.peers import WAIT_S, eventually
from tests.telephony.real import (
    Engine,
    citizen,
    door,
    finish,
    nothing,
    one_seat_stack,
    seats,
)

pytestmark = pytest.mark.e2e


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[AsteriskStack]:
    async with one_seat_stack(tmp_path) as running:
        yield running


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
        await eventually(lambda: telephony.ready, "not connected again")
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
        async with asyncio.timeout(WAIT_S):
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
                await citizen(running).call("12345", talk_s=60)
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
