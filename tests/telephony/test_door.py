"""The door as a whole: calls led, hang-ups taken in, answers told, ghosts ended, closed gently."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest

from telephony import counters
from telephony.call import CallInfo, DialResult
from telephony.door import Telephony
from telephony.entry import REMEMBERED
from telephony.errors import NotConnected
from telephony.events import Event, SnapshotTaken
from telephony.session import FastAgiCall
from tests.telephony.peers import (
    CALL_ID,
    ManagerServer,
    Switchboard,
    agi_peer,
    eventually,
    header,
)

ALIVE = f"Channel: PJSIP/trunk-city-00000001\r\nUniqueid: {CALL_ID}\r\nLinkedid: {CALL_ID}"

EMPTY = "&" * len(REMEMBERED)
"""The other variables when none is set, and no DIALSTATUS yet."""


@dataclass
class House:
    """What the wiring would be: it remembers what it was told."""

    calls: list[FastAgiCall] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    hangups: list[CallInfo] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    fail: bool = False

    async def lead(self, call: FastAgiCall) -> None:
        self.calls.append(call)
        try:
            await call.hold(asyncio.get_running_loop().create_future())
        except BaseException as error:
            self.ends.append(f"{type(error).__name__}:{error}")
            raise

    async def hung_up(self, info: CallInfo) -> None:
        self.hangups.append(info)
        if self.fail:
            raise OSError("the journal's disk is full")

    def take(self, event: Event) -> None:
        self.events.append(event)
        if self.fail:
            raise ValueError("a mistake in the wiring")


@asynccontextmanager
async def door(house: House, board: Switchboard) -> AsyncIterator[Telephony]:
    """A door at a small Asterisk, ready."""
    async with ManagerServer(board.script) as server:
        telephony = Telephony(
            host="127.0.0.1",
            agi_port=0,
            ami_port=server.port,
            ami_secret="secret",
            on_call=house.lead,
            on_hangup=house.hung_up,
            on_event=house.take,
        )
        await telephony.start()
        try:
            await eventually(lambda: telephony.ready, "never ready")
            await eventually(_heard(house, SnapshotTaken), "no snapshot")
            yield telephony
        finally:
            await telephony.close()


def _heard(house: House, kind: type[Event]) -> Callable[[], bool]:
    return lambda: any(isinstance(e, kind) for e in house.events)


def _snapshots(house: House) -> int:
    return sum(isinstance(event, SnapshotTaken) for event in house.events)


async def test_a_call_is_led_and_listed_while_it_lasts() -> None:
    """`active_calls` has it from the header to the caller's leaving."""
    house = House()
    async with door(house, Switchboard()) as telephony:
        async with agi_peer(telephony.agi_port, header(CALLER_NAME="张伟, (12)")) as peer:
            await peer.expect("SET MUSIC ON")
            assert list(telephony.active_calls()) == [CALL_ID]
            assert house.calls[0].info.caller_name == "张伟, (12)"
            assert house.calls[0].info.first_called == "12333"
        await eventually(lambda: not telephony.active_calls(), "still active")
        assert house.ends == ["CallEnded:closed"]


async def test_a_reentry_brings_its_variables() -> None:
    """One more round trip when an engine already led this call."""
    house = House()
    rest = [""] * (len(REMEMBERED) + 1)
    rest[0], rest[6] = "1795285829.5", quote("lang:cmn=3")
    async with door(house, Switchboard()) as telephony:
        async with agi_peer(telephony.agi_port, header(STAGE="queued")) as peer:
            await peer.expect("GET FULL VARIABLE", f"200 result=1 ({'&'.join(rest)})")
            await peer.expect("SET MUSIC ON")
            info = house.calls[0].info
        assert info.reentry
        assert info.variables == {
            "STAGE": "queued",
            "QUEUED_AT": "1795285829.5",
            "NEEDS": "lang:cmn=3",
        }


async def test_a_hangup_taken_in_is_marked_done() -> None:
    """`/hangup` sets HL_DONE after `on_hangup`, so that the dialplan leaves the orphan be."""
    house = House()
    async with door(house, Switchboard()) as telephony:
        async with agi_peer(telephony.agi_port, header("hangup", STAGE="dialing")) as peer:
            await peer.expect("GET FULL VARIABLE", f"200 result=1 ({EMPTY}ANSWER)")
            await peer.expect("SET VARIABLE HL_DONE 1", "200 result=1")
            assert await peer.closed() == b""
        assert house.hangups[0].variables == {"STAGE": "dialing", "DIALSTATUS": "ANSWER"}


async def test_a_hangup_that_couldnt_be_taken_in_isnt_marked_done() -> None:
    """The dialplan then runs the orphan script: nothing is lost."""
    house = House()
    async with door(house, Switchboard()) as telephony:
        house.fail = True
        async with agi_peer(telephony.agi_port, header("hangup")) as peer:
            await peer.expect("GET FULL VARIABLE", f"200 result=1 ({EMPTY})")
            assert await peer.closed() == b""


async def test_a_header_of_another_dialplan_is_refused() -> None:
    """Without the nine arguments nothing is begun; the connection is closed and counted."""
    refused = counters.AGI_REFUSED.labels("broken_session")
    before = refused._value.get()
    house = House()
    async with door(house, Switchboard()) as telephony:
        first = b"agi_network_script: call\nagi_uniqueid: a\nagi_channel: b\n\n"
        async with agi_peer(telephony.agi_port, first) as peer:
            assert await peer.closed() == b""
    assert house.calls == []
    assert refused._value.get() == before + 1


