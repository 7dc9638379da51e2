"""How well sentences are understood: right of scored, with Wilson's 95 % interval.

A place or a number counts where one was expected or found, so that sentences without any flatter
nobody. Source of the interval: E. B. Wilson, 1927, doi:10.1080/01621459.1927.10502953.
"""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tickets.understanding.model import Understanding

FOLDER = Path(__file__).parent / "evaluation"
HALVES = ("development", "held_out")
PARAPHRASED = "paraphrased"
"""Sentences apart from the set, written after the rules."""
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Case:
    """A sentence of the evaluation set; what its fields mean is told in its README."""

    id: str
    text: str
    kinds: tuple[str, ...]
    classes: tuple[str, ...]
    place: str
    phones: tuple[str, ...]
    danger: bool
    known: bool


def load_cases(half: str) -> list[Case]:
    """One half of the set, or the paraphrased sentences, in their order."""
    lines = (FOLDER / f"{half}.jsonl").read_text(encoding="utf-8").splitlines()
    return [_case(json.loads(line)) for line in lines]


def score(pairs: Sequence[tuple[Case, Understanding]]) -> dict[str, float]:
    """Figures by name: `n`, and each share with its interval (`…_low`, `…_high`) and count."""
    dangers = [(case.danger, got.danger is not None) for case, got in pairs]
    counted = {
        "kind_accuracy": list(_kinds(pairs)),
        "class_accuracy": list(_classes(pairs)),
        "place_accuracy": list(_places(pairs)),
        "phone_accuracy": list(_phones(pairs)),
        "danger_recall": [found for meant, found in dangers if meant],
        "danger_precision": [meant for meant, found in dangers if found],
    }
    figures = {"n": float(len(pairs))}
    for name, rights in counted.items():
        low, high = wilson(sum(rights), len(rights))
        share = sum(rights) / len(rights) if rights else 0.0
        figures |= {name: share, f"{name}_low": low, f"{name}_high": high}
        figures[f"{name}_n"] = float(len(rights))
    return {name: round(value, 4) for name, value in figures.items()}


def wilson(right: int, of: int) -> tuple[float, float]:
    """Where the true share lies with 95 % confidence; 0 to 1 when nothing was counted."""
    if of == 0:
        return 0.0, 1.0
    share = right / of
    middle = share + _Z**2 / (2 * of)
    wide = _Z * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    whole = 1 + _Z**2 / of
    return max(0.0, (middle - wide) / whole), min(1.0, (middle + wide) / whole)


_Pairs = Iterable[tuple[Case, Understanding]]


def _kinds(pairs: _Pairs) -> Iterator[bool]:
    for case, got in pairs:
        if case.kinds:
            yield got.kind is not None and got.kind.kind in case.kinds


def _classes(pairs: _Pairs) -> Iterator[bool]:
    for case, got in pairs:
        if case.classes:
            yield bool(got.classes) and got.classes[0].code in case.classes


def _places(pairs: _Pairs) -> Iterator[bool]:
    for case, got in pairs:
        found = got.place.name if got.place else ""
        if case.place or found:
            yield found == case.place


def _phones(pairs: _Pairs) -> Iterator[bool]:
    for case, got in pairs:
        found = [one.e164 or f"short:{one.short}" for one in got.phones if one.e164 or one.short]
        if case.phones or found:
            yield found == list(case.phones)


def _case(told: dict[str, object]) -> Case:
    def words(name: str) -> tuple[str, ...]:
        listed = told[name]
        assert isinstance(listed, list)
        return tuple(str(one) for one in listed)

    return Case(
        id=str(told["id"]),
        text=str(told["text"]),
        kinds=words("kind"),
        classes=words("class"),
        place=str(told["place"] or ""),
        phones=words("phones"),
        danger=bool(told["danger"]),
        known=bool(told["known"]),
    )
