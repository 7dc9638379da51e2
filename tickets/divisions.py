"""Administrative divisions (GB/T 2260, towns with three digits more) over four levels: 省市县乡.

A code tells its place by itself: 450103 lies in 4501, that in 45. Codes change; a division that is
no more names its successor.
"""

from collections.abc import Iterable
from datetime import date
from enum import IntEnum

from pydantic import BaseModel, ConfigDict, Field

CODE = r"^\d{6}(\d{3})?$"


class Level(IntEnum):
    """The four levels, the highest first."""

    PROVINCE = 1
    CITY = 2
    COUNTY = 3
    TOWN = 4


NAMES = {Level.PROVINCE: "省", Level.CITY: "市", Level.COUNTY: "县", Level.TOWN: "乡"}


class Division(BaseModel):
    """One division; `last` is the last day it was one, `successor` what it became part of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(pattern=CODE)
    name: str = Field(min_length=1, max_length=40)
    first: date | None = None
    last: date | None = None
    successor: str = Field(default="", pattern=r"^(\d{6}(\d{3})?)?$")


def level(code: str) -> Level:
    """The level of a code."""
    return {2: Level.PROVINCE, 4: Level.CITY, 6: Level.COUNTY}.get(len(stem(code)), Level.TOWN)


def stem(code: str) -> str:
    """The digits that say something: `4501` of 450100."""
    if len(code) > 6:
        return code
    while code.endswith("00"):
        code = code[:-2]
    return code


def covers(whole: str, part: str) -> bool:
    """Whether one division is the other or lies in it."""
    return bool(whole) and stem(part).startswith(stem(whole))


class Divisions:
    """The known divisions, by code."""

    def __init__(self, divisions: Iterable[Division]) -> None:
        self._known = {division.code: division for division in divisions}

    def __contains__(self, code: object) -> bool:
        return code in self._known

    def current(self, code: str, on: date) -> str:
        """The code that holds on a day for what had this one; unknown codes stay as they are."""
        seen: set[str] = set()
        while code not in seen:
            seen.add(code)
            known = self._known.get(code)
            if known is None or known.last is None or on <= known.last or not known.successor:
                break
            code = known.successor
        return code

    def name(self, code: str) -> str:
        """The name of a division, or of the next one around it that is known; the code else."""
        for known in (code, code[:6], f"{code[:4]}00", f"{code[:2]}0000"):
            if known in self._known:
                return self._known[known].name
        return code
