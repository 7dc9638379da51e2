"""How signs sound: one pinyin syllable each, without tone, from pypinyin's table of signs."""

import os
from collections.abc import Mapping
from functools import lru_cache

# Read at import: its dictionary of phrases takes 45 MB, and single signs are enough here.
os.environ.setdefault("PYPINYIN_NO_PHRASES", "true")

_MERGED = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("iang", "ian"), ("uang", "uan"))


def sounds(words: str, readings: Mapping[str, str]) -> tuple[str, ...]:
    """A syllable per sign, those merged that speakers often don't tell apart; `readings` tell how
    signs are read here where that differs."""
    return tuple(
        _merged(readings.get(sign, syllable))
        for sign, syllable in zip(words, _syllables(words), strict=True)
    )


@lru_cache(maxsize=16384)
def _syllables(words: str) -> tuple[str, ...]:
    from pypinyin import Style, lazy_pinyin  # 10 MB for those who hear places only

    return tuple(lazy_pinyin(list(words), style=Style.NORMAL))


def _merged(syllable: str) -> str:
    for told, merged in _MERGED:
        syllable = syllable.replace(told, merged)
    return syllable[:-1] if syllable.endswith(("ing", "eng")) else syllable
