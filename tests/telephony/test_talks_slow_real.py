"""The citizen comes late to whoever has him next, on a real Asterisk: seconds between the word of a
seat and the bridge, and an engine that is killed within them. Nobody is lost by it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.talks import TalkTarget, TalkVerb
from queue_manager.model import SeatState
from telephony.talking import TalkingCall
from tests.telephony.peers import eventually
from tests.telephony.talk_house import House, house

pytestmark = pytest.mark.e2e

TENANT = "default"
LATE_S = 2.0
OTHER, POLICE = TalkTarget("seat", "8002"), TalkTarget("number", "110")
SUPERVISOR = TalkTarget("seat", "8009")
COMPLETE = TalkVerb.COMPLETE


class Late:
    """How late citizens come, after their channel says with whom they are to be joined; `unsaid`:
    before it does."""

    seconds = LATE_S
    unsaid = False

    def __init__(self) -> None:
        self.joining = 0


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Late:
    """From now on each citizen is late."""
    told = Late()
    remember = TalkingCall.remember

    async def remembered(call: TalkingCall, **variables: str) -> None:
        to_be_joined = variables.get("STAGE") == "talking"
        told.joining += to_be_joined
        if to_be_joined and told.unsaid:
            await asyncio.sleep(told.seconds)
        await remember(call, **variables)
        if to_be_joined and not told.unsaid:
            await asyncio.sleep(told.seconds)

    monkeypatch.setattr(TalkingCall, "remember", remembered)
    return told


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    """8001 takes calls; 8002 and the supervisor's 8009 are rung by name only."""
    async with house(tmp_path, "8001", "8002", "8009") as made:
        for seat_id in ("8002", "8009"):
            made.engine.queue.pause(seat_id, "other")
        yield made


async def consulting(home: House, call_id: str) -> None:
    await home.board.act(TENANT, call_id, TalkVerb.CONSULT, OTHER)
    await home.talk_is(call_id, "consulting")


async def until(late: Late, joining: int = 1) -> None:
    await eventually(lambda: late.joining >= joining, "never to be joined")


async def test_of_three_the_seat_leaves_before_the_citizen_has_come(
    home: House, late: Late
) -> None:
    """The brigade has been told that he comes: it has him."""
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TalkVerb.EMERGENCY_TOGETHER, POLICE)
        await home.talk_is(call_id, "three_way")
        await until(late)
        await home.board.act(TENANT, call_id, COMPLETE, None)
        await home.hears(citizen={"far"}, far={"citizen"}, s8001=set())
        await home.is_("8001", SeatState.WRAP_UP)
    assert (await home.row()).outcome == "answered"
    await home.stack.no_channels()


async def test_handed_over_and_the_seat_hangs_up_at_once(home: House, late: Late) -> None:
    """The one who was consulted waits without the seat, and has the citizen."""
    async with home.citizen() as call_id:
        await consulting(home, call_id)
        await home.board.act(TENANT, call_id, COMPLETE, None)
        await home.phones["8001"].hang_up()
        await home.hears(citizen={"8002"}, s8002={"citizen"})
    await home.stack.no_channels()


async def test_whoever_was_to_have_him_hangs_up_first(home: House, late: Late) -> None:
    """Nobody has him then: he goes back to his queue, and is never let go."""
    async with home.citizen() as call_id:
        await consulting(home, call_id)
        await home.board.act(TENANT, call_id, COMPLETE, None)
        await until(late)
        await home.phones["8001"].hang_up()
        await home.phones["8002"].hang_up()
        await eventually(
            lambda: home.engine.queue.waiting().count == 1, "never queued", within_s=25
        )
        await home.phones["citizen"].hang_up()
    assert (await home.row()).outcome == "answered"


