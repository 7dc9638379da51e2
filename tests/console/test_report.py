"""The monthly report: what it says, what it says of what is missing, and that no text acts."""

import re
from datetime import datetime
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.kpi import as_json, csv_text, lines_of
from console.report import charts
from console.report.charts import Bar, DayBar
from console.report.model import BY, Asked, MonthReport, month_report
from console.report.page import html
from tests.console.kpi_books import CALLS, EVIL, NAMES, UNITS, counted
from tickets.kpi import By, added
from tickets.kpi_book import KpiBook
from tickets.kpi_list import KPIS, OUTCOMES
from tickets.periods import month

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 3, 9, 30, tzinfo=ZONE)


def book(which: str, *, filled: bool = True) -> KpiBook:
    made = KpiBook(month(which), by=BY)
    if filled:
        made.take_tickets(made.period.first, counted())
        made.take_calls(made.period.first, {"12345": CALLS})
    return made


def asked(**changed: Any) -> Asked:
    values: dict[str, Any] = {
        "tenant": f"南宁{EVIL}", "book": book("2026-10"), "before": book("2026-09", filled=False),
        "year_before": book("2025-10"), "names": NAMES, "as_of": NOW,
    }  # fmt: skip
    return Asked(**values | changed)


def report(**changed: Any) -> MonthReport:
    return month_report(asked(**changed))


class Tags(HTMLParser):
    """The elements of a document, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_each_figure_is_printed_with_both_numbers_change_and_limit() -> None:
    found = report()
    rows = {row.kpi.id: row for row in (*found.calls, *found.three, *found.tickets)}
    assert rows.keys() == {kpi.id for kpi in KPIS}
    on_time = rows["finished_in_time"]
    assert (on_time.value, on_time.numbers) == ("86.0 %", "37 / 43")
    assert on_time.before == "无数据 no data", "what wasn't measured is no 0 %"
    assert on_time.year_before == "86.0 % (+0.0)"
    assert (rows["connection"].value, rows["connection"].missed) == ("94.0 %", True)
    assert (rows["closed"].value, rows["closed"].missed) == ("100.0 %", False)
    assert (rows["asa"].value, rows["asa"].numbers) == ("5.0 s", "470 s / 94")
    assert (rows["contacted_in_time"].value, rows["contacted_in_time"].missed) == ("—", None)
    assert [row.count for row in found.outcomes] == [43, 0, 0, 0, 0]
    assert len(found.outcomes) == len(OUTCOMES)


def test_units_are_in_the_order_of_their_places() -> None:
    units = report().units
    assert [(row.place, row.name) for row in units] == [
        ("1", "供水公司"), ("2", EVIL), ("", "=公交集团"),
    ]  # fmt: skip
    assert units[0].cells[0] == ("95.0 %", "19 / 20")


def test_the_document_needs_nothing_else_and_no_text_in_it_acts() -> None:
    text = html(report())
    tags = Tags(text)
    assert "script" not in tags.names
    assert EVIL in tags.text
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    names = {name for name, _ in tags.attributes}
    assert not {name for name in names if name.startswith("on")} | (
        names & {"src", "href", "style"}
    )
    assert tags.names.count("svg") == 5


def test_a_month_without_anything_says_so_and_shows_no_nought() -> None:
    empty = report(book=book("2026-10", filled=False), year_before=book("2025-10", filled=False))
    text = Tags(html(empty)).text
    assert "本期没有工单数据" in text
    assert "本期没有话务数据" in text
    assert "0.0 %" not in text
    assert "指标定义" in text


def test_days_without_data_are_named_and_a_period_that_goes_on_too() -> None:
    now = month_report(asked(book=book("2026-11"), before=book("2026-10")))
    assert now.unfinished
    assert now.missing_days == "11-2", "the 3rd isn't over, the rest is to come"
    assert "本期尚未结束" in html(now)
    assert not report().unfinished
    assert report().missing_days.startswith("10-2、10-3")


def test_calls_without_tickets_and_tickets_without_calls() -> None:
    only_calls = book("2026-10", filled=False)
    only_calls.take_calls(only_calls.period.first, {"12345": CALLS})
    text = Tags(html(report(book=only_calls))).text
    assert "94.0 %" in text
    assert "本期没有工单数据" in text
    only_tickets = book("2026-10", filled=False)
    only_tickets.take_tickets(only_tickets.period.first, counted())
    text = Tags(html(report(book=only_tickets))).text
    assert "本期没有话务数据" in text
    assert "37 / 43" in text


def test_another_service_level_than_15_s_is_said() -> None:
    assert "20 秒" in html(report(service_level_s=20))
    assert "服务水平时限为" not in html(report())


def test_json_csv_and_report_tell_the_same() -> None:
    lines = lines_of(book("2026-10"), By.UNIT, NAMES[By.UNIT])
    whole = added(UNITS.values())
    told = [as_json(line, KPIS)["figures"]["satisfied"]["numerator"] for line in lines]
    assert sum(told) == whole["satisfied"]
    assert csv_text(By.UNIT, lines, KPIS).count("\r\n") == 4
    head = csv_text(By.UNIT, lines, KPIS).splitlines()[0]
    assert csv_text(By.UNIT, [], KPIS).splitlines() == [head], (
        "a file with nothing in it says of what"
    )


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)


@given(
    st.lists(st.tuples(TEXT, st.one_of(st.none(), st.floats(0, 1)), TEXT), max_size=6),
    st.lists(st.one_of(st.none(), st.integers(0, 10**7)), min_size=1, max_size=31),
)
def test_whatever_the_names_are_charts_are_whole_pictures(
    rows: list[tuple[str, float | None, str]], days: list[int | None]
) -> None:
    bars = charts.bars([Bar(label, share, told) for label, share, told in rows], "标题", 0.85)
    first = month("2026-10").first
    trend = charts.trend(
        [DayBar(first.replace(day=n + 1), count, (count or 0) // 2) for n, count in enumerate(days)]
    )
    keys = [(str(n), label) for n, (label, _, _) in enumerate(rows)]
    heat = charts.heat(
        keys, keys, {(a, b): n for n, (a, _) in enumerate(keys) for b, _ in keys}, ""
    )
    for picture in (bars, trend, heat):
        tags = Tags(picture)
        assert set(tags.names) <= {"svg", "title", "rect", "line", "text"}
        assert "nan" not in picture
        assert "inf" not in picture
    assert all(told in Tags(bars).text for _, _, told in rows)


@pytest.mark.parametrize("high", [0, 1, 3, 99, 1234, 50_000, 50_001, 999_999, 10**9])
def test_the_axis_reaches_the_highest_bar_in_few_round_steps(high: int) -> None:
    ticks = charts._ticks(high)
    assert ticks[0] == 0
    assert ticks[-1] >= max(high, 1)
    assert len(ticks) <= 7
