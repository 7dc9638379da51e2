"""Who should get a ticket: lead and co-units by classification and place, each with its reasons.

A suggestion, never a decision: the reviewer dispatches. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from tickets.divisions import NAMES, covers, level, stem
from tickets.units import Unit, UnitsFile

MOST = 5


class Route(StrEnum):
    """Which platform's matter it is: ours, the province's (other cities' too), a city's of ours."""

    HERE = "here"
    PROVINCE = "province"
    CITY = "city"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of a matter: the class leaf and the office it hints at, the division it lies in
    ("" unknown), the unit of the line it came in by."""

    class_code: str = ""
    office: str = ""
    division: str = ""
    line_unit: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit and why it; the weightiest reason first."""

    unit: str
    name: str
    reasons: tuple[str, ...]
    score: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Lead units, best first (none: nobody fits), co-units, and the platform with its reason.

    `platform` is the division of the platform it belongs to.
    """

    route: Route
    platform: str
    why: str
    leads: tuple[Candidate, ...]
    co_units: tuple[Candidate, ...]


def suggest(file: UnitsFile, asked: Asked, today: date) -> Suggestion:
    """Lead and co-units for a matter, and whose it is."""
    place = file.map.current(asked.division, today) if asked.division else ""
    outside = bool(place) and not covers(file.home, place) and not covers(place, file.home)
    if outside:
        where = file.map.name(place)
        why = f"事发地{where}不在{file.map.name(file.home)}辖区，报上级平台转办"
        return Suggestion(Route.PROVINCE, f"{file.home[:2]}0000", why, (), ())
    leads = sorted(_leads(file, asked, place), key=lambda found: (-found.score, found.unit))
    helping = [
        Candidate(unit.id, unit.name, (f"协办：{asked.class_code}类事项由其配合",), len(code))
        for unit in file.units
        if (code := _longest(unit.helps, asked.class_code)) and _responsible(file, unit, place)
    ]
    chosen = {leads[0].unit} if leads else set()
    co_units = [one for one in helping if one.unit not in chosen]
    co_units.sort(key=lambda found: (-found.score, found.unit))
    route, platform, why = _route(file, leads[0] if leads else None, place)
    return Suggestion(route, platform, why, tuple(leads[:MOST]), tuple(co_units[:MOST]))


def _leads(file: UnitsFile, asked: Asked, place: str) -> Iterator[Candidate]:
    """Units that fit: by class code, by the office the class names, by the line. What lies lower
    goes before what lies above it (属地管理)."""
    for unit in file.units:
        if not _responsible(file, unit, place):
            continue
        reasons: list[str] = []
        score = 0
        if code := _longest(unit.classes, asked.class_code):
            reasons.append(f"职责：负责{code}类事项")
            score += 100 * len(code)
        if asked.office and unit.office == asked.office:
            reasons.append(f"分类：该类事项的承办单位为{asked.office}")
            score += 500
        if asked.line_unit and asked.line_unit in (unit.office, *unit.lines):
            reasons.append(f"来话：由{asked.line_unit}的号码打入")
            score += 50
        if not reasons:
            continue
        where = file.division_of(unit)
        if place:
            reasons.append(f"属地：{file.map.name(where)}（{NAMES[level(where)]}级）管辖事发地")
            score += len(stem(where))
        else:
            reasons.append(f"地点不详：先由{file.map.name(where)}承办")
        yield Candidate(unit.id, unit.name, tuple(reasons), score)


def _responsible(file: UnitsFile, unit: Unit, place: str) -> bool:
    """Whether a unit's word counts at a place; nobody below the platform for an unknown one."""
    where = file.division_of(unit)
    return covers(where, place or file.home)


def _route(file: UnitsFile, lead: Candidate | None, place: str) -> tuple[Route, str, str]:
    home = file.map.name(file.home)
    if lead is None:
        return Route.HERE, file.home, f"没有单位的职责与之相符，由{home}平台人工派单"
    where = file.division_of(file.by_id[lead.unit])
    if where != file.home and covers(where, file.home):
        return Route.PROVINCE, where, f"{lead.name}为{file.map.name(where)}单位，报上级平台办理"
    city = f"{where[:4]}00"
    if level(file.home) < level(city) <= level(where) and stem(city) != stem(file.home):
        return Route.CITY, city, f"属{file.map.name(city)}事项，交{file.map.name(city)}平台办理"
    return Route.HERE, file.home, f"属{home}事项，由{home}平台派单"


def _longest(beginnings: tuple[str, ...], code: str) -> str:
    return max((b for b in beginnings if code and code.startswith(b)), key=len, default="")
