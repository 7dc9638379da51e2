"""`understand(text)`: kind, place, classes, phones, numbers and danger of what a citizen said.

Pure but for the rules, which are read once. About a millisecond for a sentence. Nothing raises:
what isn't understood is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from tickets.understanding.model import (
    ClassGuess,
    Danger,
    FoundPlace,
    HeardWord,
    Hit,
    KindGuess,
    Understanding,
)
from tickets.understanding.numerals import numbers
from tickets.understanding.phones import phones
from tickets.understanding.plain import plain
from tickets.understanding.rules import DATA, load_rules


@dataclass(frozen=True, slots=True)
class Context:
    """Where the call is: the folder of rules, the region of its numbering plan (ISO 3166).

    `live`: the text is a partial result that may go on.
    """

    rules: Path = DATA
    region: str = "CN"
    live: bool = False


HERE = Context()


def understand(
    text: str, words: Sequence[HeardWord] | None = None, context: Context = HERE
) -> Understanding:
    """What the text says, best guesses first.

    `words` are the recogniser's, in order: their confidence lowers the scores of what they gave
    (never danger). Raises `RulesError` only, when the rules can't be read.
    """
    rules = load_rules(context.rules)
    said = plain(text)
    if not said.text:
        return Understanding(text)
    classes = rules.classes.guess(said)
    usual = rules.classes.usual_kind(classes[0].code) if classes else None
    places = rules.places.find(said)
    kinds = rules.kinds.guess(said, usual)
    if words:
        sure = _confidences(text, words)
        classes = tuple(replace(one, score=_lowered(one, one.hits, sure)) for one in classes)
        kinds = tuple(replace(one, score=_lowered(one, one.hits, sure)) for one in kinds)
        places = tuple(
            replace(one, score=_lowered(one, (Hit(one.said, one.start, one.end),), sure))
            for one in places
        )
    return Understanding(
        text=text,
        kind=kinds[0] if kinds else None,
        kinds=kinds,
        classes=classes,
        place=places[0] if places else None,
        places=places,
        phones=phones(said, rules.area_code, context.region),
        numbers=numbers(said),
        danger=rules.danger.find(said, live=context.live),
    )


def danger_in(text: str, context: Context = HERE) -> Danger | None:
    """Danger alone: cheap enough for each partial result."""
    return load_rules(context.rules).danger.find(plain(text), live=context.live)


_Scored = TypeVar("_Scored", ClassGuess, KindGuess, FoundPlace)


def _confidences(text: str, words: Sequence[HeardWord]) -> list[float]:
    """The confidence at each sign of the text; 1.0 where no word was found."""
    sure = [1.0] * len(text)
    at = 0
    for word in words:
        start = text.find(word.text, at) if word.text else -1
        if start >= 0:
            at = start + len(word.text)
            sure[start:at] = [min(1.0, max(0.0, word.confidence))] * len(word.text)
    return sure


def _lowered(guess: _Scored, hits: Sequence[Hit], sure: Sequence[float]) -> float:
    """The score times the mean confidence of the words that gave it."""
    signs = [sure[at] for hit in hits for at in range(hit.start, hit.end)]
    return round(guess.score * sum(signs) / len(signs), 3) if signs else guess.score
