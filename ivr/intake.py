"""A spoken intake: what has been asked and answered so far, and what an answer means. No waiting
here: `ivr.intake_talk` leads the conversation, `ivr.intake_door` opens and closes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from ivr.caller import caller_id
from ivr.dialling import dialled
from ivr.intake_plan import Asked
from ivr.speech.ports import UNKNOWN
from ivr.speech.said import UNHEARD, plausible
from ivr.turn_rules import Turn
from tickets.model import Kind
from tickets.spoken import (
    Confirmation,
    Question,
    SpokenAnswer,
    SpokenRequest,
    SpokenWord,
    holding,
    request_of,
)

ALARMING = 0.9
"""Confidence from which a word of danger acts at once."""
SHORTEST_VOICE_S = 1.0
"""Less sound than this is no account of what happened."""
NOBODY, OTHER = "none", "other"
"""Answers to "may we call this number": nobody shall call, and another number."""
YES_KEY, OTHER_KEY, NOBODY_KEY = "1", "2", "3"
_CONFIRM_KEYS: Mapping[str, Confirmation] = {
    "1": Confirmation.YES,
    "2": Confirmation.AGAIN,
    "3": Confirmation.MORE,
}


@dataclass(frozen=True, slots=True)
class Guess:
    """What a sentence was taken for: `value` for us, `label` for people, `score` 0 to 1, and the
    words that gave it."""

    value: str
    label: str = ""
    score: float = 1.0
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alarm:
    """A word that tells of danger, and whom to connect the caller with at once (`targets`: numbers
    as they are dialled, the best first)."""

    word: str
    targets: tuple[str, ...] = ()


class Mind(Protocol):
    """Understanding, seen from the intake. Pure, and quick enough to be asked of every partial
    result. Texts are words with or without blanks between them."""

    def kind(self, text: str) -> Guess | None:
        """The kind of request (`tickets.model.Kind`)."""
        ...

    def place(self, text: str) -> Guess | None:
        """Where: the code of a division or a street."""
        ...

    def place_name(self, code: str) -> str:
        """What people call it; "" for an unknown code."""
        ...

    def topic(self, text: str) -> Guess | None:
        """The class a matter probably belongs to."""
        ...

    def number(self, text: str) -> str:
        """The telephone number in a sentence, as digits; "" without one."""
        ...

    def alarm(self, text: str, *, live: bool = False) -> Alarm | None:
        """A word of danger, if there is one; `live`: the text may go on, and turn out harmless."""
        ...

    def agrees(self, text: str) -> Confirmation | None:
        """Yes, or no (again), or that there is more to be said."""
        ...


@dataclass(slots=True)
class Intake:
    """One caller's answers. `listening` is the question being asked, with what was heard so far;
    `suspected` is a word of danger that he didn't confirm, `recognised` False once words couldn't
    be understood any more, `missed` True when words of his came too late from the recogniser,
    `elsewhere` True when he speaks a language nobody recognises here."""

    language: str
    answers: list[SpokenAnswer] = field(default_factory=list)
    listening: SpokenAnswer | None = None
    alarm: Alarm | None = None
    suspected: str = ""
    recognised: bool = True
    missed: bool = False
    elsewhere: bool = False

    def settled(self, question: Question) -> bool:
        """Whether it needn't be asked (again)."""
        since = 0
        for place, answer in enumerate(self.answers):
            if answer.question is Question.CONFIRM and answer.value == Confirmation.AGAIN:
                since = place + 1
        return any(a.question is question and understood(a) for a in self.answers[since:])

    def value(self, question: Question) -> str:
        """What holds for a question; "" when nothing does."""
        found = holding(self.answers).get(question)
        return found[-1].value if found else ""

    @property
    def kind(self) -> Kind | None:
        """The kind of request that holds."""
        value = self.value(Question.KIND)
        return Kind(value) if value else None

    @property
    def number(self) -> str:
        """Whom to call back (E.164), "" when nobody was named."""
        value = self.value(Question.NUMBER)
        return value if value.startswith("+") else ""

    def request(self) -> SpokenRequest:
        """What the ticket is told, as of now."""
        return request_of(
            self.language,
            (*self.answers, self.listening) if self.listening else self.answers,
            danger=self.alarm.word if self.alarm else self.suspected,
            recognised=self.recognised and not self.missed,
            elsewhere=self.elsewhere,
        )


