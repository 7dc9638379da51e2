"""How a citizen answers when he is phoned with the result: by key, by word where speech is on."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol

import structlog
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ivr.documents import parse, read_document
from ivr.intake_house import SpokenHouse
from ivr.speech.ports import SpeechAway
from ivr.turn_rules import SHORT_ANSWER, Turn, TurnRules
from telephony.call import Call
from telephony.live_audio import AudioAway

WORDS = Path(__file__).parent / "data" / "follow_up_words.yaml"
KEY_S = 6.0
YES_KEY, NO_KEY = "1", "2"
LONGEST_ANSWER = 16
"""Signs: who says more isn't answering yes or no."""
AFTER_GREETING = TurnRules(barge_in=False)
Said = Annotated[str, StringConstraints(min_length=1, max_length=20)]

log = structlog.get_logger(__name__)


class Words(BaseModel):
    """`data/follow_up_words.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    alone_yes: tuple[Said, ...] = Field(min_length=1)
    alone_no: tuple[Said, ...] = Field(min_length=1)
    yes_all_the_same: tuple[Said, ...] = ()
    no: tuple[Said, ...] = Field(min_length=1)
    yes: tuple[Said, ...] = Field(min_length=1)

    def key(self, text: str, *, alone: bool) -> str:
        """The key that stands for what was said; "" when it is none of both. `alone`: the word must
        be all that was said."""
        said = text.lower().strip() if text.isascii() else text.replace(" ", "")
        if not said or len(said) > LONGEST_ANSWER:
            return ""
        if alone:
            if said in self.alone_yes:
                return YES_KEY
            return NO_KEY if said in self.alone_no else ""
        groups = ((YES_KEY, self.yes_all_the_same), (NO_KEY, self.no), (YES_KEY, self.yes))
        found = (key for key, words in groups if any(_holds(said, word) for word in words))
        return next(found, "")


def _holds(said: str, word: str) -> bool:
    """Words of letters must stand alone: "no" isn't in "know"."""
    return re.search(rf"\b{word}\b", said) is not None if word.isascii() else word in said


def load_words() -> Words:
    """The shipped ones; raises `DocumentError` for a mistake."""
    return parse(read_document(WORDS), Words)


class Ear(Protocol):
    """Puts a question and hears the answer."""

    async def ask(self, call: Call, prompt: str, language: str, *, greeting: bool = False) -> str:
        """A key, also one that stands for a word; "" when nothing was understood."""
        ...


class Keys:
    """`Ear` of keys alone."""

    async def ask(self, call: Call, prompt: str, language: str, *, greeting: bool = False) -> str:
        return await call.ask((prompt,), language=language, max_digits=1, timeout_s=KEY_S)


@dataclass(frozen=True, slots=True)
class Voice:
    """`Ear` of keys and words. `folder` (below the home) is where his voice lies while a question
    is put; what is kept is the recording of the whole call."""

    house: SpokenHouse
    words: Words
    folder: str

    async def ask(self, call: Call, prompt: str, language: str, *, greeting: bool = False) -> str:
        """By key alone where his language isn't recognised, or his audio can't be had."""
        if self.house.able(language):
            stored = f"{self.folder}/{call.info.call_id}.heard.wav"
            rules = AFTER_GREETING if greeting else SHORT_ANSWER
            try:
                async with self.house.speaking(call, language, stored) as caller:
                    turn = await caller.ask((prompt,), rules)
            except (SpeechAway, AudioAway) as why:
                log.info("follow_up_by_key", call_id=call.info.call_id, reason=str(why))
            else:
                return self._key(turn, greeting=greeting)
        return await Keys().ask(call, prompt, language)

    def _key(self, turn: Turn, *, greeting: bool) -> str:
        return turn.key or self.words.key(turn.text, alone=greeting)