async def test_a_supervisor_takes_over_and_the_citizen_comes_late(home: House, late: Late) -> None:
    """While he comes back from a consultation that was given up, too."""
    async with home.citizen() as call_id:
        await consulting(home, call_id)
        await home.board.act(TENANT, call_id, TalkVerb.CANCEL, None)
        await home.board.act(TENANT, call_id, TalkVerb.TAKE_OVER, SUPERVISOR)
        await home.hears(citizen={"8009"}, s8009={"citizen"}, s8001=set())


# --- killed in between


async def killed(home: House, late: Late) -> None:
    """SIGKILL while the citizen is about to be joined; the next engine is as fast as any."""
    await until(late)
    await home.kill_engine()
    late.seconds = 0.0
    await home.start_engine()


@pytest.mark.parametrize("how", ["complete", "one_key", "of_three"])
async def test_killed_before_the_citizen_has_come(home: House, late: Late, how: str) -> None:
    """The next engine joins him with whom he was handed to."""
    late.seconds, late.unsaid = 60.0, how != "of_three"
    other = "8002" if how == "complete" else "far"
    async with home.citizen() as call_id:
        if how == "complete":
            await consulting(home, call_id)
            await home.board.act(TENANT, call_id, COMPLETE, None)
        elif how == "one_key":
            await home.board.act(TENANT, call_id, TalkVerb.EMERGENCY, POLICE)
        else:
            await home.board.act(TENANT, call_id, TalkVerb.EMERGENCY_TOGETHER, POLICE)
            await until(late)
            await home.board.act(TENANT, call_id, COMPLETE, None)
        await killed(home, late)
        who = other if other == "far" else f"s{other}"
        await home.hears(**{"citizen": {other}, who: {"citizen"}, "s8001": set()})
        if other == "8002":
            assert home.state("8002") is SeatState.TALKING
        await home.phones["citizen"].hang_up()
    assert (await home.row()).outcome == "answered"
    if other == "far":
        assert any("→ 110" in note for note in home.office.tickets[call_id].notes)
    await home.stack.no_channels()


async def test_killed_while_he_is_taken_over(home: House, late: Late) -> None:
    """The seat is let go already, the supervisor waits: he has him with the next engine."""
    late.seconds, late.unsaid = 60.0, True
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TalkVerb.TAKE_OVER, SUPERVISOR)
        await home.phones["8001"].happens("caller_left")
        await killed(home, late)
        await home.hears(citizen={"8009"}, s8009={"citizen"})
        assert home.state("8009") is SeatState.TALKING
    await home.stack.no_channels()


async def test_killed_while_the_supervisor_who_takes_over_is_rung(home: House, late: Late) -> None:
    """The seat has left him, nobody has answered yet: who answers has him."""
    home.phones["8009"].answers = False
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TalkVerb.TAKE_OVER, SUPERVISOR)
        await home.phones["8009"].happens("rang")
        await home.phones["8001"].hang_up()
        await home.talk_is(call_id, "held")
        await home.written("HL_STAGE=consulting")
        await home.kill_engine()
        home.phones["8009"].pick_up()
        late.seconds = 0.0
        await home.start_engine()
        await home.hears(citizen={"8009"}, s8009={"citizen"})


async def test_joining_a_talk_that_is_over_says_so(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leg that isn't there any more, or is in no bridge: the citizen knows that he wasn't in it,
    and comes to the talk that there is."""
    join, joined = TalkingCall.join, list[bool]()

    async def astray(call: TalkingCall, leg: str, *, beside: bool = False) -> bool:
        for other in ("PJSIP/nobody-0000ffff", call.info.channel) if beside else ():
            joined.append(await join(call, other, beside=True))
        return await join(call, leg, beside=beside)

    monkeypatch.setattr(TalkingCall, "join", astray)
    async with home.citizen() as call_id:
        await home.board.act(TENANT, call_id, TalkVerb.EMERGENCY_TOGETHER, POLICE)
        await home.hears(citizen={"8001", "far"}, far={"citizen", "8001"})
        assert joined == [False, False]
    await home.stack.no_channels()