def understood(answer: SpokenAnswer) -> bool:
    """Whether the conversation can go on after this answer. What happened needs no understanding,
    only something to listen to."""
    if answer.question is Question.MATTER:
        return bool(answer.words) or answer.end_s - answer.begin_s >= SHORTEST_VOICE_S
    return bool(answer.value) and answer.value != OTHER


def answer_of(asked: Asked, turn: Turn, mind: Mind, recording: str) -> SpokenAnswer:
    """What the caller meant by his answer to a kind, a place or a matter; without a `value` it
    wasn't understood."""
    given = heard(asked.ask, turn, recording)
    chosen = asked.keys.get(turn.key, "")
    if chosen:
        name = mind.place_name(chosen) if asked.ask is Question.PLACE else ""
        return replace(given, value=chosen, label=name or chosen, score=1.0)
    if not given.words:
        return given
    text = plausible_text(given)
    match asked.ask:
        case Question.KIND:
            return _guessed(given, mind.kind(text))
        case Question.PLACE:
            return _guessed(given, mind.place(text))
    return _guessed(given, mind.topic(text))


def number_of(
    turn: Turn, typed: str, mind: Mind, recording: str, *, own: str, area_code: str
) -> SpokenAnswer:
    """The number to call back: his own (`own`, E.164, "" when it isn't known), one that he said or
    typed, another that he has yet to say, or nobody's."""
    given = replace(heard(Question.NUMBER, turn, recording), keys=typed or turn.key)
    text = plausible_text(given)
    digits = typed if len(typed) > 1 else mind.number(text)
    if digits:
        e164 = caller_id(digits, area_code=area_code).e164
        return replace(given, value=e164 if dialled(e164) else "", label=digits, score=1.0)
    if given.keys in (OTHER_KEY, NOBODY_KEY):
        return replace(given, value=OTHER if given.keys == OTHER_KEY else NOBODY, score=1.0)
    said = Confirmation.YES if given.keys == YES_KEY else mind.agrees(text)
    match said:
        case Confirmation.YES:
            return replace(given, value=own or OTHER, score=1.0)
        case Confirmation.AGAIN:
            return replace(given, value=OTHER, score=1.0)
    return given


def confirmation_of(turn: Turn, mind: Mind, recording: str) -> SpokenAnswer:
    """What he says to what was said back to him."""
    given = heard(Question.CONFIRM, turn, recording)
    said = _CONFIRM_KEYS.get(turn.key) or mind.agrees(plausible_text(given))
    return replace(given, value=said or "")


def heard(question: Question, turn: Turn, recording: str) -> SpokenAnswer:
    """What a turn brought, before anybody understood it."""
    return SpokenAnswer(
        question,
        keys=turn.key,
        words=plausible(turn.words),
        recording=recording,
        begin_s=round(turn.begun_s, 3),
        end_s=round(turn.ended_s, 3),
    )


def plausible_text(answer: SpokenAnswer) -> str:
    """The words somebody can have said, with blanks between them."""
    return " ".join(word.text for word in answer.words if word.text != UNHEARD)


def surely_said(alarm: Alarm, answer: SpokenAnswer) -> bool:
    """Whether the words that raised an alarm were heard very well: a wrong one rings the fire
    brigade."""
    raised = [w for w in answer.words if w.text in alarm.word or alarm.word in w.text]
    return bool(raised) and all(word.confidence >= ALARMING for word in raised)


def so_far(listening: SpokenAnswer, text: str, at_s: float) -> SpokenAnswer:
    """A question being answered, with the unfinished text there is of it: its words have no places
    of their own, and nobody is sure of them."""
    words = (UNHEARD if word == UNKNOWN else word for word in text.split())
    return replace(
        listening,
        words=tuple(SpokenWord(word, listening.begin_s, at_s, 0.0) for word in words),
        end_s=at_s,
    )


def _guessed(given: SpokenAnswer, guess: Guess | None) -> SpokenAnswer:
    if guess is None:
        return given
    return replace(
        given,
        value=guess.value,
        label=guess.label or guess.value,
        score=guess.score,
        because=guess.because,
    )
