"""What is understood of a sentence. Offsets are places in the text that was given, end excluded."""

from dataclasses import dataclass
from typing import Protocol

from tickets.model import Kind


class HeardWord(Protocol):
    """A word of a recogniser; `ivr.speech.ports.Word` is one. Confidence is 0.0 to 1.0."""

    @property
    def text(self) -> str: ...
    @property
    def confidence(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Hit:
    """The words that gave a guess, and where they stand."""

    words: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class KindGuess:
    """One of the six kinds. Scores are 0.0 to 1.0 and comparable within one sentence only."""

    kind: Kind
    score: float
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class ClassGuess:
    """A leaf of the classification: six digits, its names from the domain down, the unit hinted."""

    code: str
    path: tuple[str, str, str]
    unit: str
    score: float
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """A place of the list that was said.

    `division` is the GB/T 2260 code it lies in as far as that is known: nine digits for a street
    or township, six for a district, the city's own when a road runs through several. `detail` is
    what followed the name: 二十八号, 三栋二单元. `said` differs from `name` by an alias or a near
    miss; then the score is below 1.0.
    """

    name: str
    level: str
    division: str
    detail: str
    score: float
    said: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class FoundPhone:
    """A phone number as said. `e164` is "" for short codes and for what is no possible number;
    `short` is a service code such as 110 or 95598, which E.164 doesn't know."""

    raw: str
    digits: str
    e164: str
    short: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class FoundNumber:
    """An amount or ordinal as said, from `low` to `high` (七八天 is 7 to 8; else both are one)."""

    low: float
    high: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Danger:
    """Life or limb is in danger now: break off and transfer. `line` is 110, 119, 120 or 122."""

    danger: str
    line: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Understanding:
    """All that is understood of a text, best first; `kind` and `place` are the best or None.

    `places` holds every place said, the finest first.
    """

    text: str
    kind: KindGuess | None = None
    kinds: tuple[KindGuess, ...] = ()
    classes: tuple[ClassGuess, ...] = ()
    place: FoundPlace | None = None
    places: tuple[FoundPlace, ...] = ()
    phones: tuple[FoundPhone, ...] = ()
    numbers: tuple[FoundNumber, ...] = ()
    danger: Danger | None = None
