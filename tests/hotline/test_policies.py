"""Policies, calendars and units as files: shipped ones, mistakes by line, due dates in words."""

import json
from pathlib import Path

import pytest

from hotline.policies import PRESETS, PolicyError, RuleBook, preset_path, presets, read_policy
from hotline.unit_files import UNITS, UnitsError, read_units
from ivr.tenants import Tenant
from tests.hotline.command import hotline
from tickets.effects import ClockName
from tickets.model import Kind
from tickets.policy import AlwaysOn, Complexity, Matter
from tickets.rulings import extensions_of
from tickets.understanding.rules import load_rules

GUANGXI = (PRESETS / "guangxi.yaml").read_text("utf-8")
DAYS = {
    "guangxi": (2, 3, 5, 10, 10),
    "baoji": (2, 3, 10, 10, 10),
    "shandong": (5, 5, 5, 5, 5),
    "guangdong": (2, 10, 10, 15, 15),
    "shanghai": (5, 5, 5, 5, 5),
}
KINDS = (Kind.CONSULTATION, Kind.HELP, Kind.SUGGESTION, Kind.COMPLAINT, Kind.REPORT)


@pytest.mark.parametrize("name", sorted(DAYS))
def test_the_shipped_limits_are_the_published_ones(name: str) -> None:
    policy = read_policy(preset_path(name))
    found = [policy.limit(ClockName.FINISH, Matter(kind)) for kind in KINDS]
    assert tuple(length.amount for length in found if length) == DAYS[name]
    assert str(policy.limit(ClockName.SIGN, Matter())) == "1 working day"
    assert str(policy.limit(ClockName.SIGN, Matter(always=AlwaysOn.DANGER))) == "15 minutes"
    assert str(policy.limit(ClockName.SIGN, Matter(always=AlwaysOn.UTILITIES))) == "30 minutes"


def test_all_presets_are_known() -> None:
    assert presets() == sorted(DAYS)


def test_who_may_be_extended() -> None:
    guangxi, baoji = (read_policy(preset_path(name)) for name in ("guangxi", "baoji"))
    assert extensions_of(guangxi, Matter(Kind.CONSULTATION))[0] == 0
    assert extensions_of(guangxi, Matter(Kind.HELP)) == (1, 5)
    assert extensions_of(baoji, Matter(Kind.HELP, complexity=Complexity.COMPLEX))[0] == 0
    assert extensions_of(baoji, Matter(Kind.HELP, complexity=Complexity.SPECIAL)) == (1, 5)


@pytest.mark.parametrize(
    ("wrong", "right", "line", "reason"),
    [
        ("sign: 1 working day", "sign: soon", 9, "is no length of time"),
        ("limit: 3 working days", "limit: 999 working days", 12, "from 1 to 260"),
        ("kinds: [help]", "kinds: [helpp]", 12, "kinds"),
        ("supervised_from_round: 2", "supervised_from: 2", 27, "no field"),
        ("  - {limit: 5 working days}\n", "", 11, "must fit every ticket"),
        ("  other: 1 working day\n", "  NOWHERE: 1 working day\n", 17, "`other`"),
        ("  DRAFT: 10 minutes", "  DRAFTY: 10 minutes", 17, "no state 'DRAFTY'"),
        ("before: 4 working hours", "after: 4 working hours", 41, "comes before"),
        ("urgent: 50", "urgent: 500", 23, "1 to 100"),
    ],
)
def test_a_mistake_is_named_by_its_line(
    tmp_path: Path, wrong: str, right: str, line: int, reason: str
) -> None:
    assert wrong in GUANGXI
    file = tmp_path / "policy.yaml"
    file.write_text(GUANGXI.replace(wrong, right, 1), "utf-8")
    with pytest.raises(PolicyError) as caught:
        read_policy(file)
    mistake = caught.value.mistakes[0]
    assert reason in str(caught.value)
    assert (mistake.file, mistake.line) == (str(file), line)


def test_an_unknown_preset_is_told_with_those_there_are() -> None:
    with pytest.raises(PolicyError, match="baoji, guangdong"):
        RuleBook.read([Tenant(id="x", name="x", policy="mars")])


def test_units_without_one_of_the_four_are_named_by_line(tmp_path: Path) -> None:
    file = tmp_path / "units.yaml"
    file.write_text(UNITS.read_text("utf-8").replace("computer: 终端8001, ", "", 1), "utf-8")
    with pytest.raises(UnitsError, match=r"units\.yaml:\d+:\d+: .*'computer' is missing"):
        read_units(file)


def test_every_class_that_is_shipped_has_a_unit_that_is_shipped() -> None:
    offices = {unit.office for unit in read_units(UNITS).units}
    named = {leaf.unit for leaf in load_rules().classes.leaves}
    assert named - offices == set()


def test_the_command_says_in_words_how_a_due_date_came_about(tmp_path: Path) -> None:
    due = ("policy", "due", "--kind")
    told = hotline(*due, "consultation", "--at", "2026-09-30 16:00", home=tmp_path)
    assert told.code == 0, told.errors
    assert "due 2026-10-09 18:00" in told.out
    assert "国庆节" in told.out
    far = hotline(*due, "report", "--at", "2026-12-30 16:00", "--json", home=tmp_path)
    clocks = {clock["clock"]: clock for clock in json.loads(far.out)["clocks"]}
    assert clocks["finish"]["provisional"]
    wrong = hotline(*due, "report", "--at", "2199-12-30 16:00", home=tmp_path)
    assert wrong.code != 0
    assert "outside the calendar" in wrong.sentence


def test_the_command_checks_and_suggests(tmp_path: Path) -> None:
    assert "no mistake" in hotline("policy", "check", home=tmp_path).out
    assert "no mistake" in hotline("units", "check", home=tmp_path).out
    file = tmp_path / "calendar.yaml"
    file.write_text('hours: ["09:00-12:00"]\ndays:\n  - {date: 2027-02-30, working: false}\n')
    bad = hotline("policy", "check", str(file), home=tmp_path)
    assert bad.code != 0
    assert f"{file}:3:" in bad.errors
    words = ("units", "suggest", "--office", "城市管理局", "--place", "450103", "--json")
    told = hotline(*words, home=tmp_path)
    assert json.loads(told.out)["leads"][0]["unit"] == "qingxiu_urban"
