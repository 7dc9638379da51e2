"""What doesn't hang together in a roster, each fault with its place in the file. Pure.

Two rosters for one seat, shifts that overlap for one team or seat, and whoever isn't there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, timedelta
from itertools import pairwise

from queue_manager.duty import Plan, duties_of_day, plan_for, team_shifts
from queue_manager.model import Seat
from queue_manager.roster import DAY_MIN, REST, Roster, Rotation, Shift
from queue_manager.rule_faults import Fault, Place

_DAY = timedelta(days=1)


def roster_faults(roster: Roster, seats: Sequence[Seat] | None = None) -> tuple[Fault, ...]:
    """Everything wrong in a roster; with the tenant's seats also who of it isn't there."""
    found: list[Fault] = []
    for look in (_empty, _names, _memberships, _cycles, _exceptions):
        found += look(roster)
    if seats is not None:
        found += _with_seats(roster, seats)
    if not found:  # only names that are known can be followed
        found += _overlaps(roster, plan_for(roster, UTC, seats or ()))
    return tuple(found)


def _empty(roster: Roster) -> Iterator[Fault]:
    """Not left to pydantic, which counts a list whose only entry has a mistake as empty."""
    lists: list[tuple[Place, Sequence[object]]] = [
        (("shifts",), roster.shifts),
        (("rotations",), roster.rotations),
    ]
    for index, rotation in enumerate(roster.rotations):
        lists.append((("rotations", index, "cycle"), rotation.cycle))
        lists.append((("rotations", index, "teams"), rotation.teams))
    for place, entries in lists:
        if not entries:
            yield Fault(place, f"{place[-1]}: at least one is needed")


def _names(roster: Roster) -> Iterator[Fault]:
    yield from _twice("shift", ((s.id, ("shifts", i, "id")) for i, s in enumerate(roster.shifts)))
    if any(shift.id == REST for shift in roster.shifts):
        yield Fault(("shifts",), f"{REST!r} is the word for a day off: name the shift otherwise")
    rotations = enumerate(roster.rotations)
    yield from _twice("rotation", ((r.id, ("rotations", i, "id")) for i, r in rotations))
    yield from _twice("team", ((team, (*at, "id")) for team, at, _ in _teams(roster)))


def _memberships(roster: Roster) -> Iterator[Fault]:
    first: dict[str, str] = {}
    for team, at, seats in _teams(roster):
        for index, seat in enumerate(seats):
            if seat in first:
                where = "this team" if first[seat] == team else f"team {first[seat]!r}"
                reason = f"two rosters for seat {seat}: it is already in {where}"
                yield Fault((*at, "seats", index), reason)
            first.setdefault(seat, team)


def _cycles(roster: Roster) -> Iterator[Fault]:
    for index, rotation in enumerate(roster.rotations):
        for number, name in enumerate(rotation.cycle):
            if name != REST and roster.shift(name) is None:
                yield Fault(("rotations", index, "cycle", number), _unknown_shift(roster, name))
        yield from _cycle_overlaps(roster, rotation, ("rotations", index, "cycle"))


def _cycle_overlaps(roster: Roster, rotation: Rotation, at: Place) -> Iterator[Fault]:
    days = [roster.shift(name) for name in rotation.cycle]
    for number, (today, tomorrow) in enumerate(zip(days, days[1:] + days[:1], strict=True)):
        if today and tomorrow and today.end_min > tomorrow.begin_min + DAY_MIN:
            following = (number + 1) % len(days)
            yield Fault((*at, following), _overlap_reason(today, tomorrow, "a team"))


def _exceptions(roster: Roster) -> Iterator[Fault]:
    teams = roster.teams()
    for index, days in enumerate((*roster.holidays, *roster.leave)):
        if days.last is not None and days.last < days.first:
            holidays = len(roster.holidays)
            at: Place = ("holidays", index) if index < holidays else ("leave", index - holidays)
            yield Fault((*at, "last"), f"{days.last} is before the first day, {days.first}")
    for index, swap in enumerate(roster.swaps):
        at = ("swaps", index)
        pair = swap.teams or swap.seats
        if pair is None or (swap.teams and swap.seats):
            yield Fault(at, "write either `teams` or `seats`, two of them")
        elif pair[0] == pair[1]:
            yield Fault(at, f"{pair[0]} can't swap with itself")
        for number, team in enumerate(swap.teams or ()):
            if team not in teams:
                yield Fault((*at, "teams", number), _unknown_team(team, teams))
    for index, extra in enumerate(roster.extra):
        at = ("extra", index)
        if (extra.team is None) == (extra.seat is None):
            yield Fault(at, "write either `team` or `seat`")
        if roster.shift(extra.shift) is None:
            yield Fault((*at, "shift"), _unknown_shift(roster, extra.shift))
        if extra.team is not None and extra.team not in teams:
            yield Fault((*at, "team"), _unknown_team(extra.team, teams))


def _with_seats(roster: Roster, seats: Sequence[Seat]) -> Iterator[Fault]:
    known = {seat.seat_id: seat for seat in seats}
    teams = roster.teams()
    for team, at, named in _teams(roster):
        for index, seat_id in enumerate(named):
            seat = known.get(seat_id)
            if seat is None:
                yield Fault((*at, "seats", index), _unknown_seat(seat_id))
            elif seat.team not in ("", team):
                reason = f"two rosters for seat {seat_id}: it is set up in team {seat.team!r}"
                yield Fault((*at, "seats", index), reason)
    for seat in seats:
        if seat.team and seat.team not in teams:
            reason = f"seat {seat.seat_id} is set up in it: {_unknown_team(seat.team, teams)}"
            yield Fault(("rotations",), reason)
    for place, seat_id in _named_seats(roster):
        if seat_id not in known:
            yield Fault(place, _unknown_seat(seat_id))


def _overlaps(roster: Roster, plan: Plan) -> Iterator[Fault]:
    """Exceptions that give somebody two shifts at once."""
    for index, swap in enumerate(roster.swaps):
        yield from _clash(plan, swap.on, swap.teams or swap.seats or (), ("swaps", index))
    for index, extra in enumerate(roster.extra):
        who = (extra.team or extra.seat or "",)
        yield from _clash(plan, extra.on, who, ("extra", index))


def _clash(plan: Plan, on: date, who: Iterable[str], at: Place) -> Iterator[Fault]:
    wanted = set(who)
    spans = []
    for day in (on - _DAY, on, on + _DAY):
        for team, shifts in team_shifts(plan.roster, day).items():
            spans += [(team, *s.span(day, plan.zone), s) for s in shifts if team in wanted]
        turns = (d for d in duties_of_day(plan, day) if d.seat_id in wanted)
        spans += [(d.seat_id, d.begins, d.ends, d.shift) for d in turns]
    for (name, _, ends, shift), (following, begins, _, other) in pairwise(
        sorted(spans, key=lambda span: (span[0], span[1], span[2]))
    ):
        if name == following and begins < ends:
            yield Fault(at, _overlap_reason(shift, other, name))


def _teams(roster: Roster) -> Iterator[tuple[str, Place, tuple[str, ...]]]:
    for index, rotation in enumerate(roster.rotations):
        for number, team in enumerate(rotation.teams):
            yield team.id, ("rotations", index, "teams", number), team.seats


def _named_seats(roster: Roster) -> Iterator[tuple[Place, str]]:
    """The seats that exceptions name."""
    for index, leave in enumerate(roster.leave):
        yield ("leave", index, "seat"), leave.seat
    for index, swap in enumerate(roster.swaps):
        for number, seat in enumerate(swap.seats or ()):
            yield ("swaps", index, "seats", number), seat
    for index, extra in enumerate(roster.extra):
        if extra.seat is not None:
            yield ("extra", index, "seat"), extra.seat


def _twice(what: str, names: Iterable[tuple[str, Place]]) -> Iterator[Fault]:
    seen: set[str] = set()
    for name, place in names:
        if name in seen:
            yield Fault(place, f"{what} {name!r} is there twice")
        seen.add(name)


def _overlap_reason(one: Shift, other: Shift, who: str) -> str:
    return (
        f"shifts overlap: {who} would work {one.id} ({one.hours}) and then "
        f"{other.id} ({other.hours})"
    )


def _unknown_shift(roster: Roster, name: str) -> str:
    known = ", ".join(shift.id for shift in roster.shifts)
    return f"there is no shift {name!r} (there are {known}, and {REST})"


def _unknown_team(name: str, teams: Mapping[str, object]) -> str:
    return f"there is no team {name!r} (there are {', '.join(teams)})"


def _unknown_seat(seat_id: str) -> str:
    return f"there is no seat {seat_id!r}: hotline seats list names them"
