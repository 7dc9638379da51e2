"""Pairs of neighbouring characters: how Chinese text is searched without knowing its words.

`路灯不亮` is 路灯 灯不 不亮. A Latin word or a number counts as one sign, folded to lower case and
half width, so that `Ａ栋` and `a栋` are the same; each is also a gram by itself.
"""

import re
import unicodedata
from itertools import pairwise

_SIGNS = re.compile(r"[a-z0-9]+|[㐀-鿿豈-﫿\U00020000-\U0003ffff]")
MOST_SIGNS = 2_000


def plain(text: str) -> str:
    """Its signs alone, words apart by a blank: equal for texts that count as equal."""
    found = _SIGNS.findall(unicodedata.normalize("NFKC", text).lower())[:MOST_SIGNS]
    return "".join(_apart(a, b) + b for a, b in zip(["", *found], found, strict=False))


def grams(plain_text: str) -> list[str]:
    """The pairs of a plain text in their order, then its words."""
    found = _SIGNS.findall(plain_text)
    pairs = [a + _apart(a, b).replace(" ", "_") + b for a, b in pairwise(found)]
    return pairs + [sign for sign in found if sign.isascii()]


def sought(plain_text: str) -> list[str]:
    """The grams that a text with this in it must have, in order; none when it is too short to be
    searched for (one character)."""
    found = _SIGNS.findall(plain_text)
    if len(found) == 1:
        return [sign for sign in found if sign.isascii()]
    return grams(plain_text)[: len(found) - 1] if found else []


def _apart(first: str, second: str) -> str:
    """Two words are kept apart: `12 3` and `1 23` differ."""
    return " " if first.isascii() and second.isascii() and first else ""
