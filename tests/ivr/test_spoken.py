"""A spoken conversation: prompts talked over, answers heard, everything recorded."""

import asyncio
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ivr.speech.ports import Partial, SpeechAway, SpeechLost
from ivr.spoken import Spoken, patience_s
from ivr.spoken_ports import OwnVoice
from ivr.turn_rules import FREE_SPEECH, SHORT_ANSWER, Turn, TurnEnd
from telephony.errors import CallEnded
from tests.ivr.live import FakeAudio, FakeCall, FakeHearing, final, parts, silence, voice

STORED = "recordings/requests/2026/11/22/c-1-1.wav"


class House:
    """One caller being talked with."""

    def __init__(self, caller: Spoken, audio: FakeAudio, hearing: FakeHearing) -> None:
        self.caller = caller
        self.audio = audio
        self.hearing = hearing

    async def asked(self, *sounds: str | OwnVoice, **more: Any) -> "asyncio.Task[Turn]":
        """A question that is being put, its prompt playing."""
        rules = more.pop("rules", SHORT_ANSWER)
        task = asyncio.create_task(self.caller.ask(sounds, rules, **more))
        while self.caller._asking is None or (sounds and not self.audio.playing):
            await asyncio.sleep(0)
            assert not task.done()
            await asyncio.sleep(0.001)
        return task


@asynccontextmanager
async def speaking(home: Path) -> AsyncIterator[House]:
    given, recogniser = parts(home)
    audio = FakeAudio()
    try:
        async with given.speaking(FakeCall(audio), "cmn", STORED) as caller:  # type: ignore[arg-type]  # only its audio is used
            yield House(caller, audio, recogniser.hearings[0])
    finally:
        await given.recordings.close()


async def test_a_prompt_is_talked_over_and_the_answer_heard(tmp_path: Path) -> None:
    """It pauses as soon as a voice is there, is gone with the first word, and the recogniser's
    end point ends the turn."""
    async with speaking(tmp_path) as house:
        turn = await house.asked("q", grammar=("投诉", "咨询"))
        house.audio.hears(silence(0.5))
        house.audio.hears(voice(0.2))
        assert house.audio.did == ["play", "pause"], "0.2 s after he began"
        house.audio.hears(voice(0.2))
        house.hearing.told(Partial("投诉"))
        assert house.audio.did == ["play", "pause", "stop"]
        house.audio.hears(silence(0.7))
        house.hearing.told(final("投诉", 0.9))
        answer = await turn
    assert (answer.end, answer.text, answer.interrupted) == (TurnEnd.SPOKEN, "投诉", True)
    assert answer.begun_s == pytest.approx(0.5, abs=0.21)
    assert house.hearing.grammars == [("投诉", "咨询")]


async def test_a_cough_lets_the_prompt_come_back(tmp_path: Path) -> None:
    """A false start: what was paused goes on and is heard to its end."""
    async with speaking(tmp_path) as house:
        turn = await house.asked("q")
        house.audio.hears([*silence(0.5), *voice(0.2), *silence(1.0)])
        assert house.audio.did == ["play", "pause", "resume"]
        house.audio.hears(silence(2.0))
        assert not house.audio.playing
        house.audio.hears(silence(SHORT_ANSWER.answer_s))
        answer = await turn
    assert (answer.end, answer.words, answer.interrupted) == (TurnEnd.SILENT, (), False)


async def test_our_own_echo_is_no_answer(tmp_path: Path) -> None:
    """Words that come while nobody speaks are our own prompt, come back over the line."""
    async with speaking(tmp_path) as house:
        turn = await house.asked("q")
        house.audio.hears(silence(1.0))
        house.hearing.told(Partial("请 说"))
        house.hearing.told(final("请 说", 0.9))
        house.audio.presses("2")
        answer = await turn
    assert (answer.end, answer.key, answer.words) == (TurnEnd.KEY, "2", ())
    assert house.audio.did == ["play", "stop"]


