"""Rosters in the engine: used only when right, told once when somebody doesn't come."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hotline.rosters import Rosters
from ivr.rosters import EXAMPLE_ROSTER, RosterError
from ivr.tenants import Tenant
from queue_manager.duty import Counts, Presence
from queue_manager.errors import UnknownSeat
from queue_manager.model import Seat, SeatState, SeatView

SEATS = [Seat("default", f"{n}001", "", f"{n}001", {}, f"team_{n}") for n in range(1, 7)]
EIGHT = datetime(2026, 1, 1, 0, 0, tzinfo=UTC)
"""08:00 in Shanghai: team 1 begins."""


@dataclass
class Engine:
    """The time and the seats' states, a test's to change."""

    at: datetime = EIGHT
    states: dict[str, SeatView] = field(default_factory=dict)
    told: list[tuple[str, str, Callable[[], bool]]] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def seat(self, seat_id: str) -> SeatView:
        if seat_id not in self.states:
            raise UnknownSeat(seat_id)
        return self.states[seat_id]

    def not_come(self, seat_id: str, since: datetime, shift: str, over: Callable[[], bool]) -> None:
        self.told.append((seat_id, shift, over))

    def is_(self, seat: Seat, state: SeatState) -> None:
        self.states[seat.seat_id] = SeatView(seat, state, self.at)


@pytest.fixture
def engine() -> Engine:
    engine = Engine(EIGHT - timedelta(hours=1))
    for seat in SEATS:
        engine.is_(seat, SeatState.OFFLINE)
    engine.at = EIGHT
    return engine


def rosters(engine: Engine, file: Path | None = EXAMPLE_ROSTER) -> Rosters:
    tenant = Tenant(id="default", name="12345", roster_file=file)
    made = Rosters([tenant], {"default": engine}, engine)
    made.begin("default", SEATS)
    return made


def test_counts_follow_the_seats_and_the_time(engine: Engine) -> None:
    shown = rosters(engine)
    assert shown.counts("default") == Counts(due=1, missing=1)
    engine.is_(SEATS[0], SeatState.READY)
    assert shown.counts("default") == Counts(due=1, present=1)
    engine.at = EIGHT + timedelta(hours=6)
    view = shown.roster("default")
    assert view is not None
    assert [d.seat_id for d in view.seats] == ["2001"]
    assert [s.presence for s in view.found] == [Presence.MISSING]
    assert view.next_change == EIGHT + timedelta(hours=12)
    engine.at = EIGHT  # the clock was set back
    assert shown.counts("default") == Counts(due=1, present=1)


def test_another_time_is_told_without_presence_and_changes_nothing(engine: Engine) -> None:
    shown = rosters(engine)
    later = shown.roster("default", EIGHT + timedelta(hours=6))
    assert later is not None
    assert [d.team for d in later.teams] == ["team_2"]
    assert later.found == ()
    assert shown.counts("default") == Counts(due=1, missing=1)


def test_who_does_not_come_is_told_once_per_absence(engine: Engine) -> None:
    shown = rosters(engine)
    engine.at = EIGHT + timedelta(seconds=299)
    assert not shown.tell_overdue("default")
    engine.at = EIGHT + timedelta(seconds=300)
    with capture_logs() as logs:
        shown.tell_overdue("default")
        shown.tell_overdue("default")
    assert [(line["event"], line["seat"], line["shift"]) for line in logs] == [
        ("due_seat_missing", "1001", "early")
    ]
    ((seat_id, shift, over),) = engine.told
    assert (seat_id, shift, over()) == ("1001", "early", False)
    engine.is_(SEATS[0], SeatState.READY)
    assert over()
    assert not shown.tell_overdue("default")
    engine.at += timedelta(hours=1)
    engine.is_(SEATS[0], SeatState.OFFLINE)
    engine.at += timedelta(minutes=5)
    assert len(shown.tell_overdue("default")) == 1


def test_a_wrong_roster_is_refused_and_the_one_in_use_stays(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "roster.yaml"
    file.write_text(EXAMPLE_ROSTER.read_text("utf-8"), "utf-8")
    shown = rosters(engine, file)
    file.write_text(file.read_text("utf-8").replace("id: team_2", "id: team_1"), "utf-8")
    with pytest.raises(RosterError, match=r"roster.yaml:\d+:\d+: team 'team_1' is there twice"):
        shown.read("default", SEATS)
    assert shown.counts("default") == Counts(due=1, missing=1)
    with capture_logs() as logs:
        shown.begin("default", SEATS)
    assert logs[0]["event"] == "roster_not_used"
    view = shown.roster("default")
    assert view is not None
    assert "is there twice" in view.mistake
    assert len(view.seats) == 1


def test_an_engine_that_starts_with_a_wrong_roster_says_so_and_has_none(
    engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "roster.yaml").write_text("version: 1\n", "utf-8")
    shown = rosters(engine, tmp_path / "roster.yaml")
    view = shown.roster("default")
    assert view is not None
    assert "'shifts' is missing" in view.mistake
    assert shown.counts("default") is None


def test_a_tenant_without_a_roster_has_none(engine: Engine) -> None:
    shown = rosters(engine, None)
    assert shown.roster("default") is None
    assert shown.counts("default") is None
    assert not shown.tell_overdue("default")


def test_an_alert_is_over_with_the_shift_and_when_the_seat_is_due_no_longer(
    engine: Engine,
) -> None:
    shown = rosters(engine)
    engine.at = EIGHT + timedelta(minutes=10)
    shown.tell_overdue("default")
    ((_, _, over),) = engine.told
    assert not over()
    engine.at = EIGHT + timedelta(hours=6)
    assert over()
    engine.at = EIGHT + timedelta(minutes=10)
    shown.use("default", None, ())
    assert over()


def test_a_seat_that_is_not_set_up_any_more_is_missing_and_breaks_nothing(engine: Engine) -> None:
    del engine.states["1001"]
    assert rosters(engine).counts("default") == Counts(due=1, missing=1)
