"""How signs sound: one pinyin syllable each, without tone, from pypinyin's table of signs.

Only the table is taken, as data: the package itself keeps ten megabytes for as long as it is
imported. What we keep of it is a number for each sign.
"""

import json
import unicodedata
from array import array
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path

_MERGED = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("iang", "ian"), ("uang", "uan"))
_FIRST, _LAST = 0x3400, 0x9FFF
"""The signs of extension A and the common ones; rarer ones sound like nothing we know."""
_TONES = frozenset("\u0300\u0301\u0304\u030c")
_UMLAUT = "\u0308"


def sounds(words: str, readings: Mapping[str, str]) -> tuple[str, ...]:
    """A syllable per sign, those merged that speakers often don't tell apart; `readings` tell how
    signs are read here where that differs."""
    return tuple(_merged(readings.get(sign) or syllable(sign)) for sign in words)


def syllable(sign: str) -> str:
    """How a sign sounds, without its tone (`v` for ü); the sign itself where it has no sound."""
    numbers, syllables = _table()
    place = ord(sign) - _FIRST
    number = numbers[place] if 0 <= place < len(numbers) else 0
    return syllables[number] if number else sign


@lru_cache(maxsize=1)
def _table() -> tuple["array[int]", tuple[str, ...]]:
    """Of each sign from `_FIRST` on the number of its syllable (0: none), and the syllables."""
    package = find_spec("pypinyin")  # imports nothing
    assert package is not None
    assert package.origin is not None
    told = json.loads(Path(package.origin).with_name("pinyin_dict.json").read_text("utf-8"))
    numbers = array("H", bytes(2 * (_LAST - _FIRST + 1)))
    known: dict[str, int] = {"": 0}
    following = count(1)
    for sign, spoken in told.items():
        if _FIRST <= int(sign) <= _LAST:
            plain = _plain(spoken.partition(",")[0])
            if plain not in known:
                known[plain] = next(following)
            numbers[int(sign) - _FIRST] = known[plain]
    return numbers, tuple(known)


@lru_cache(maxsize=2048)
def _plain(spoken: str) -> str:
    """`zhōng` is zhong, `lǜ` is lv."""
    parts = unicodedata.normalize("NFD", spoken)
    bare = "".join(sign for sign in parts if sign not in _TONES).replace("u" + _UMLAUT, "v")
    return unicodedata.normalize("NFC", bare)


def _merged(syllable: str) -> str:
    for told, merged in _MERGED:
        syllable = syllable.replace(told, merged)
    return syllable[:-1] if syllable.endswith(("ing", "eng")) else syllable
