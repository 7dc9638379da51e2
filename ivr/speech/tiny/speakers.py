"""Speakers that nobody has heard: variants of the voice drawn at random, so that the network learns
words and not the few dozen throats espeak-ng comes with.

espeak-ng reads variants from its data folder only; ours is a folder of links to the real one, with
the drawn variants beside its own. Source: espeak-ng/docs/voices.md.
"""

import random
from collections.abc import Iterator
from pathlib import Path

COUNT = 160
"""espeak-ng knows 349 voices at most, its own hundred variants among them."""
_LANGUAGES = "sit"
"""Sino-Tibetan: the only languages that are linked."""
_FOLDERS = ("/usr/lib/*/espeak-ng-data", "/usr/share/espeak-ng-data", "/usr/lib/espeak-ng-data")


def installed() -> Path | None:
    """espeak-ng's data folder on this machine."""
    found = (folder for pattern in _FOLDERS for folder in sorted(Path("/").glob(pattern[1:])))
    return next(found, None)


def names() -> tuple[str, ...]:
    """The drawn variants."""
    return tuple(f"drawn{number:03}" for number in range(COUNT))


def draw(folder: Path, data: Path) -> None:
    """Make `folder/espeak-ng-data`: what `data` holds, and the drawn variants."""
    made = folder / "espeak-ng-data"
    variants, languages = made / "voices" / "!v", made / "lang"
    variants.mkdir(parents=True)
    languages.mkdir()
    _link(data, made, but=("voices", "lang"))
    _link(data / "voices" / "!v", variants)
    (languages / _LANGUAGES).symlink_to(data / "lang" / _LANGUAGES)
    chance = random.Random(12345)  # noqa: S311 - has to be the same every time
    for name in names():
        (variants / name).write_text("\n".join((f"name {name}", *_variant(chance))) + "\n")


def _link(source: Path, target: Path, *, but: tuple[str, ...] = ()) -> None:
    for entry in source.iterdir():
        if entry.name not in but:
            (target / entry.name).symlink_to(entry)


def _variant(chance: random.Random) -> Iterator[str]:
    """Lines of a variant: pitch, and per formant frequency, strength and width in percent."""
    low = chance.choice((chance.randint(60, 120), chance.randint(120, 260)))
    size = chance.uniform(0.88, 1.25)  # of the throat, all formants together
    yield "language variant"
    yield f"pitch {low} {round(low * chance.uniform(1.15, 1.7))}"
    yield f"flutter {chance.randint(0, 6)}"
    yield f"roughness {chance.randint(0, 4)}"
    yield f"voicing {chance.randint(35, 120)}"
    yield f"consonants {chance.randint(60, 120)} {chance.randint(50, 130)}"
    for number in range(9):
        frequency = 100 * size * chance.uniform(0.85, 1.18)
        strength, width = chance.randint(60, 165), chance.randint(75, 165)
        if number >= 3:
            strength = chance.randint(20, 160)
        yield f"formant {number} {frequency:.0f} {strength} {width}"
    if chance.random() < 0.3:
        yield f"echo {chance.randint(20, 200)} {chance.randint(5, 40)}"
    if chance.random() < 0.3:
        yield "breath " + " ".join(str(chance.randint(0, 6)) for _ in range(8))
    if chance.random() < 0.3:
        yield f"tone 600 {chance.randint(100, 200)} 1200 {chance.randint(60, 150)}"
