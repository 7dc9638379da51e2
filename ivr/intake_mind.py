"""The intake's `Mind`: the tickets' understanding, and the short answers of `data/answers.yaml`."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ivr.documents import parse, read_document
from ivr.intake import Alarm, Guess
from ivr.prompt_texts import Catalogue
from tickets.spoken import Confirmation
from tickets.understanding.model import Understanding
from tickets.understanding.understand import HERE, Context, danger_in, understand

ANSWERS = Path(__file__).parent / "data" / "answers.yaml"
SPEAKS_PLACES = "cmn"
"""Places of the keys are called what their prompts say in this language."""
LONGEST_ANSWER = 16
"""Signs: who says more than this isn't answering yes or no."""
Said = Annotated[str, StringConstraints(min_length=1, max_length=20)]


class _Answers(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    again: tuple[Said, ...] = Field(min_length=1)
    more: tuple[Said, ...] = Field(min_length=1)
    yes: tuple[Said, ...] = Field(min_length=1)


class UnderstoodMind:
    """`ivr.intake.Mind` of the rules and data of `tickets.understanding`."""

    def __init__(
        self,
        answers: Mapping[Confirmation, tuple[str, ...]],
        names: Mapping[str, str],
        context: Context = HERE,
    ) -> None:
        self._context, self._live = context, replace(context, live=True)
        self._answers = [(meant, _any_of(words)) for meant, words in answers.items()]
        self._names = names

    def kind(self, text: str) -> Guess | None:
        """Only what was said counts: what a class usually is, is no answer to the question."""
        guess = next((kind for kind in self._understand(text).kinds if kind.hits), None)
        if guess is None:
            return None
        because = tuple(hit.words for hit in guess.hits)
        return Guess(guess.kind.value, guess.kind.value, guess.score, because)

    def place(self, text: str) -> Guess | None:
        """The finest place said, called by all that was said, from the coarse to the fine."""
        found = self._understand(text).places
        if not found:
            return None
        names = "".join(place.name for place in reversed(found))
        return Guess(
            found[0].division,
            names + found[0].detail,
            found[0].score,
            tuple(place.said for place in found),
        )

    def place_name(self, code: str) -> str:
        return self._names.get(code, "")

    def topic(self, text: str) -> Guess | None:
        classes = self._understand(text).classes
        if not classes:
            return None
        best = classes[0]
        because = tuple(hit.words for hit in best.hits)
        return Guess(best.code, " / ".join(best.path), best.score, because)

    def number(self, text: str) -> str:
        return next((phone.digits for phone in self._understand(text).phones if phone.e164), "")

    def alarm(self, text: str, *, live: bool = False) -> Alarm | None:
        danger = danger_in(text, self._live if live else self._context)
        if danger is None:
            return None
        return Alarm("、".join(hit.words for hit in danger.hits), (danger.line,))

    def _understand(self, text: str) -> Understanding:
        return understand(text, context=self._context)

    def agrees(self, text: str) -> Confirmation | None:
        said = text.lower() if text.isascii() else text.replace(" ", "")
        if not said or len(said) > LONGEST_ANSWER:
            return None
        return next((meant for meant, words in self._answers if words.search(said)), None)


def load_mind(catalogue: Catalogue, context: Context = HERE) -> UnderstoodMind:
    """The shipped one, with the rules of this context. Raises `DocumentError` for a mistake in the
    answers, `RulesError` for one in the rules."""
    read = parse(read_document(ANSWERS), _Answers)
    understand("热线", context=context)  # rules are read now, not at the first caller
    spoken = catalogue.texts.get(SPEAKS_PLACES, {})
    names = {
        name.removeprefix("place/"): text.rstrip("。")
        for name, text in spoken.items()
        if name.startswith("place/")
    }
    answers = {
        Confirmation.AGAIN: read.again,
        Confirmation.MORE: read.more,
        Confirmation.YES: read.yes,
    }
    return UnderstoodMind(answers, names, context)


def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    """Words of letters must stand alone: "no" isn't in "know"."""
    return re.compile(
        "|".join(rf"\b{re.escape(w)}\b" if w.isascii() else re.escape(w) for w in words)
    )
