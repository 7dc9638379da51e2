"""Seats that were set up with skills which the rules don't have any more. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from queue_manager.model import Seat

NAMED = 3


def unknown_skills(seats: Iterable[Seat], known: Collection[str]) -> Mapping[str, Sequence[str]]:
    """Each skill of a seat that isn't known, with the seats that have it: no caller is ever given
    to one of them for that skill."""
    found: dict[str, list[str]] = {}
    for seat in seats:
        for skill in seat.skills:
            if skill not in known:
                found.setdefault(skill, []).append(seat.seat_id)
    return found


def spelled(found: Mapping[str, Sequence[str]]) -> str:
    """In words: `lang:xx (seats 1001, 1002)`, the first few seats of each."""
    return "; ".join(
        f"{skill} (seats {', '.join(seats[:NAMED])}"
        + (f" and {len(seats) - NAMED} more)" if len(seats) > NAMED else ")")
        for skill, seats in sorted(found.items())
    )
