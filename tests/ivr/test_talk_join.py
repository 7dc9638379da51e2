"""A citizen goes back to his seat's leg: one that isn't free yet is tried again, others aren't."""

import asyncio
from collections.abc import Callable

import pytest

from ivr.story import open_story
from ivr.talk import Party, TalkEvent, TalkState, TalkStatus
from ivr.talk_join import JOIN_TRIES
from ivr.talk_parts import Talk
from ivr.talks import Talks
from telephony.errors import CallEnded
from telephony.events import ChannelHungUp
from tests.ivr.script import DIRECTORY, NOON, Script, ScriptedCall, World, in_virtual_time

FIRST = Party("8001", leg_id="leg-1", channel="PJSIP/8001-00000001")
THIRD = Party("8002", leg_id="leg-2", channel="PJSIP/8002-00000002")


class Asterisk:
    """The switchboard, as far as it is asked here: which legs live, which were hung up."""

    def __init__(self) -> None:
        self.alive = {FIRST.leg_id}
        self.hung_up: list[str] = []

    async def lives(self, leg_id: str) -> bool:
        await asyncio.sleep(0)
        return leg_id in self.alive

    async def hang_up(self, leg_id: str) -> None:
        self.hung_up.append(leg_id)


class Citizen(ScriptedCall):
    """His first `refused` joins come to nothing; one that does lasts until `over`."""

    refused = 0
    tries = 0

    async def join(self, leg: str, *, beside: bool = False) -> bool:
        self.tries += 1
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.tries <= self.refused:
            await self._step()
            return False
        await self.over
        return await super().join(leg, beside=beside)


class Scene:
    """8001 has consulted 8002, who hangs up: the citizen is to have 8001 again."""

    def __init__(self, refused: int) -> None:
        self.asterisk = Asterisk()
        self.talks = Talks(self.asterisk)  # type: ignore[arg-type]  # what is asked of it here
        self.call = Citizen(World(Script()))
        self.call.refused = refused
        self.story = open_story(self.call.info, DIRECTORY)
        self.story.seat_id = FIRST.seat_id
        self.talks.began(self.story, NOON)
        found = self.talks.find(self.call.info.call_id)
        assert found is not None
        self.talk: Talk = found
        self.talk.status = TalkStatus(TalkState.CONSULTING, FIRST, THIRD)
        self.talk.touched, self.talk.parted = True, 1

    async def until_tried(self, count: int) -> "asyncio.Task[Talk | None]":
        """The citizen's session, when he was to be joined so often."""
        session = asyncio.create_task(self.talks.follow(self.call, self.story))
        await asyncio.sleep(1)
        self.talks.third_left(self.talk)
        while self.call.tries < count and not session.done():
            await asyncio.sleep(0.01)
        return session


@in_virtual_time
async def test_a_leg_that_is_just_leaving_its_talk_is_tried_again() -> None:
    """Asterisk refuses for a moment: he keeps his seat, nobody is hung up."""
    scene = Scene(refused=3)
    session = await scene.until_tried(4)
    assert scene.talk.status == TalkStatus(TalkState.TALKING, FIRST)
    assert scene.asterisk.hung_up == []
    scene.call.over.set_result(None)
    assert await session is None
    assert scene.call.dialled == [f"with {FIRST.channel}"]


@pytest.mark.parametrize("lives", [True, False])
@in_virtual_time
async def test_a_leg_that_is_gone_or_never_gets_free_sends_him_to_his_queue(lives: bool) -> None:
    scene = Scene(refused=99)
    if not lives:
        scene.asterisk.alive.clear()
    session = await scene.until_tried(99)
    assert await session is scene.talk
    assert scene.talk.status.state is TalkState.RETURNED
    assert scene.call.tries == (JOIN_TRIES if lives else 1)
    await asyncio.sleep(0)
    assert scene.asterisk.hung_up == [FIRST.leg_id]


@pytest.mark.parametrize("event", [TalkEvent.CONSULT_ASKED, TalkEvent.FIRST_LEFT])
@in_virtual_time
async def test_what_happens_between_two_tries_counts(event: TalkEvent) -> None:
    """The seat asks for somebody else, or hangs up: he isn't joined by force."""
    scene = Scene(refused=99)
    session = await scene.until_tried(2)
    scene.talks.saw(scene.talk, event, THIRD if event is TalkEvent.CONSULT_ASKED else None)
    await asyncio.sleep(1)
    assert scene.call.tries == 2
    assert scene.talk.status.state is not TalkState.RETURNED
    session.cancel()
    await asyncio.wait({session})


@in_virtual_time
async def test_who_hangs_up_between_two_tries_is_gone() -> None:
    scene = Scene(refused=99)
    session = await scene.until_tried(2)
    scene.call.gone = True
    with pytest.raises(CallEnded):
        await session


class Called(Citizen):
    """Something happens to his talk while he is on his way: after the words to his channel."""

    on_the_way: Callable[[], None]

    async def remember(self, **variables: str) -> None:
        await super().remember(**variables)
        if variables["STAGE"] == "talking":
            happens, self.on_the_way = self.on_the_way, lambda: None
            happens()


def on_his_way(state: TalkState, happens: Callable[[Scene], None]) -> Scene:
    """He is about to be joined in this state when that happens."""
    scene = Scene(refused=0)
    scene.call = call = Called(World(Script()))
    scene.asterisk.alive = {FIRST.leg_id, THIRD.leg_id}
    scene.talk.status = TalkStatus(state, FIRST, THIRD, beside=state is TalkState.THREE_WAY)
    call.on_the_way = lambda: happens(scene)
    return scene


@in_virtual_time
async def test_of_three_the_seat_leaves_while_he_is_on_his_way() -> None:
    """He is joined with the one who stays, who has been told that he comes."""

    def completes(scene: Scene) -> None:
        scene.asterisk.alive.remove(FIRST.leg_id)
        scene.talks.happens(scene.talk, TalkEvent.COMPLETE_ASKED)

    scene = on_his_way(TalkState.THREE_WAY, completes)
    session = asyncio.create_task(scene.talks.follow(scene.call, scene.story))
    await asyncio.sleep(1)
    assert scene.call.variables["SEAT"] == THIRD.seat_id
    scene.call.over.set_result(None)
    assert await session is None
    assert scene.call.dialled == [f"with {THIRD.channel}"]
    assert scene.asterisk.hung_up == [FIRST.leg_id]


@pytest.mark.parametrize("joined", [False, True])
@in_virtual_time
async def test_whoever_has_him_hangs_up(joined: bool) -> None:
    """On his way to a leg that is gone he goes back to his queue; had he been with it, his talk is
    over. Its end alone doesn't tell which."""

    def leaves(scene: Scene) -> None:
        scene.asterisk.alive.remove(FIRST.leg_id)
        scene.talks.take(ChannelHungUp(FIRST.leg_id, FIRST.channel, 16, NOON))

    scene = on_his_way(TalkState.TALKING, (lambda scene: None) if joined else leaves)
    scene.call.refused = 0 if joined else 99
    session = asyncio.create_task(scene.talks.follow(scene.call, scene.story))
    await asyncio.sleep(1)
    if joined:
        leaves(scene)
        scene.call.over.set_result(None)
    assert await session is (None if joined else scene.talk)
    assert scene.talk.status.state is (TalkState.OVER if joined else TalkState.RETURNED)
