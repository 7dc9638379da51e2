"""Where it is: names of the place list in a text, also misheard or misspelt ones.

Exact names first, the longest at each place. Then names that sound alike (有爱路 for 友爱路), by
pinyin without tones in which the pairs that speakers here don't tell apart are one (zh and z, in
and ing). Last, near misses by edit distance. What sounds like no name of the list is left alone.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from rapidfuzz import fuzz, process

from tickets.understanding.lexicon import Lexicon
from tickets.understanding.model import FoundPlace
from tickets.understanding.plain import Plain
from tickets.understanding.sounds import sounds

FINEST = ("landmark", "community", "road", "street", "district", "city")
"""Levels from the finest: what is said first of the finest is the place."""

_ENDS = re.compile(r"大道|街道|社区|小区|公园|广场|[路街镇乡村区县苑]")
_DETAIL = re.compile(
    r"(?:(?:[零〇一二三四五六七八九十百幺两]|\d)+(?:号楼|号|栋|幢|单元|楼|层|室|弄|巷|组|队|区|期)|[东西南北]门)+"
    r"(?:(?:[零〇一二三四五六七八九十百幺两]|\d){2,4}(?:房|室)?)?"
)
_MOST_ENDS = 100
"""Ends of names that are listened to in one text; exact names are found in all of it."""

_NEAR = 92.0
"""rapidfuzz ratio from which a spelling of the same number of syllables is a near miss."""


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the list; `division` is the code of the finest division it lies in."""

    name: str
    level: str
    division: str
    district: str


class PlaceList:
    """All places of a city, ready to be looked for."""

    def __init__(
        self,
        places: Iterable[tuple[Place, tuple[str, ...]]],
        city: str,
        readings: Mapping[str, str],
    ) -> None:
        self._readings = dict(readings)
        entries = [(said, place) for place, names in places for said in (place.name, *names)]
        self._city = city
        self._homes: dict[str, tuple[Place, ...]] = {}
        for said, place in entries:
            self._homes[said] = (*self._homes.get(said, ()), place)
        self._lexicon = Lexicon((said, said) for said, _ in entries)
        self._sounds = {
            sounds(said, self._readings): said
            for said in self._homes
            if len(said) > 2 and _ENDS.search(said[-2:])
        }
        self._spelt = {" ".join(sound): sound for sound in self._sounds}

    def find(self, text: Plain) -> tuple[FoundPlace, ...]:
        """Every place said, the finest first, among equals the first said."""
        exact = [(f.start, f.end, f.word, 1.0) for f in self._lexicon.longest(text.text)]
        taken = [(start, end) for start, end, _, _ in exact]
        found = exact + list(self._alike(text.text, taken))
        said = {
            place.district
            for *_, name, _ in found
            for place in self._homes[name]
            if place.level == "district"
        }
        places = {place.name: place for place in (self._place(text, *one, said) for one in found)}
        return tuple(
            sorted(places.values(), key=lambda place: (FINEST.index(place.level), place.start))
        )

    def _place(
        self, text: Plain, start: int, end: int, name: str, score: float, districts: set[str]
    ) -> FoundPlace:
        homes = self._homes[name]
        place = next((home for home in homes if home.district in districts), homes[0])
        # a road through several districts lies in the one that was said
        division = place.division
        if place.level in ("road", "community", "landmark") and division == self._city:
            division = min(districts) if len(districts) == 1 else division
        detail = _DETAIL.match(text.text, end)
        hit = text.hit(start, end)
        score = score if name == place.name else min(score, 0.95)
        said = detail.group() if detail else ""
        return FoundPlace(
            place.name, place.level, division, said, score, hit.words, hit.start, hit.end
        )

    def _alike(
        self, text: str, taken: list[tuple[int, int]]
    ) -> Iterator[tuple[int, int, str, float]]:
        """Names that sound like a stretch of the text which ends as the name does."""
        for match in islice(_ENDS.finditer(text), _MOST_ENDS):
            for start in range(max(0, match.end() - 6), match.end() - 2):
                if any(start < ended and begun < match.end() for begun, ended in taken):
                    continue
                alike = self._sounds_like(text[start : match.end()])
                if alike is not None:
                    taken.append((start, match.end()))
                    yield start, match.end(), *alike
                    break

    def _sounds_like(self, said: str) -> tuple[str, float] | None:
        if not all("\u4e00" <= sign <= "\u9fff" for sign in said):
            return None
        sound = sounds(said, self._readings)
        name = self._sounds.get(sound)
        if name is not None and name[-1] == said[-1]:
            return name, 0.9
        near = process.extractOne(
            " ".join(sound), self._spelt.keys(), scorer=fuzz.ratio, score_cutoff=_NEAR
        )
        if near is None or len(self._spelt[near[0]]) != len(sound):
            return None
        name = self._sounds[self._spelt[near[0]]]
        return (name, near[1] / 100 - 0.15) if name[-1] == said[-1] else None
