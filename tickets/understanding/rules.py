"""The data files as rules: places, classes, kinds and danger words. Files of an installation of its
own have the same names and form; a mistake in one is told with the file and what is wrong."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from tickets.understanding.classes import ClassTree
from tickets.understanding.danger import DangerWords
from tickets.understanding.kinds import KindWords
from tickets.understanding.places import Place, PlaceList

DATA = Path(__file__).parent / "data"


class RulesError(ValueError):
    """A data file can't be used; the text tells which and why."""

    id = "understanding-rules"


@dataclass(frozen=True, slots=True)
class Rules:
    """All that `understand` knows of one city."""

    places: PlaceList
    classes: ClassTree
    kinds: KindWords
    danger: DangerWords
    area_code: str
    city: str


@lru_cache(maxsize=8)
def load_rules(folder: Path = DATA) -> Rules:
    """The rules of a folder with places, classes, kinds and danger .yaml; raises `RulesError`."""
    place_data = _read(folder / "places.yaml")
    try:
        return Rules(
            places=_places(place_data),
            classes=ClassTree(_read(folder / "classes.yaml")["domains"]),
            kinds=KindWords(_read(folder / "kinds.yaml"), _lines(folder / "told.txt")),
            danger=DangerWords(_read(folder / "danger.yaml")),
            area_code=str(place_data["city"].get("area_code", "")),
            city=str(place_data["city"]["code"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError, re.error) as error:
        raise RulesError(f"{folder}: {type(error).__name__}: {error}") from error


def _read(path: Path) -> Any:
    try:
        # C's safe loader is ten times as fast as the pure one, and as safe
        return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise RulesError(f"{path}: {error}") from error


def _lines(path: Path) -> list[str]:
    """The lines of a file that may be missing."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeError) as error:
        raise RulesError(f"{path}: {error}") from error


def _places(data: Mapping[str, Any]) -> PlaceList:
    city = str(data["city"]["code"])
    places = [_entry(data["city"], "city", city, city)]
    for district in data["districts"]:
        code = str(district["code"])
        places.append(_entry(district, "district", code, code))
        for short, street in district.get("streets", {}).items():
            name, *others = [street] if isinstance(street, str) else street
            places.append((Place(name, "street", code + str(short), code), tuple(others)))
    for level, group in (
        ("road", "roads"),
        ("community", "communities"),
        ("landmark", "landmarks"),
    ):
        for code, entries in data.get(group, {}).items():
            places.extend(
                _entry({"name": one} if isinstance(one, str) else one, level, code or city, code)
                for one in entries
            )
    return PlaceList(places, city, data.get("readings", {}))


def _entry(
    data: Mapping[str, Any], level: str, division: str, district: str
) -> tuple[Place, tuple[str, ...]]:
    return Place(data["name"], level, division, district), tuple(data.get("aliases", ()))
