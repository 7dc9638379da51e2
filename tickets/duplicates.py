"""Open tickets that are likely the same matter as a new one, each with a score and why (E6).

Pure: the store hands in candidates of the same tenant. Nothing is merged here: a person decides,
each caller still has an answer and a callback, and repeats are counted.

Score, 0 to 100: half of it how alike the words are (rapidfuzz, on what is left without polite
phrases), 30 where it is, 20 what it is about, 10 more when the same person asks. Where both say
where, and it isn't the same, or the matters are of different groups, it is another matter however
alike the words are. What only one of them says is looked for in the words of the other.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rapidfuzz import fuzz

LONGEST_TEXT = 1000
"""Signs of a text that are compared."""
SHORTEST_NAME = 3
"""Signs of a place's name that is looked for in words: 小区 alone is none."""
SAME_CALLER = 10.0

_POLITE = re.compile(
    r"[\s\W_]+|你好|您好|请问|谢谢|麻烦|帮忙|我[要想](?:投诉|举报|反映|求助|咨询|建议)?"
    r"|(?:投诉|举报|反映|求助)|我们|这里|那里|那边|这边|已经|一直|还是|就是|喂"
)


class Sameness(StrEnum):
    """Why a ticket is likely the same matter."""

    WORDS = "words"
    PLACE = "place"
    AREA = "area"
    CLASS = "class"
    GROUP = "group"
    CALLER = "caller"


@dataclass(frozen=True, slots=True)
class Matter:
    """What is compared of a ticket.

    `place` is a name of the place list with what followed it ("" unknown), `division` its GB/T 2260
    code, six or nine digits, `class_code` a leaf of the classification ("": nobody has classed it,
    then `guessed` are groups it may be of, four digits), `caller` E.164 or "".
    """

    number: str
    text: str
    at: datetime
    place: str = ""
    division: str = ""
    class_code: str = ""
    caller: str = ""
    guessed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """What a tenant takes for the same: from which score, how long back, how many are shown."""

    least: float = 50.0
    window: timedelta = timedelta(days=30)
    most: int = 5


@dataclass(frozen=True, slots=True)
class LikelySame:
    """An open ticket that is likely the same matter. `repeat`: the same caller again."""

    number: str
    score: float
    reasons: tuple[Sameness, ...]
    repeat: bool


DEFAULT = Policy()


def likely_same(
    new: Matter, candidates: Iterable[Matter], policy: Policy = DEFAULT
) -> tuple[LikelySame, ...]:
    """The likely same ones, best first, the newer of equals first; never the ticket itself."""
    words = _words(new.text)
    found = [
        (likely, other.at)
        for other in candidates
        if other.number != new.number and abs(new.at - other.at) <= policy.window
        for likely in (_compared(new, words, other),)
        if likely is not None and likely.score >= policy.least
    ]
    found.sort(key=lambda pair: (-pair[0].score, -pair[1].timestamp(), pair[0].number))
    return tuple(likely for likely, _ in found[: policy.most])


def _compared(new: Matter, words: str, other: Matter) -> LikelySame | None:
    """One candidate; None when it is plainly another matter."""
    place = _place(new, other)
    about = _about(new, other)
    if place is None or about is None:
        return None
    others = _words(other.text)
    alike = fuzz.ratio(words, others) if words and others else 0.0
    repeat = bool(new.caller) and new.caller == other.caller
    reasons = [
        *([Sameness.WORDS] if alike >= 50 else []),
        *place[1],
        *about[1],
        *([Sameness.CALLER] if repeat else []),
    ]
    points = alike / 2 + place[0] + about[0] + (SAME_CALLER if repeat else 0.0)
    score = round(min(100.0, points), 1)
    return LikelySame(other.number, score, tuple(reasons), repeat)


_Part = tuple[float, tuple[Sameness, ...]]


def _place(new: Matter, other: Matter) -> _Part | None:
    """Points for where it is; None when it is elsewhere."""
    apart = bool(new.division and other.division) and not _within(new, other)
    if new.place and other.place:
        same = new.place.startswith(other.place) or other.place.startswith(new.place)
        return (30.0, (Sameness.PLACE,)) if same and not apart else None
    if not apart and (_named(new, other) or _named(other, new)):
        return 30.0, (Sameness.PLACE,)
    if new.division and other.division:
        return (10.0, (Sameness.AREA,)) if _within(new, other) else None
    return 0.0, ()


def _named(one: Matter, other: Matter) -> bool:
    """Whether the words of one name the place of the other."""
    return len(other.place) >= SHORTEST_NAME and other.place in one.text[:LONGEST_TEXT]


def _within(new: Matter, other: Matter) -> bool:
    """Whether one division is the other or lies in it; a city's code (…00) holds its districts."""
    short, long = sorted((new.division, other.division), key=len)
    return long.startswith(short[:4] if short.endswith("00") and len(short) == 6 else short) or (
        len(long) == 6 and long.endswith("00") and short.startswith(long[:4])
    )


def _about(new: Matter, other: Matter) -> _Part | None:
    """Points for what it is about; None when that is of another group of classes."""
    if not new.class_code or not other.class_code:
        guessed = {*new.guessed, *other.guessed} if new.class_code or other.class_code else ()
        known = (new.class_code or other.class_code)[:4]
        return (10.0, (Sameness.GROUP,)) if known in guessed else (0.0, ())
    if new.class_code == other.class_code:
        return 20.0, (Sameness.CLASS,)
    if new.class_code[:4] == other.class_code[:4]:
        return 10.0, (Sameness.GROUP,)
    return None


def _words(text: str) -> str:
    """The text without blanks, signs and polite phrases; the whole of it when nothing is left."""
    return _POLITE.sub("", text[:LONGEST_TEXT].lower()) or text[:LONGEST_TEXT].strip()
