"""`hotline kpi` and `hotline report` on a home's own store, with and without anything in it."""

import asyncio
import csv
import io
from pathlib import Path

import pytest

from tests.hotline.prepared import Home
from tests.storage.clock_house import REVIEWER, WATER, House, house_on
from tickets.kpi_list import KPIS
from tickets.life import SYSTEM
from tickets.model import Kind


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


async def fill(url: str) -> None:
    """Two tickets of the water company in November, one of them late by its citizen's word."""
    async with house_on(url) as house:
        for how in ("satisfied", "unsatisfied"):
            number = await house.dispatched(Kind.HELP, class_code="040201", place_code="450103")
            await handled(house, number)
            await house.tell(number, how, SYSTEM)


async def handled(house: House, number: str) -> None:
    await house.tell(number, "signed", WATER)
    await house.tell(number, "contacted", WATER, how="phone")
    await house.tell(number, "replied", WATER, reply="修好了")
    await house.tell(number, "reply_passed", REVIEWER)


def test_figures_and_report_of_a_month(home: Home, tmp_path: Path) -> None:
    asyncio.run(fill(f"sqlite:///{home.folder}/state/hotline.db"))
    whole = home.json("kpi", "--month", "2026-11", "--compare")
    assert [one["id"] for one in whole["figures"]] == [kpi.id for kpi in KPIS]
    satisfied = whole["lines"][0]["figures"]["satisfied"]
    assert (satisfied["numerator"], satisfied["denominator"]) == (1, 2)
    assert satisfied["before"]["value"] is None
    units = home.does("kpi", "--month", "2026-11", "--by", "unit", "--least", "1", "--csv")
    (row,) = csv.DictReader(io.StringIO(units.out))
    assert (row["unit"], row["place"], row["satisfied"]) == ("water", "1", "0.5")
    table = home.does("kpi", "--month", "2026-11", "--by", "class", "--compare").out
    assert "路灯故障" in table
    assert "50.0 %" in table
    assert "1/2" in table
    file = tmp_path / "report.html"
    said = home.does("report", "month", "2026-11", "-o", str(file))
    assert said.code == 0, said.errors
    text = file.read_text("utf-8")
    assert "运行月报" in text
    assert "1 / 2" in text
    assert "本期没有话务数据" in text
    empty = home.does("report", "month", "2026-02")
    assert "本期没有工单数据" in empty.out


@pytest.mark.parametrize(
    "words",
    [
        ("kpi", "--month", "2026-13"), ("kpi", "--by", "heat"), ("report", "month", "november"),
        ("report", "month", "2026-11", "-o", "/proc/none/x.html"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(home: Home, words: tuple[str, ...]) -> None:
    said = home.does(*words)
    assert said.code != 0
    assert said.out == ""
    assert "Traceback" not in said.errors