async def test_the_seats_answer_reaches_the_dialling_call() -> None:
    """AMI's DialEnd finds the call by its Uniqueid while the talk goes on."""
    house, board = House(), Switchboard(channels=[ALIVE])
    told = asyncio.Event()
    result: list[DialResult] = []

    async def lead(call: FastAgiCall) -> None:
        async def on_answer(at: object) -> None:
            told.set()

        result.append(await call.dial("s1", ring_s=9, on_answer=on_answer))

    house.lead = lead  # type: ignore[method-assign]  # this test's own conversation
    async with door(house, board) as telephony, agi_peer(telephony.agi_port, header()) as peer:
        await peer.expect_only("EXEC Dial")
        board.tell(
            f"Event: DialEnd\r\nDialStatus: ANSWER\r\nUniqueid: {CALL_ID}"
            "\r\nDestChannel: PJSIP/s1-0000000a"
        )
        async with asyncio.timeout(20):
            await told.wait()
        assert result == []
        peer.send("200 result=0")
        assert await peer.closed() == b""
    assert len(result) == 1


async def test_an_answer_while_ami_was_away_is_told_when_it_is_back() -> None:
    """The snapshot shows the caller bridged: the talk goes on, and is known from then on."""
    house, board = House(), Switchboard(channels=[ALIVE])
    told = asyncio.Event()

    async def lead(call: FastAgiCall) -> None:
        async def on_answer(at: object) -> None:
            told.set()

        await call.dial("s1", ring_s=9, on_answer=on_answer)

    house.lead = lead  # type: ignore[method-assign]  # this test's own conversation
    async with door(house, board) as telephony, agi_peer(telephony.agi_port, header()) as peer:
        await peer.expect_only("EXEC Dial")
        telephony.ami._events.drop("test")
        await eventually(lambda: _snapshots(house) == 2, "no second snapshot")
        assert not told.is_set(), "it still rings"
        board.channels = [f"{ALIVE}\r\nBridgeID: 7d1c"]
        telephony.ami._events.drop("test")
        async with asyncio.timeout(20):
            await told.wait()
        peer.send("200 result=0")
        assert await peer.closed() == b""


async def test_a_mistake_in_the_wiring_doesnt_stop_the_events() -> None:
    """`on_event` raising is logged; the next event still comes."""
    house, board = House(), Switchboard()
    async with door(house, board):
        house.fail = True
        for number in ("1", "2"):
            board.tell(f"Event: Hangup\r\nUniqueid: n-{number}\r\nChannel: x\r\nCause: 16")
        await eventually(lambda: len(house.events) == 3, "the second event is missing")


async def test_a_ghost_is_ended_and_the_living_stay() -> None:
    """The sweep ends the session whose channel Asterisk doesn't know, counted; no other."""
    house, board = House(), Switchboard(channels=[ALIVE])
    before = counters.GHOST_CALLS._value.get()
    async with door(house, board) as telephony:
        await telephony.sweep()
        async with agi_peer(telephony.agi_port, header()) as living:
            async with agi_peer(telephony.agi_port, header(call_id="n-gone")) as ghost:
                await living.expect("SET MUSIC ON")
                await ghost.expect("SET MUSIC ON")
                await telephony.sweep()
                assert await ghost.closed() == b""
            assert list(telephony.active_calls()) == [CALL_ID]
            assert house.ends == ["CallEnded:ghost"]
    assert counters.GHOST_CALLS._value.get() == before + 1


async def test_no_ghosts_are_ended_when_asterisk_cant_be_asked() -> None:
    """AMI away: the sweep raises and ends nobody."""
    house, board = House(), Switchboard()
    async with door(house, board) as telephony, agi_peer(telephony.agi_port, header()) as peer:
        await peer.expect("SET MUSIC ON")
        telephony.ami._actions.drop("test")
        with pytest.raises(NotConnected):
            await telephony.sweep()
        assert list(telephony.active_calls()) == [CALL_ID]


async def test_ami_away_leaves_calls_alone() -> None:
    """Calls live in FastAGI; only `ready` tells that events are missed."""
    house, board = House(), Switchboard()
    async with door(house, board) as telephony, agi_peer(telephony.agi_port, header()) as peer:
        await peer.expect("SET MUSIC ON")
        telephony.ami._events.drop("test")
        assert not telephony.ready
        await eventually(lambda: telephony.ready, "not ready again")
        assert house.ends == []


async def test_close_cancels_conversations_and_leaves_the_calls_to_asterisk() -> None:
    """Sockets close without HL_DONE: the dialplan comes back with the call."""
    house = House()
    async with door(house, Switchboard()) as telephony, agi_peer(telephony.agi_port, header()) as c:
        await c.expect("SET MUSIC ON")
        await telephony.close()
        assert await c.closed() == b""
    assert house.ends == ["CancelledError:"]
    assert not telephony.ready


async def test_the_same_call_come_back_isnt_forgotten_by_the_old_session() -> None:
    """An old session ending late doesn't take the new one of the same call off the list."""
    house = House()
    async with (
        door(house, Switchboard()) as telephony,
        agi_peer(telephony.agi_port, header()) as old,
    ):
        await old.expect("SET MUSIC ON")
        async with agi_peer(telephony.agi_port, header()) as new:
            await new.expect("SET MUSIC ON")
            await old.leave()
            await eventually(lambda: len(house.ends) == 1, "the old session goes on")
            assert list(telephony.active_calls()) == [CALL_ID]