async def test_free_speech_ends_with_four_seconds_of_silence(tmp_path: Path) -> None:
    """The recogniser's own end points lie in between; gaps of three seconds are within it."""
    async with speaking(tmp_path) as house:
        turn = await house.asked(rules=FREE_SPEECH)
        for words in ("路灯", "坏 了"):
            house.audio.hears(voice(1.0))
            house.hearing.told(Partial(words))
            house.audio.hears(silence(1.0))
            house.hearing.told(final(words, house.audio.at_s - 1.0))
            house.audio.hears(silence(2.0))
        await asyncio.sleep(0)
        assert not turn.done()
        house.audio.hears(silence(2.1))
        answer = await turn
    assert (answer.end, answer.text) == (TurnEnd.SPOKEN, "路灯 坏 了")
    assert answer.ended_s == pytest.approx(5.0, abs=0.1), "where the voice ended"


async def test_a_key_ends_free_speech_with_its_last_words(tmp_path: Path) -> None:
    """What the recogniser had not yet called final belongs to the answer."""
    async with speaking(tmp_path) as house:
        turn = await house.asked(rules=FREE_SPEECH, keys="#")
        house.audio.hears(voice(1.0))
        house.hearing.told(Partial("路灯"))
        house.hearing.last = final("路灯 坏 了", 1.0)
        house.audio.presses("5")
        house.audio.presses("#")
        answer = await turn
    assert (answer.end, answer.key, answer.text) == (TurnEnd.KEY, "#", "路灯 坏 了")


async def test_a_word_of_danger_ends_the_turn_at_once(tmp_path: Path) -> None:
    """Already as an unfinished text, in the middle of speech."""
    async with speaking(tmp_path) as house:
        turn = await house.asked(rules=FREE_SPEECH, stop_at=lambda text, _: "着火" in text)
        house.audio.hears(voice(0.6))
        house.hearing.told(Partial("我 家"))
        house.hearing.told(Partial("我 家 着火"))
        house.hearing.last = final("我 家 着火 了", 0.6)
        answer = await turn
    assert (answer.end, answer.text) == (TurnEnd.STOPPED, "我 家 着火 了")


async def test_music_is_no_answer(tmp_path: Path) -> None:
    """Loud without a word for so long: noise; the unknown word is none."""
    async with speaking(tmp_path) as house:
        turn = await house.asked()
        house.audio.hears(voice(2.0))
        house.hearing.told(Partial("[unk]"))
        house.audio.hears(voice(SHORT_ANSWER.wordless_s))
        answer = await turn
    assert answer.end is TurnEnd.NOISE


async def test_without_the_recogniser_the_voice_alone_decides(tmp_path: Path) -> None:
    """It is lost in mid-sentence: silence ends the turn, and the turn says that it wasn't heard."""
    async with speaking(tmp_path) as house:
        turn = await house.asked(rules=FREE_SPEECH)
        house.audio.hears(voice(1.0))
        house.hearing.told(SpeechLost("worker died too often"))
        assert not house.caller.recognising
        house.audio.hears([*voice(40.0), *silence(4.1)])
        answer = await turn
    assert (answer.end, answer.heard) == (TurnEnd.SPOKEN, False)
    assert answer.ended_s == pytest.approx(41.0, abs=0.1)


async def test_who_hangs_up_leaves_his_recording(tmp_path: Path) -> None:
    """Every coroutine raises CallEnded, and what he said lies there."""
    async with speaking(tmp_path) as house:
        turn = await house.asked(rules=FREE_SPEECH)
        house.audio.hears(voice(1.5))
        house.audio.hangs_up()
        with pytest.raises(CallEnded):
            await turn
    with wave.open(str(tmp_path / STORED)) as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(1.5)
    assert house.hearing.closed


