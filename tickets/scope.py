"""Is it a matter for 12345 at all (受理范围)? The ten reasons not to accept, as data, and which of
them a text reminds of.

A hint for the seat, never a decision: who refuses is a person, with a code of these ten
(`tickets.life_rules.REFUSALS`). An emergency is transferred, never refused. Pure but for the data,
which are read once.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tickets.life_rules import REFUSALS
from tickets.understanding.model import Danger, Hit
from tickets.understanding.plain import plain
from tickets.understanding.understand import HERE, Context, understand

FILE = Path(__file__).parent / "data" / "refusals.yaml"
MOST = 3
"""Reasons that are worth showing."""


class Reason(BaseModel):
    """One of the ten: its code, what the seat and the citizen are told, words that remind of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    name: str = Field(min_length=1, max_length=80)
    name_en: str = Field(min_length=1, max_length=120)
    advice: str = Field(min_length=1, max_length=120)
    words: tuple[str, ...] = ()

    @field_validator("words")
    @classmethod
    def _are_patterns(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            re.compile(word)
        return words


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    reasons: tuple[Reason, ...]

    @model_validator(mode="after")
    def _all_ten(self) -> "_File":
        codes = [reason.code for reason in self.reasons]
        if sorted(codes) != sorted(REFUSALS):
            raise ValueError(f"each of the ten codes once: {', '.join(sorted(REFUSALS))}")
        return self


@dataclass(frozen=True, slots=True)
class Hint:
    """A reason not to accept that a text reminds of, and the words that did."""

    code: str
    name: str
    advice: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """`emergency` goes before everything: it is to be transferred at once. `hints` are the reasons
    a person may think of, those with most words first; none: nothing speaks against taking it."""

    emergency: Danger | None
    hints: tuple[Hint, ...]


@lru_cache(maxsize=4)
def reasons(file: Path = FILE) -> tuple[Reason, ...]:
    """The ten, in the order of the rules; ValueError names what is wrong with the file."""
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"{file}: {error}") from error
    return _File.model_validate(data).reasons


def scope_of(text: str, context: Context = HERE, file: Path = FILE) -> Scope:
    """Whether a matter is one for us, as far as its words tell. A place of ours goes before the
    name of another one. Raises `RulesError` when the rules of understanding can't be read."""
    found = understand(text, context=context)
    hints: list[Hint] = []
    for reason in reasons(file):
        if reason.code == "outside_jurisdiction" and found.place is not None:
            continue
        hits = tuple(_hits(reason, text))
        if hits:
            hints.append(Hint(reason.code, reason.name, reason.advice, hits))
    hints.sort(key=lambda hint: -sum(hit.end - hit.start for hit in hint.hits))
    return Scope(found.danger, tuple(hints[:MOST]))


def _hits(reason: Reason, text: str) -> list[Hit]:
    said = plain(text)
    return [
        said.hit(*match.span())
        for pattern in map(re.compile, reason.words)
        for match in pattern.finditer(said.text)
    ]
