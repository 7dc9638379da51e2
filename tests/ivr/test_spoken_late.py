"""Nothing he says falls between two questions, or is lost since the recogniser is behind."""

import asyncio
from pathlib import Path

import pytest

from ivr.speech.ports import Final, Partial, Word
from ivr.turn_rules import FREE_SPEECH, SHORT_ANSWER, TurnEnd
from tests.ivr.live import final, silence, voice
from tests.ivr.test_spoken import speaking


async def test_who_speaks_on_into_a_question_began_his_answer_before_it(tmp_path: Path) -> None:
    """An answer was being made durable while he went on: those words are the next answer's, the
    recogniser isn't told to begin anew."""
    async with speaking(tmp_path) as house:
        turn = await house.asked()
        house.audio.hears(voice(0.6))
        house.hearing.told(Partial("投诉", 0.6))
        house.audio.hears(silence(0.5))
        house.hearing.told(final("投诉", 0.6))
        assert (await turn).text == "投诉"
        house.audio.hears([*silence(1.0), *voice(2.0)])
        house.hearing.told(final("青秀区 民族 大道", 3.6))
        turn = await house.asked()
        house.audio.hears(voice(0.6))
        house.hearing.told(Partial("路灯", 4.6))
        house.audio.hears(silence(0.5))
        house.hearing.told(final("路灯", 4.6))
        answer = await turn
    assert answer.text == "青秀区 民族 大道 路灯"
    assert house.hearing.grammars == []


async def test_what_was_over_before_the_question_is_no_answer_to_it(tmp_path: Path) -> None:
    """He also said 可以 as he pressed the key: the next question has yet to be answered."""
    async with speaking(tmp_path) as house:
        house.audio.hears([*voice(0.4), *silence(1.0)])
        house.hearing.told(Partial("可以", 0.4))
        turn = await house.asked("q")
        house.hearing.told(Partial("可以", 1.0))
        house.hearing.told(final("可以", 0.4))
        house.audio.hears([*silence(2.0), *silence(SHORT_ANSWER.answer_s)])
        answer = await turn
    assert (answer.end, answer.words) == (TurnEnd.SILENT, ())


@pytest.mark.parametrize("prompt", [(), ("q",)])
async def test_a_short_word_of_which_the_recogniser_tells_late_counts(
    tmp_path: Path, prompt: tuple[str, ...]
) -> None:
    """对, too short to be speech by its length, is told of three seconds after it was said."""
    async with speaking(tmp_path) as house:
        turn = await house.asked(*prompt)
        house.audio.hears([*silence(0.5), *voice(0.3), *silence(3.5)])
        house.hearing.told(Partial("对", 0.9))
        house.audio.hears(silence(0.5))
        house.hearing.told(final("对", 0.8))
        answer = await turn
    assert (answer.end, answer.text) == (TurnEnd.SPOKEN, "对")
    assert answer.begun_s == pytest.approx(0.5, abs=0.21)
    assert answer.ended_s == pytest.approx(0.9, abs=0.11), "where he said it, not when it came"


async def test_a_short_word_is_waited_for_before_he_is_taken_for_silent(tmp_path: Path) -> None:
    """The time for an answer is over, and the recogniser still had it to hear."""
    async with speaking(tmp_path) as house:
        turn = await house.asked()
        house.hearing.last = Final((Word("对", 0.6, 0.8, 0.9),), 6.0)
        house.audio.hears([*silence(0.5), *voice(0.3), *silence(SHORT_ANSWER.answer_s + 1)])
        answer = await turn
    assert (answer.end, answer.text) == (TurnEnd.SPOKEN, "对")


async def test_words_after_the_last_end_point_are_waited_for(tmp_path: Path) -> None:
    """Both workers died while he spoke on: nothing has been told of that yet when he is silent."""
    async with speaking(tmp_path) as house:
        turn = await house.asked(rules=FREE_SPEECH)
        house.audio.hears([*voice(1.0), *silence(0.8)])
        house.hearing.told(final("路灯 坏 了", 1.6))
        house.hearing.last = final("晚上 不 亮", 2.8)
        house.audio.hears([*voice(1.0), *silence(4.1)])
        answer = await turn
    assert answer.text == "路灯 坏 了 晚上 不 亮"


async def test_a_short_word_told_of_after_he_has_spoken_on_counts(tmp_path: Path) -> None:
    """对 was taken for no speech, since no word came of it in time: the answer begins with it."""
    async with speaking(tmp_path) as house:
        turn = await house.asked(rules=FREE_SPEECH)
        house.audio.hears([*silence(0.5), *voice(0.3), *silence(1.0), *voice(1.0)])
        house.hearing.told(final("对", 0.8))
        house.hearing.last = final("路灯 坏 了", 2.8)
        house.audio.hears(silence(4.1))
        answer = await turn
    assert answer.text == "对 路灯 坏 了"
    assert answer.begun_s < 0.8


async def test_a_cough_without_a_word_is_silence(tmp_path: Path) -> None:
    async with speaking(tmp_path) as house:
        turn = await house.asked()
        house.hearing.last = Final((Word("[unk]", 0.6, 0.8, 0.9),), 6.0)
        house.audio.hears([*silence(0.5), *voice(0.3), *silence(SHORT_ANSWER.answer_s + 1)])
        answer = await turn
    assert (answer.end, answer.words) == (TurnEnd.SILENT, ())


async def test_danger_at_the_end_of_what_he_says_is_acted_on_at_the_end_point(
    tmp_path: Path,
) -> None:
    """While he may go on, 着火 may become 着火过; the recogniser's end point says that he doesn't:
    the four seconds that end free speech aren't waited for."""
    asked: list[tuple[str, bool]] = []

    def stop_at(text: str, going_on: bool) -> bool:
        asked.append((text, going_on))
        return "着火" in text and not going_on

    async with speaking(tmp_path) as house:
        turn = await house.asked(rules=FREE_SPEECH, stop_at=stop_at)
        house.audio.hears(voice(1.0))
        house.hearing.told(Partial("我 家 着火", 1.0))
        assert not turn.done()
        house.audio.hears(silence(0.6))
        house.hearing.told(final("我 家 着火", 1.0))
        answer = await turn
    assert answer.end is TurnEnd.STOPPED
    assert asked == [("我 家 着火", True), ("我 家 着火", False)]


async def test_words_that_come_too_late_are_told_as_not_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recogniser is hopelessly behind: the conversation goes on, and somebody knows that words
    are missing (they are recognised later, from the recording)."""
    monkeypatch.setattr("ivr.spoken.FLUSH_S", 0.05)
    async with speaking(tmp_path) as house:

        async def never(*, silent: bool = False) -> Final:
            await asyncio.Event().wait()
            raise AssertionError("not reached")

        house.hearing.flush = never  # type: ignore[method-assign] # this recogniser hangs
        turn = await house.asked(rules=FREE_SPEECH)
        house.audio.hears([*voice(2.0), *silence(4.1)])
        answer = await turn
    assert (answer.end, answer.words, answer.heard) == (TurnEnd.SPOKEN, (), False)
    assert house.hearing.grammars == [()], "what it still tells isn't taken for the next answer"
