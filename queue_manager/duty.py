"""Who is due by the shift roster, and who of them is present, paused or missing. Pure.

The time comes in as an argument, aware; days are those of the tenant's zone.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum

from queue_manager.model import Seat, SeatState, SeatView
from queue_manager.roster import OnHolidays, Roster, Shift

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Duty:
    """A seat's turn: due from `begins` until just before `ends`, with its team's shift or, by an
    exception, another's."""

    seat_id: str
    team: str
    shift: Shift
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class TeamDuty:
    """A team's turn, whatever its single seats have swapped."""

    team: str
    shift: Shift
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """A roster with the seats it is for: `members` tells each seat's team."""

    roster: Roster
    zone: tzinfo
    members: Mapping[str, str] = field(default_factory=dict)


class Presence(StrEnum):
    """What a due seat is found to be.

    PRESENT: its phone is registered and it takes calls, talks, or is about to. PAUSED: it has been
    at work in this shift and has paused. MISSING: its phone isn't there, or it has been paused
    since before the shift, as a seat is whose phone stays registered when its agent goes home.
    """

    PRESENT = "present"
    PAUSED = "paused"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Attendance:
    """A due seat as it is found; `since` when, never before the shift began."""

    duty: Duty
    presence: Presence
    since: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """How many seats are due, and how many of them are what: due is the sum of the others."""

    due: int = 0
    present: int = 0
    paused: int = 0
    missing: int = 0


def plan_for(roster: Roster, zone: tzinfo, seats: Iterable[Seat]) -> Plan:
    """The roster with these seats in their teams: those its teams list, and those that name one.

    Seats of no team, or of one that isn't there, are never due.
    """
    teams = roster.teams()
    members = {seat_id: team.id for team in teams.values() for seat_id in team.seats}
    for seat in seats:
        if seat.team in teams:
            members.setdefault(seat.seat_id, seat.team)
    return Plan(roster, zone, members)


def due(plan: Plan, at: datetime) -> tuple[Duty, ...]:
    """Every seat's turn that runs at this moment, by shift and seat."""
    days = _days_around(plan, at)
    found = (d for day in days for d in duties_of_day(plan, day) if d.begins <= at < d.ends)
    return tuple(sorted(found, key=lambda d: (d.begins, d.shift.id, d.seat_id)))


def due_teams(plan: Plan, at: datetime) -> tuple[TeamDuty, ...]:
    """The teams at work at this moment, teams without seats too."""
    found: list[TeamDuty] = []
    for day in _days_around(plan, at):
        for team, shifts in team_shifts(plan.roster, day).items():
            for shift in shifts:
                begins, ends = shift.span(day, plan.zone)
                if begins <= at < ends:
                    found.append(TeamDuty(team, shift, begins, ends))
    return tuple(sorted(found, key=lambda d: (d.begins, d.shift.id, d.team)))


def next_change(plan: Plan, at: datetime) -> datetime:
    """When `due` may next be another: the next begin or end of any shift, a day at most."""
    zone_day = at.astimezone(plan.zone).date()
    edges = [
        edge
        for offset in (-1, 0, 1)
        for shift in plan.roster.shifts
        for edge in shift.span(zone_day + offset * _DAY, plan.zone)
        if edge > at
    ]
    return min(edges, default=at + _DAY)


def attendance(
    duties: Sequence[Duty], views: Iterable[SeatView], at: datetime
) -> tuple[Attendance, ...]:
    """What each of the due seats is, as its view shows it; one without a view is missing."""
    by_seat = {view.seat.seat_id: view for view in views}
    return tuple(attended(duty, by_seat.get(duty.seat_id), at) for duty in duties)


def missing(plan: Plan, views: Iterable[SeatView], at: datetime) -> tuple[Attendance, ...]:
    """The due seats that aren't there, and since when."""
    found = attendance(due(plan, at), views, at)
    return tuple(seat for seat in found if seat.presence is Presence.MISSING)


def overdue(seat: Attendance, at: datetime, grace_s: float) -> bool:
    """Whether a seat has been missing for longer than it may."""
    return seat.presence is Presence.MISSING and (at - seat.since).total_seconds() >= grace_s


def counted(found: Iterable[Attendance]) -> Counts:
    """The numbers of a wallboard."""
    kinds = [seat.presence for seat in found]
    return Counts(len(kinds), *(kinds.count(presence) for presence in Presence))


def team_shifts(roster: Roster, day: date) -> dict[str, tuple[Shift, ...]]:
    """The shifts that begin on a day, by team: its place in the cycle, swaps and extra work."""
    holiday = any(holiday.has(day) for holiday in roster.holidays)
    found: dict[str, tuple[Shift, ...]] = {}
    for rotation in roster.rotations:
        rests = holiday and rotation.holidays is OnHolidays.REST
        for number, team in enumerate(rotation.teams):
            shift = None if rests else roster.shift(rotation.place(number, day))
            found[team.id] = (shift,) if shift else ()
    for swap in roster.swaps:
        if swap.on == day and swap.teams:
            one, other = swap.teams
            found[one], found[other] = found.get(other, ()), found.get(one, ())
    for extra in roster.extra:
        if extra.on == day and extra.team and (shift := roster.shift(extra.shift)):
            found[extra.team] = (*found.get(extra.team, ()), shift)
    return found


def duties_of_day(plan: Plan, day: date) -> Iterator[Duty]:
    """Every seat's turns that begin on a day."""
    roster = plan.roster
    by_team = team_shifts(roster, day)
    by_seat = {seat_id: by_team.get(team, ()) for seat_id, team in plan.members.items()}
    for swap in roster.swaps:
        if swap.on == day and swap.seats:
            one, other = swap.seats
            by_seat[one], by_seat[other] = by_seat.get(other, ()), by_seat.get(one, ())
    for extra in roster.extra:
        if extra.on == day and extra.seat and (shift := roster.shift(extra.shift)):
            by_seat[extra.seat] = (*by_seat.get(extra.seat, ()), shift)
    away = {leave.seat for leave in roster.leave if leave.has(day)}
    for seat_id, shifts in by_seat.items():
        for shift in shifts if seat_id not in away else ():
            begins, ends = shift.span(day, plan.zone)
            yield Duty(seat_id, plan.members.get(seat_id, ""), shift, begins, ends)


def attended(duty: Duty, view: SeatView | None, at: datetime) -> Attendance:
    """What a due seat is, as its view shows it; one without a view is missing."""
    if view is None:
        return Attendance(duty, Presence.MISSING, duty.begins)
    since = min(max(view.since, duty.begins), at)
    match view.state:
        case SeatState.OFFLINE:
            presence = Presence.MISSING
        case SeatState.PAUSED:
            presence = Presence.PAUSED if view.since > duty.begins else Presence.MISSING
        case _:
            presence = Presence.PRESENT
    return Attendance(duty, presence, since)


def _days_around(plan: Plan, at: datetime) -> tuple[date, date]:
    """The day itself, and the one before: its shifts may end on this one."""
    day = at.astimezone(plan.zone).date()
    return day - _DAY, day
