"""A seat answers a call whose reservation is over, on a real Asterisk: nobody is let go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from queue_manager.model import AlertKind, Forced, SeatState
from telephony.events import SeatAnswered
from telephony.keys import Keys
from tests.telephony.peers import eventually
from tests.telephony.talk_house import House, house
from tests.telephony.wire import Wire

pytestmark = pytest.mark.e2e


class NeverEnding:
    """Asterisk isn't told that a ring is to end."""

    def spare(self) -> bool:
        return True


async def test_a_seat_that_picks_up_too_late_costs_nobody_his_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A supervisor pauses it while it rings, and it picks up: long before Asterisk is told, a
    moment before, and when the hang-up is on its way. He keeps the talk, and supervisors are told;
    the third goes back to his place, and another seat has him. And a manager that takes every
    connection and says nothing keeps no talk from its beginning, its end, its row and ticket."""
    async with house(tmp_path, "8001", "8002") as home:
        home.phones["8001"].answers = False
        with monkeypatch.context() as patch:
            patch.setattr(Keys, "end_ring", lambda *told, **how: NeverEnding())
            await _he_keeps_the_talk(home, lambda: home.phones["8001"].pick_up())
        await _he_keeps_the_talk(home, lambda: _picks_up_before(home, monkeypatch))
        await _he_goes_back_to_his_place(home, monkeypatch)
        await _he_talks_while_the_manager_hangs(home)
        assert [row.seat_id for row in home.office.rows] == ["8001", "8001", "8002", "8001"]
        assert {row.outcome for row in home.office.rows} == {"answered"}
        assert len(home.office.tickets) == 4
        assert home.phones["8002"].count("rang") == 1


async def _he_keeps_the_talk(home: House, pick_up: Any) -> None:
    queue = home.engine.queue
    async with _late(home, pick_up), home.citizen() as call_id:
        await home.hears(citizen={"8001"}, s8001={"citizen"}, s8002=set())
        assert home.state("8001") is SeatState.TALKING
        (alert,) = queue.alerts()
        assert (alert.kind, alert.seat_id, alert.call_id) == (
            AlertKind.LATE_ANSWER, "8001", call_id,
        )  # fmt: skip


async def _he_goes_back_to_his_place(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        _late(home, lambda: _picks_up_meanwhile(home, monkeypatch)),
        home.citizen(seat="8002"),
    ):
        await home.hears(citizen={"8002"}, s8001=set(), s8002={"citizen"})
        assert home.state("8001") is SeatState.PAUSED


async def _he_talks_while_the_manager_hangs(home: House) -> None:
    first, rows = home.phones["8001"], len(home.office.rows)
    await home.kill_engine()
    async with Wire(home.stack.ami_port) as wire:
        home.ami_port = wire.port
        await home.start_engine()
        first.answers, answered = True, first.count("answered")
        home.engine.queue.pause("8002", "other")
        home.engine.queue.ready("8001")
        wire.hang()
        async with home.calling() as citizen:
            await first.happens("answered", times=answered + 1)
            await home.hears(citizen={"8001"}, s8001={"citizen"})
            await citizen.leave()
        await eventually(lambda: len(home.office.rows) == rows + 1, "no row")
        await home.stack.no_channels()
        await wire.mend()
        await eventually(lambda: home.engine.telephony.ready, "never ready again")
        await home.kill_engine()


@asynccontextmanager
async def _late(home: House, pick_up: Any) -> AsyncIterator[None]:
    """While 8001 rings for the next citizen, alone, a supervisor pauses it, and it picks up."""
    queue, first = home.engine.queue, home.phones["8001"]
    rang, rows = first.count("rang"), len(home.office.rows)
    queue.pause("8002", "other")
    queue.ready("8001")

    async def too_late() -> None:
        await first.happens("rang", times=rang + 1)
        pick_up()
        queue.force("8001", Forced.PAUSED, by="lead", why="fire drill", reason="other")

    happening = asyncio.create_task(too_late())
    yield
    await happening
    await eventually(lambda: len(home.office.rows) == rows + 1, "no row")
    await home.stack.no_channels()


def _picks_up_before(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It picks up when it is known what rings, and before that is hung up."""
    ami, first = home.engine.telephony.ami, home.phones["8001"]
    real = ami.channels

    async def channels() -> Any:
        monkeypatch.setattr(ami, "channels", real)
        ringing = await real()
        first.pick_up()
        await eventually(lambda: home.state("8001") is SeatState.TALKING, "no answer")
        return ringing

    monkeypatch.setattr(ami, "channels", channels)


def _picks_up_meanwhile(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """It picks up, and the conversation is told so, between the sending of the hang-up and its
    arrival."""
    engine, first = home.engine, home.phones["8001"]
    ami, real = engine.telephony.ami, engine.telephony.ami.action
    told = sum(isinstance(event, SeatAnswered) for event in engine.events)

    async def action(name: str, fields: Any = None, **more: Any) -> Any:
        if name == "Hangup":
            monkeypatch.setattr(ami, "action", real)
            first.pick_up()
            await eventually(
                lambda: sum(isinstance(e, SeatAnswered) for e in engine.events) > told, "no answer"
            )
            await asyncio.sleep(0.05)  # its conversation has had its turn
            engine.queue.ready("8002")
        return await real(name, fields, **more)

    monkeypatch.setattr(ami, "action", action)
