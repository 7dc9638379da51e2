"""A call's audio through the engine at a real Asterisk: both ways, keys, and every end of it."""

import asyncio
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from simulator.audio import speech_like
from telephony.door import Telephony
from telephony.errors import CallEnded
from telephony.live_audio import BYTES_PER_S, FRAME_BYTES, FRAME_S, AudioAway, LiveAudio
from telephony.session import FastAgiCall
from tests.stack import AsteriskStack
from tests.telephony.peers import WAIT_S
from tests.telephony.real import Engine, citizen, door, one_seat_stack

pytestmark = pytest.mark.e2e

LOUD = 1000
TONE = array("h", range(-8000, 8000, 200)).tobytes() * (BYTES_PER_S // 160)
"""A second of a saw's tooth of 100 Hz."""


class Ear:
    """Keeps what it is told."""

    def __init__(self, audio: LiveAudio) -> None:
        self.frames: list[bytes] = []
        self.keys = ""
        self.over = asyncio.Event()
        self.told = asyncio.Event()
        self.played = 0
        audio.listen(self)

    def heard(self, frame: bytes) -> None:
        self.frames.append(frame)
        self.told.set()

    def pressed(self, key: str) -> None:
        self.keys += key
        self.told.set()

    def played_out(self) -> None:
        self.played += 1
        self.told.set()

    def ended(self) -> None:
        self.over.set()
        self.told.set()

    @property
    def loud(self) -> int:
        """Frames with a voice in them."""
        return sum(max(memoryview(frame).cast("h")) > LOUD for frame in self.frames)

    async def until(self, what: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(WAIT_S):
                while not what():
                    self.told.clear()
                    await self.told.wait()
        except TimeoutError:
            heard = f"{len(self.frames)} frames, {self.loud} loud, {self.keys!r}, {self.played}"
            raise AssertionError(heard) from None


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[AsteriskStack]:
    async with one_seat_stack(tmp_path) as running:
        yield running


async def test_a_caller_is_talked_to_and_heard_at_once_with_his_keys(stack: AsteriskStack) -> None:
    """Both ways at the same time, a key in the middle, and the call goes on afterwards."""

    async def lead(call: FastAgiCall) -> tuple[Ear, float]:
        async with call.live_audio() as audio:
            ear = Ear(audio)
            audio.play(TONE * 2)
            await ear.until(lambda: ear.loud >= 50 and ear.played == 1 and ear.keys == "5")
            at_s = audio.at_s
            await call.remember(LANG="en")
        await call.play(["welcome"], language="cmn")
        await call.finish()
        return ear, at_s

    engine = Engine([lead])
    async with door(stack, engine), citizen(stack).dial("12345") as call:
        await call.answered()
        call.say(speech_like(4, "ulaw"))
        await call.hear(0.5)
        call.press("5")
        ear, at_s = await engine.outcome()
        outcome = await call.ended(within_s=30)
    assert outcome.ended_by == "hotline"
    assert outcome.heard_voice_s > 2.0, "two seconds of the tone and the prompt that followed"
    assert all(len(frame) == FRAME_BYTES for frame in ear.frames)
    assert abs(at_s - len(ear.frames) * FRAME_S) < 1
    assert not stack.troubles(), stack.troubles()


async def test_what_is_remembered_while_he_speaks_is_on_the_channel(stack: AsteriskStack) -> None:
    """The session is busy with the audio then; a new engine must know the call all the same."""

    async def lead(call: FastAgiCall) -> str:
        async with call.live_audio():
            await call.remember(LANG="en", KIND="求助, (x)")
        line = b'GET FULL VARIABLE "${HL_LANG} ${HL_KIND}"\n'
        return await call._connection.command(line, 5)

    engine = Engine([lead])
    async with door(stack, engine), citizen(stack).dial("12345") as call:
        await call.answered()
        assert await engine.outcome() == "200 result=1 (en 求助, (x))"


async def test_a_prompt_stops_at_once_and_comes_back(stack: AsteriskStack) -> None:
    """Silence within two frames of the word, and the sound again from before the place."""

    async def lead(call: FastAgiCall) -> None:
        async with call.live_audio() as audio:
            ear = Ear(audio)
            audio.play(TONE * 60)
            await asyncio.wait_for(heard.wait(), WAIT_S)
            audio.pause()
            quiet.set()
            await paused.wait()
            audio.resume(back_s=0.4)
            assert audio.playing
            await asyncio.wait_for(stopping.wait(), WAIT_S)
            audio.stop()
            assert not audio.playing
            await ear.over.wait()
            await audio.over()

    heard, quiet, paused, stopping = (asyncio.Event() for _ in range(4))
    engine = Engine([lead])
    async with door(stack, engine), citizen(stack).dial("12345") as call:
        await call.answered()
        await call.hear(0.5)
        heard.set()
        await asyncio.wait_for(quiet.wait(), WAIT_S)
        async with asyncio.timeout(WAIT_S):  # of the sixty seconds of sound
            while True:  # what was on its way when it was paused may still come
                before = call.heard_voice_s
                await asyncio.sleep(0.5)
                if call.heard_voice_s - before < 0.1:
                    break  # silence while it is paused
        paused.set()
        await call.hear(0.5)
        stopping.set()
        call.hang_up()
        assert isinstance(await engine.outcome(), CallEnded)


async def test_who_hangs_up_in_the_middle_is_gone_at_once(stack: AsteriskStack) -> None:
    """The listener is told, and `over` says that it was he."""

    async def lead(call: FastAgiCall) -> None:
        async with call.live_audio() as audio:
            ear = Ear(audio)
            await ear.until(lambda: bool(ear.frames))
            speaking.set()
            await ear.over.wait()
            await audio.over()

    speaking = asyncio.Event()
    engine = Engine([lead])
    async with door(stack, engine), citizen(stack).dial("12345") as call:
        await call.answered()
        await asyncio.wait_for(speaking.wait(), WAIT_S)
        call.hang_up()
        assert isinstance(await engine.outcome(), CallEnded)


async def breaks_in_the_middle(call: FastAgiCall, telephony: Telephony) -> str:
    async with call.live_audio() as audio:
        ear = Ear(audio)
        await ear.until(lambda: bool(ear.frames))
        for connection in tuple(telephony.audio._led):
            connection._transport.abort()  # type: ignore[union-attr]  # it has one
        await ear.over.wait()
        await audio.over()
    return "not reached"


async def is_not_there(call: FastAgiCall, telephony: Telephony) -> str:
    await telephony.audio.close()
    async with call.live_audio():
        return "not reached"


async def refuses_everybody(call: FastAgiCall, telephony: Telephony) -> str:
    telephony.audio._issued = {}
    issue = telephony.audio.issue

    def wrong(on_wire: Callable[[], None]) -> object:
        session = issue(on_wire)
        telephony.audio._issued.clear()
        return session

    telephony.audio.issue = wrong  # type: ignore[assignment,method-assign]  # as if it had forgotten it
    async with call.live_audio():
        return "not reached"


@pytest.mark.parametrize("how", [breaks_in_the_middle, is_not_there, refuses_everybody])
async def test_audio_that_is_away_leaves_the_caller_where_he_was(
    stack: AsteriskStack, how: Callable[[FastAgiCall, Telephony], Awaitable[str]]
) -> None:
    """It is told as AudioAway, and the same session plays to him afterwards."""

    async def lead(call: FastAgiCall) -> str:
        try:
            return await how(call, telephony)
        except AudioAway:
            await call.play(["welcome"], language="cmn")
            await call.finish()
            return "served without it"

    engine = Engine([lead])
    async with door(stack, engine) as telephony, citizen(stack).dial("12345") as call:
        await call.answered()
        assert await engine.outcome() == "served without it"
        assert (await call.ended(within_s=30)).ended_by == "hotline"