async def test_half_an_hour_of_talk_is_all_there(tmp_path: Path) -> None:
    """Each turn has its limit; his voice is recorded and recognised without a gap."""
    sound = voice(20.0)
    async with speaking(tmp_path) as house:
        turn = await house.asked(rules=FREE_SPEECH)
        ends = []
        for number in range(90):
            house.hearing.told(Partial(f"路灯 {number}"))
            house.audio.hears(sound)
            await asyncio.sleep(0.001)
            if turn.done():
                ends.append((await turn).end)
                turn = await house.asked(rules=FREE_SPEECH)
        house.audio.presses("#")
        await turn
        assert house.hearing.fed == 30 * 60 * 16000
        assert ends == [TurnEnd.LIMIT] * (len(ends))
        assert len(ends) >= 7, "three minutes each"
    with wave.open(str(tmp_path / STORED)) as sound:
        assert sound.getnframes() == 30 * 60 * 8000


async def test_his_own_voice_is_played_back(tmp_path: Path) -> None:
    """From the recording under way, between prompts; a key stops it."""
    async with speaking(tmp_path) as house:
        house.audio.hears([*silence(1.0), *voice(1.0), *silence(1.0)])
        said = asyncio.create_task(house.caller.say((OwnVoice(1.0, 2.0),), keys="1"))
        while not house.audio.playing:
            await asyncio.sleep(0.001)
        assert house.audio.pcm == b"".join(voice(1.0))
        house.audio.presses("2")
        house.audio.presses("1")
        assert await said == "1"
        assert not house.audio.playing


async def test_a_prompt_that_is_missing_holds_nobody_up(tmp_path: Path) -> None:
    """The caller is led on without it."""
    async with speaking(tmp_path) as house:
        assert await house.caller.say(("there/is-none",)) == ""
        turn = await house.asked()
        house.audio.presses("1")
        assert (await turn).key == "1"


async def test_a_house_that_hears_nobody_says_so_at_once(tmp_path: Path) -> None:
    """Before the call's audio is touched: he is recorded plainly then."""
    given, recogniser = parts(tmp_path)
    recogniser.away = True
    with pytest.raises(SpeechAway):
        async with given.speaking(FakeCall(FakeAudio()), "cmn", STORED):  # type: ignore[arg-type]  # never used
            raise AssertionError("not reached")
    await given.recordings.close()


async def test_frames_are_heard_and_recorded_alike(tmp_path: Path) -> None:
    """A place in the recording is the recogniser's time: both got every frame."""
    async with speaking(tmp_path) as house:
        frames = [*silence(0.3), *voice(0.7)]
        house.audio.hears(frames)
        assert house.hearing.fed == len(frames) * 320
        assert house.caller.at_s == pytest.approx(1.0)
    with wave.open(str(tmp_path / STORED)) as sound:
        assert sound.readframes(8000) == b"".join(frames)


async def test_the_recogniser_begins_anew_only_when_he_is_cut_short(tmp_path: Path) -> None:
    """Four seconds of silence: his words are out. A key in the middle of a word: they are not."""
    async with speaking(tmp_path) as house:
        for silent_s in (4.1, 0.0):
            turn = await house.asked(rules=FREE_SPEECH, keys="#")
            house.audio.hears(voice(1.0))
            house.hearing.told(Partial("路灯", house.audio.at_s))
            house.audio.hears(silence(silent_s))
            house.audio.presses("#")
            await turn
    assert house.hearing.asked_silent == [True, False]


async def test_frames_wait_for_others_where_nothing_is_urgent(tmp_path: Path) -> None:
    """Each 60 ms only where an utterance may end; a voice after long silence is heard at once."""
    async with speaking(tmp_path) as house:
        house.audio.hears([*silence(1.5), *voice(1.0), *silence(2.0), *voice(0.4)])
    waits = house.hearing.waits
    speaks, may_end, silent = (patience_s(quiet_s) for quiet_s in (0.0, 0.5, 1.5))
    assert waits[74] == waits[174 + 40] == silent
    assert waits[120] == waits[-1] == speaks
    assert waits[124 + 25] == may_end
    assert may_end < speaks < silent
