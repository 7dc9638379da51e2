"""A forecast made of past days: who called when, how long they talked, when they gave up. Pure.

Callers of several lines who need the same are one kind. Patience is total waiting over the number
of those who gave up: the maximum likelihood for an exponential patience that answers cut short.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ivr.lines import Line
from queue_manager.model import Requirement, Seat
from queue_manager.rules import LANGUAGE, Rules
from storage.past_calls import PastCalls

TALK_S = 180.0
"""Assumed where nobody has talked yet."""
LANGUAGE_SURCHARGE = 0.15
"""What a further language makes a seat dearer by, for want of wages: to be written by hand."""


@dataclass(slots=True)
class _Kind:
    needs: Requirement
    lines: list[str]
    offered: int = 0
    abandoned: int = 0
    talks: int = 0
    talk_s: float = 0.0
    wait_s: float = 0.0


def forecast_of(
    past: Sequence[PastCalls],
    days: int,
    interval_min: int,
    lines: Mapping[str, Line],
    rules: Rules,
    seats: Sequence[Seat],
    wrap_up_s: float,
) -> dict[str, Any]:
    """The mean of these days as a forecast's plain data, for YAML. Calls of lines that are no more
    are left out."""
    kinds: dict[str, _Kind] = {}
    calls: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in past:
        line = lines.get(row.line_id)
        if line is None:
            continue
        needs = line.needed(row.language)
        kind = kinds.setdefault(str(needs), _Kind(needs, []))
        if line.name not in kind.lines:
            kind.lines.append(line.name)
        kind.offered += row.offered
        kind.abandoned += row.abandoned
        kind.talks += row.talks
        kind.talk_s += row.talk_s
        kind.wait_s += row.wait_s
        minute = row.begins.hour * 60 + row.begins.minute
        calls[minute // interval_min * interval_min][str(needs)] += row.offered
    order = sorted(kinds, key=lambda needs: -kinds[needs].offered)
    names = {needs: f"kind_{number}" for number, needs in enumerate(order, 1)}
    return {
        "version": 1,
        "interval_min": interval_min,
        "target": {"share": 0.8, "within_s": 15, "connection": 0.95},
        "profiles": _profiles(seats, rules),
        "kinds": [_kind(names[needs], kinds[needs], rules, wrap_up_s) for needs in order],
        "forecast": [
            {
                "from": f"{begin // 60:02}:{begin % 60:02}",
                "calls": {names[n]: round(counted[n] / days, 3) for n in order if counted[n]},
            }
            for begin, counted in sorted(calls.items())
        ],
    }


def _kind(name: str, kind: _Kind, rules: Rules, wrap_up_s: float) -> dict[str, Any]:
    spoken = [rules.skills[n.skill] for n in kind.needs.needs() if n.skill in rules.skills]
    told: dict[str, Any] = {
        "id": name,
        "name": "、".join(skill.name for skill in spoken)[:60] or name,
        "name_en": ", ".join(skill.name_en for skill in spoken)[:60] or name,
        "needs": str(kind.needs),
        "talk_s": round(kind.talk_s / kind.talks, 1) if kind.talk_s else TALK_S,
        "wrap_up_s": wrap_up_s,
    }
    if kind.abandoned and kind.wait_s:
        told["patience_s"] = round(min(kind.wait_s / kind.abandoned, 86_400.0), 1)
    return told


def _profiles(seats: Sequence[Seat], rules: Rules) -> list[dict[str, Any]]:
    """The kinds of seats that are set up, the most frequent first."""
    alike: dict[tuple[tuple[str, int], ...], int] = defaultdict(int)
    for seat in seats:
        alike[tuple(sorted(seat.skills.items()))] += 1
    profiles = []
    for number, skills in enumerate(sorted(alike, key=lambda s: -alike[s]), 1):
        named = [rules.skills[skill] for skill, _ in skills if skill in rules.skills]
        spoken = sum(skill.startswith((LANGUAGE, "sign:")) for skill, _ in skills)
        profiles.append(
            {
                "id": f"seat_{number}",
                "name": "、".join(skill.name for skill in named)[:60] or f"seat_{number}",
                "name_en": ", ".join(skill.name_en for skill in named)[:60] or f"seat_{number}",
                "cost": round(1 + LANGUAGE_SURCHARGE * max(spoken - 1, 0), 2),
                "skills": dict(skills),
            }
        )
    return profiles
