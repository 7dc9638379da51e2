"""Roster files: the shipped one, and every mistake told with file, line and reason."""

from pathlib import Path

import pytest

from ivr.rosters import EXAMPLE_ROSTER, RosterError, read_roster
from queue_manager.model import Seat

GOOD = """\
version: 1
shifts:
  - {id: day, name: 白班, name_en: Day, hours: "08:00-20:00"}
  - {id: night, name: 夜班, name_en: Night, hours: "20:00-08:00"}
rotations:
  - id: two
    starts: 2026-01-01
    cycle: [day, night, rest]
    teams:
      - {id: a, name: 甲班, name_en: A, seats: ["1001", "1002"]}
      - {id: b, name: 乙班, name_en: B, seats: ["1003"]}
      - {id: c, name: 丙班, name_en: C}
leave:
  - {seat: "1001", first: 2026-02-01}
swaps:
  - {on: 2026-02-02, teams: [a, b]}
extra:
  - {on: 2026-02-03, shift: day, seat: "1003"}
"""


def seat(seat_id: str, team: str = "") -> Seat:
    return Seat("default", seat_id, seat_id, seat_id, {}, team)


SEATS = [seat("1001"), seat("1002", "a"), seat("1003"), seat("1004", "c"), seat("1005")]


def refused(tmp_path: Path, text: str, seats: list[Seat] | None = None) -> list[str]:
    file = tmp_path / "roster.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(RosterError) as caught:
        read_roster(file, seats)
    return [str(mistake).removeprefix(f"{file}:") for mistake in caught.value.mistakes]


def test_the_shipped_roster_and_this_one_have_no_mistake(tmp_path: Path) -> None:
    roster = read_roster(EXAMPLE_ROSTER)
    assert [len(roster.shifts), len(roster.rotations[0].teams)] == [4, 6]
    file = tmp_path / "roster.yaml"
    file.write_text(GOOD, "utf-8")
    assert read_roster(file, SEATS).grace_s == 300


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        (
            '["1003"]',
            '["1003", "1001"]',
            11,
            "two rosters for seat 1001: it is already in team",
        ),
        ('["1003"]', '["1003", "1003"]', 11, "two rosters for seat 1003: it is already in this"),
        ("{id: c,", "{id: b,", 12, "team 'b' is there twice"),
        ("{id: night,", "{id: day,", 4, "shift 'day' is there twice"),
        ("{id: night,", "{id: rest,", 3, "'rest' is the word for a day off"),
        ("cycle: [day, night", "cycle: [day, nihgt", 8, "there is no shift 'nihgt' (there are day"),
        ("cycle: [day, night, rest]", "cycle: []", 8, "cycle: at least one is needed"),
        ('"20:00-08:00"', '"20:00-25:00"', 4, "'20:00-25:00' are no hours: write"),
        ('"20:00-08:00"', '"8-20"', 4, "'8-20' are no hours"),
        ("teams: [a, b]", "teams: [a, x]", 16, "there is no team 'x' (there are a, b, c)"),
        ("teams: [a, b]", "teams: [a, a]", 16, "a can't swap with itself"),
        (", teams: [a, b]}", "}", 16, "write either `teams` or `seats`"),
        ("shift: day, seat", "shift: dya, seat", 18, "there is no shift 'dya'"),
        (', seat: "1003"}', "}", 18, "write either `team` or `seat`"),
        (', seat: "1003"}', ", team: x}", 18, "there is no team 'x'"),
        ("first: 2026-02-01", "first: 2026-02-01, last: 2026-01-01", 14, "before the first day"),
        ("first: 2026-02-01", "first: soon", 14, "date"),
        ("starts: 2026-01-01", "begins: 2026-01-01", 7, "there is no field 'begins' here"),
        ("version: 1", "version: 2", 1, "input should be 1"),
        ('"1002"]', '"1002"', 10, "is not YAML"),
        ('"1002"]', '"10 02"]', 10, "string should match"),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, reason: str
) -> None:
    assert old in GOOD
    told = refused(tmp_path, GOOD.replace(old, new))
    assert any(t.startswith(f"{line}:") and reason in t for t in told), told


def test_shifts_of_a_cycle_may_touch_but_not_overlap(tmp_path: Path) -> None:
    touching = GOOD.partition("extra:")[0].replace("[day, night, rest]", "[night, day, rest]")
    (tmp_path / "touching.yaml").write_text(touching, "utf-8")
    assert read_roster(tmp_path / "touching.yaml").rotations
    (told,) = refused(tmp_path, touching.replace('"20:00-08:00"', '"20:00-08:01"'))
    assert told.startswith("8:")
    assert "shifts overlap: a team would work night (20:00-08:01) and then day" in told


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("on: 2026-02-03, shift: day", "on: 2026-01-02, shift: night", 18, "1003 would work night"),
        ("on: 2026-02-03, shift: day", "on: 2026-01-03, shift: day", 18, "1003 would work day"),
        ("on: 2026-02-02", "on: 2026-01-02", 16, "b would work night (20:00-08:30) and then day"),
        ("teams: [a, b]", 'seats: ["1001", "1003"]', 16, ""),
    ],
)
def test_exceptions_that_give_somebody_two_shifts_at_once_are_refused(
    tmp_path: Path, old: str, new: str, line: int, reason: str
) -> None:
    """Team b rests on 2 January 2026 and has the day shift on the 3rd; team a has the night."""
    text = GOOD.replace('"20:00-08:00"', '"20:00-08:30"').replace(old, new)
    if not reason:
        text = text.replace("on: 2026-02-02", "on: 2026-01-02")
        reason = "1003 would work night"
    told = refused(tmp_path, text)
    assert any(t.startswith(f"{line}:") and f"shifts overlap: {reason}" in t for t in told), told


def test_seats_that_are_not_there_or_elsewhere_are_refused_against_the_seats(
    tmp_path: Path,
) -> None:
    told = refused(tmp_path, GOOD, [seat("1001"), seat("1002", "b"), seat("1009", "z")])
    assert any(t.startswith("11:") and "there is no seat '1003'" in t for t in told)
    assert any(t.startswith("18:") and "there is no seat '1003'" in t for t in told)
    assert any(
        t.startswith("10:") and "two rosters for seat 1002: it is set up in team 'b'" in t
        for t in told
    )
    assert any("seat 1009 is set up in it: there is no team 'z'" in t for t in told)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RosterError, match="can't be read"):
        read_roster(tmp_path / "none.yaml")
