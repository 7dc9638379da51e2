"""What counts as an answer of a citizen who is phoned: keys, words, and no machine's talk."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from ivr.follow_up_ear import Voice, load_words
from ivr.intake_house import SpokenHouse
from ivr.speech.ports import SpeechAway, Word
from ivr.turn_rules import Turn, TurnEnd, TurnRules
from telephony.live_audio import AudioAway
from tests.ivr.test_follow_up import Citizen

WORDS = load_words()


@pytest.mark.parametrize(
    ("said", "alone", "question"),
    [
        ("是 的", "1", "1"),
        ("解决 了", "", "1"),
        ("没有 解决", "", "2"),
        ("还 没 解决", "", "2"),
        ("满意", "", "1"),
        ("不 满意", "", "2"),
        ("不是", "2", "2"),
        ("不 方便", "2", "2"),
        ("您好 请 在 提示音 后 留言", "", ""),
        ("对 这里是 语音 信箱 请 留言 稍后 给 您 回电", "", ""),
        ("还 不错", "", "1"),
        ("没 问题", "", "1"),
        ("对 不 起", "", "2"),
        ("yes", "1", "1"),
        ("no", "2", "2"),
        ("i know", "", ""),
        ("not solved", "", "2"),
        ("", "", ""),
        ("嗯", "", ""),
    ],
)
def test_words_stand_for_keys(said: str, alone: str, question: str) -> None:
    """To the greeting only a word alone: whoever talks on may be a machine."""
    assert WORDS.key(said, alone=True) == alone
    assert WORDS.key(said, alone=False) == question


@dataclass
class Heard:
    """A citizen who is talked with: what he says to each question."""

    turns: list[Turn]
    asked: list[tuple[Sequence[str], TurnRules]] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    away: Exception | None = None

    async def ask(self, sounds: Sequence[str], rules: TurnRules, **more: Any) -> Turn:
        self.asked.append((sounds, rules))
        return self.turns.pop(0)

    @asynccontextmanager
    async def speaking(self, call: object, language: str, stored: str) -> AsyncIterator["Heard"]:
        if self.away is not None:
            raise self.away
        self.stored.append(stored)
        yield self


def house(heard: Heard, *, able: bool = True) -> SpokenHouse:
    return SpokenHouse(heard.speaking, lambda language: able, None, None, None)  # type: ignore[arg-type] # the rest isn't asked


def turn(text: str, key: str = "") -> Turn:
    words = tuple(Word(part, 0.0, 0.1, 1.0) for part in text.split())
    return Turn(TurnEnd.SPOKEN, key=key, words=words)


async def test_a_word_or_a_key_answers_and_the_greeting_is_heard_to_its_end() -> None:
    heard = Heard([turn("是 的"), turn("没有 解决"), turn("", key="1")])
    voice, citizen = Voice(house(heard), WORDS, "state/followups"), Citizen("")
    answers = [
        await voice.ask(citizen, "followup/greeting", "cmn", greeting=True),  # type: ignore[arg-type] # as there
        await voice.ask(citizen, "followup/solved", "cmn"),  # type: ignore[arg-type] # as there
        await voice.ask(citizen, "followup/satisfied", "cmn"),  # type: ignore[arg-type] # as there
    ]
    assert answers == ["1", "2", "1"]
    assert [rules.barge_in for _, rules in heard.asked] == [False, True, True]
    assert set(heard.stored) == {f"state/followups/{citizen.info.call_id}.heard.wav"}


@pytest.mark.parametrize("away", [SpeechAway("gone", language="cmn"), AudioAway("no port")])
async def test_without_speech_keys_are_enough(away: Exception) -> None:
    voice = Voice(house(Heard([], away=away)), WORDS, "state/followups")
    assert await voice.ask(Citizen("2"), "followup/solved", "cmn") == "2"  # type: ignore[arg-type] # as there
    deaf = Voice(house(Heard([]), able=False), WORDS, "state/followups")
    assert await deaf.ask(Citizen("1"), "followup/solved", "cmn") == "1"  # type: ignore[arg-type] # as there
