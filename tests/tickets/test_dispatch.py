"""Who gets a ticket: by class, place and line, over four levels, with reasons; who is on duty."""

from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tickets import units as units_module
from tickets.dispatch import Asked, Route, suggest
from tickets.divisions import Division, Divisions, Level, covers, level
from tickets.units import DutyPost, DutyRoster, UnitsFile

DATA = Path(units_module.__file__).parent / "data" / "units.yaml"
WRITTEN = yaml.safe_load(DATA.read_text("utf-8"))
CITY = UnitsFile.model_validate(WRITTEN)
TODAY = date(2026, 11, 22)
NOISE = "050101"


def test_the_district_goes_before_the_city_where_it_has_the_office() -> None:
    found = suggest(CITY, Asked(NOISE, "城市管理局", "450103004"), TODAY)
    assert [one.unit for one in found.leads] == ["qingxiu_urban", "urban"]
    assert "属地：青秀区（县级）管辖事发地" in found.leads[0].reasons
    assert found.route is Route.HERE


def test_a_district_without_the_office_is_the_citys() -> None:
    found = suggest(CITY, Asked(NOISE, "城市管理局", "450110"), TODAY)
    assert [one.unit for one in found.leads] == ["urban"]


def test_an_unknown_place_is_the_citys_and_says_so() -> None:
    found = suggest(CITY, Asked(NOISE, "城市管理局"), TODAY)
    assert [one.unit for one in found.leads] == ["urban"]
    assert "地点不详" in found.leads[0].reasons[-1]


def test_co_units_are_those_that_help_with_the_class_but_never_the_lead() -> None:
    found = suggest(CITY, Asked(NOISE, "生态环境局", "450103"), TODAY)
    assert found.leads[0].unit == "environment"
    assert [one.unit for one in found.co_units] == ["housing", "police"]
    assert all(one.reasons for one in found.co_units)


def test_another_citys_matter_goes_by_the_province() -> None:
    found = suggest(CITY, Asked(NOISE, "城市管理局", "450200"), TODAY)
    assert (found.route, found.platform, found.leads) == (Route.PROVINCE, "450000", ())
    assert "柳州市" in found.why


def test_a_provincial_matter_goes_to_the_province() -> None:
    found = suggest(CITY, Asked("040901", "通信管理局", "450103"), TODAY)
    assert (found.route, found.platform) == (Route.PROVINCE, "450000")
    assert found.leads[0].unit == "region_telecom"


def test_a_province_hands_a_citys_matter_down() -> None:
    region = UnitsFile.model_validate(
        WRITTEN | {"home": "450000", "units": [
            unit | {"division": unit.get("division", "450100")} for unit in WRITTEN["units"]
        ]}
    )  # fmt: skip
    found = suggest(region, Asked(NOISE, "城市管理局", "450103"), TODAY)
    assert (found.route, found.platform) == (Route.CITY, "450100")


def test_a_division_that_is_no_more_is_found_under_its_new_name() -> None:
    found = suggest(CITY, Asked(NOISE, "城市管理局", "450127"), TODAY)
    assert found.leads[0].unit == "hengzhou_urban"


def test_the_line_he_called_counts_when_nothing_else_is_known() -> None:
    found = suggest(CITY, Asked(line_unit="工商"), TODAY)
    assert [one.unit for one in found.leads] == ["market"]


def test_nobody_fits_is_told() -> None:
    found = suggest(CITY, Asked("999999", "", "450103"), TODAY)
    assert (found.leads, found.co_units) == ((), ())
    assert "人工派单" in found.why


@pytest.mark.parametrize(
    ("code", "expected"),
    [("450000", Level.PROVINCE), ("450100", Level.CITY), ("450103", Level.COUNTY),
     ("450103004", Level.TOWN)],
)  # fmt: skip
def test_a_code_tells_its_level(code: str, expected: Level) -> None:
    assert level(code) is expected


def test_divisions_lie_in_each_other() -> None:
    assert covers("450000", "450103004")
    assert not covers("450103", "450100")
    known = Divisions([Division(code="450100", name="南宁市")])
    assert known.name("450103004") == "南宁市"


def test_successors_in_a_circle_end() -> None:
    past = date(2020, 1, 1)
    ring = Divisions([
        Division(code="450101", name="甲", last=past, successor="450102"),
        Division(code="450102", name="乙", last=past, successor="450101"),
    ])  # fmt: skip
    assert ring.current("450101", TODAY) in ring


POSTS = tuple(DutyPost(person=f"值班员{n}", phone="8001", leader=f"领导{n}") for n in range(3))


@given(st.dates(date(2026, 1, 5), date(2030, 1, 1)), st.integers(1, 31))
def test_duty_goes_round(day: date, days: int) -> None:
    roster = DutyRoster(begins=date(2026, 1, 5), days=days, posts=POSTS)
    turn = (day - roster.begins).days // days
    assert roster.on_duty(day) == POSTS[turn % 3]


def test_before_a_roster_begins_the_hotlines_person_answers() -> None:
    unit = CITY.by_id["qingxiu_urban"]
    assert unit.on_duty(date(2026, 1, 12)).person == "值班员二"
    assert unit.on_duty(date(2025, 1, 1)).leader == unit.head


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"home": "110000"}, "home"),
        ({"units": [WRITTEN["units"][0]] * 2}, "twice"),
        ({"units": [WRITTEN["units"][0] | {"division": "990000"}]}, "no division"),
        ({"units": [{"id": "x", "name": "无电脑", "phone": "8001", "person": "a", "head": "b"}]},
         "computer"),
    ],
)  # fmt: skip
def test_a_file_with_a_mistake_is_refused(change: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        UnitsFile.model_validate(WRITTEN | change)
