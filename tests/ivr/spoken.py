"""A caller who is talked with by voice, by script: what he says to each question, in order."""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import ClassVar

from ivr.asking import StopAt
from ivr.intake import Alarm, Guess
from ivr.intake_house import SpokenHouse
from ivr.speech.ports import Word
from ivr.spoken_ports import Sound
from ivr.turn_rules import ANY_KEY, Turn, TurnEnd, TurnRules
from telephony.call import Call
from telephony.errors import CallEnded
from telephony.live_audio import AudioAway
from tests.ivr.script import CATALOGUE, Script, World
from tickets.kept import KeptTalk
from tickets.model import Kind, NewTicket
from tickets.spoken import Confirmation, SpokenAnswer

TURN_S = 10.0
SPEECH_S = 4.0


@dataclass(frozen=True)
class Says:
    """He says this; `heard` False: nobody recognises it. `sure` is every word's confidence, with
    `lasts_s` they take so long together."""

    text: str
    sure: float = 0.95
    heard: bool = True
    lasts_s: float = 0.0


@dataclass(frozen=True)
class Presses:
    """He presses a key."""

    key: str


@dataclass(frozen=True)
class Leaves:
    """He hangs up in the middle of saying this."""

    text: str = ""


@dataclass(frozen=True)
class Breaks:
    """His audio is lost, or the engine dies, here."""

    engine: bool = False


Deed = Says | Presses | Leaves | Breaks
SILENT = Says("")


class FakeMind:
    """Understands a few words."""

    KINDS: ClassVar = {"投诉": Kind.COMPLAINT, "咨询": Kind.CONSULTATION}
    PLACES: ClassVar = {"青秀区": "450103", "民族大道": "450103"}

    def kind(self, text: str) -> Guess | None:
        return next((Guess(kind, word) for word, kind in self.KINDS.items() if word in text), None)

    def place(self, text: str) -> Guess | None:
        return next((Guess(code, word) for word, code in self.PLACES.items() if word in text), None)

    def place_name(self, code: str) -> str:
        return next((word for word, known in self.PLACES.items() if known == code), "")

    def topic(self, text: str) -> Guess | None:
        return Guess("040101", "路灯", 0.8, ("路灯",)) if "路灯" in text else None

    def number(self, text: str) -> str:
        digits = "".join(c for c in text if c.isdigit())
        return digits if len(digits) > 6 else ""

    def alarm(self, text: str, *, live: bool = False) -> Alarm | None:
        return Alarm("着火", ("119",)) if "着火" in text else None

    def agrees(self, text: str) -> Confirmation | None:
        said = {
            "对": Confirmation.YES,
            "可以": Confirmation.YES,
            "是的": Confirmation.YES,
            "不对": Confirmation.AGAIN,
        }
        return said.get(text) or (Confirmation.MORE if "补充" in text else None)


class MemoryJournal:
    """Outlives engines, as a disk does. `failing`: it takes nothing."""

    def __init__(self) -> None:
        self.talks: dict[str, KeptTalk] = {}
        self.failing = False

    async def begin(self, new: NewTicket) -> None:
        if not self.failing:
            self.talks.setdefault(new.facts.call_id, KeptTalk(new))

    async def note(self, call_id: str, answer: SpokenAnswer) -> None:
        if call_id in self.talks:
            kept = self.talks[call_id]
            self.talks[call_id] = replace(kept, answers=(*kept.answers, answer))

    async def note_alarm(self, call_id: str, word: str) -> None:
        if call_id in self.talks:
            self.talks[call_id] = replace(self.talks[call_id], alarm=word)

    async def read(self, call_id: str) -> KeptTalk | None:
        return self.talks.get(call_id)

    async def forget(self, call_id: str) -> None:
        self.talks.pop(call_id, None)


class SpokenScript:
    """`SpokenCaller` by script: each question takes `TURN_S`, of which he speaks `SPEECH_S`."""

    def __init__(self, world: "SpokenWorld", language: str, stored: str) -> None:
        self._world = world
        self._language = language
        self._stored = stored
        self.at_s = 0.0
        self.recognising = True
        self.recording_failed = False

    def use_language(self, language: str) -> None:
        self._language = language

    async def say(self, sounds: Sequence[Sound], *, keys: str = "") -> str:
        self._said(sounds)
        return ""

    async def ask(
        self,
        sounds: Sequence[Sound],
        rules: TurnRules,
        *,
        grammar: Sequence[str] = (),
        keys: str = ANY_KEY,
        stop_at: StopAt | None = None,
    ) -> Turn:
        self._said(sounds)
        await self._world.call.remember()
        deed = self._world.deeds.popleft() if self._world.deeds else SILENT
        begun_s = self.at_s
        match deed:
            case Says(""):
                self._pass(TURN_S)
                return Turn(TurnEnd.SILENT, begun_s=self.at_s, ended_s=self.at_s)
            case Says() as says:
                words = self._words(says, begun_s)
                stopped = stop_at is not None and stop_at(says.text, False)
                self._pass(TURN_S)
                end = TurnEnd.STOPPED if stopped else TurnEnd.SPOKEN
                return Turn(end, "", words, begun_s, begun_s + SPEECH_S, says.heard)
            case Presses(key):
                self._pass(1.0)
                assert key in keys, f"{key} isn't listened for: {keys}"
                return Turn(TurnEnd.KEY, key, begun_s=self.at_s, ended_s=self.at_s)
            case Leaves(text):
                if stop_at is not None and text:
                    stop_at(text, True)
                self._pass(SPEECH_S)
                self._world.call.leave()
                raise CallEnded("hangup")
            case Breaks(engine):
                self._pass(SPEECH_S)
                if engine:
                    self._world.call.stop_at = self._world.call.steps + 1
                    await self._world.call.remember()
                raise AudioAway("the audio broke")

    def _words(self, says: Says, begun_s: float) -> tuple[Word, ...]:
        if not says.heard:
            return ()
        texts = says.text.split()
        each = (says.lasts_s or min(SPEECH_S, 0.4 * len(texts))) / len(texts)
        return tuple(
            Word(text, begun_s + n * each, begun_s + (n + 1) * each, says.sure)
            for n, text in enumerate(texts)
        )

    def _pass(self, seconds: float) -> None:
        self.at_s += seconds
        self._world.voice.files[self._stored] = self.at_s

    def _said(self, sounds: Sequence[Sound]) -> None:
        for sound in sounds:
            if isinstance(sound, str):
                assert CATALOGUE.has(self._language, sound), sound
                self._world.call.said.append(sound)
            else:
                self._world.call.said.append(f"own {sound.from_s:g}-{sound.to_s:g}")


class SpokenWorld(World):
    """One call in a house that talks with its callers."""

    def __init__(self, script: Script, deeds: Sequence[Deed], *, able: bool = True) -> None:
        self.deeds = deque(deeds)
        self.journal = MemoryJournal()
        self.able = able
        super().__init__(script)
        self._spoken()

    def engine(self) -> None:
        super().engine()
        self._spoken()

    def _spoken(self) -> None:
        house = SpokenHouse(
            speaking=self._speaking,
            able=lambda language: self.able,
            says=CATALOGUE.has,
            mind=FakeMind(),
            journal=self.journal,
        )
        self.desk = replace(self.desk, spoken=house)

    @asynccontextmanager
    async def _speaking(
        self, call: Call, language: str, stored: str
    ) -> AsyncIterator[SpokenScript]:
        yield SpokenScript(self, language, stored)
