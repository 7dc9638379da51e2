"""Reports: exact columns, safe cells, days of the tenant, bounded ranges, outages."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.figures import BOM, By, Days, Per, Report, csv_head, csv_text, moment, row, safe
from console.ports import Role
from queue_manager.counts import CallCounts, Figure, SeatCounts
from tests.console.conftest import Caller
from tests.console.fakes import CITY, City

SHANGHAI = ZoneInfo("Asia/Shanghai")
TEN = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
PATH = f"/api/v1/tenants/{CITY}/figures"
DAY = "from=2026-11-21&to=2026-11-21"
COUNTS = CallCounts(
    offered=4, answered=3, answered_in_time=2, abandoned=1, abandoned_short=1, waits=3,
    wait_ms=30_500, menu_ms=6_000, talks=2, talk_ms=100_000, wrap_ups=1, wrap_up_ms=20_000,
    longest_ms=15_001,
)  # fmt: skip


def report(by: By = By.QUEUE, **changed: Any) -> Report:
    values: dict[str, Any] = {
        "by": by, "per": Per.QUARTER, "begin": TEN, "end": TEN + timedelta(days=1),
        "zone": SHANGHAI, "names": {"main": "综合受理"}, "reasons": ("meal",),
    }  # fmt: skip
    return Report(**values | changed)


def test_every_rate_has_numerator_denominator_and_value() -> None:
    shown = row(report(), Figure(TEN, "main", COUNTS))
    assert (shown["begins"], shown["queue"], shown["name"]) == (
        "2026-11-21T10:00+08:00", "main", "综合受理",
    )  # fmt: skip
    rates = {
        "connection": (3, 4, 0.75), "service_level": (2, 3, 0.6667),
        "service_level_of_offered": (2, 4, 0.5), "abandonment": (1, 4, 0.25),
        "abandonment_without_short": (0, 3, 0.0), "average_wait_s": (30.5, 3, 10.1667),
        "average_wait_with_menu_s": (36.5, 3, 12.1667), "average_talk_s": (100.0, 2, 50.0),
        "average_wrap_up_s": (20.0, 1, 20.0), "average_handling_s": (120.0, 2, 60.0),
    }  # fmt: skip
    for name, (part, whole, value) in rates.items():
        assert (shown[f"{name}_numerator"], shown[f"{name}_denominator"]) == (part, whole), name
        assert shown[name] == value, name
    assert shown["longest_s"] == 15.001


def test_a_seats_line_has_its_times_and_a_column_per_reason() -> None:
    counts = SeatCounts(
        answered=2, missed=1, idle_ms=60_000, ring_ms=10_000, talk_ms=120_000, wrap_up_ms=40_000,
        cool_down_ms=10_000, pauses={"meal": 30_000, "gone": 30_000},
    )  # fmt: skip
    shown = row(report(By.SEAT), Figure(TEN, "801", counts))
    assert (shown["paused_meal_s"], shown["paused_unlisted_s"], shown["paused_s"]) == (30, 30, 60)
    assert (shown["occupancy_numerator"], shown["occupancy_denominator"]) == (170.0, 240.0)
    assert shown["occupancy"] == 0.7083
    assert (shown["miss_rate_numerator"], shown["miss_rate_denominator"]) == (1, 3)


def test_nothing_to_divide_by_is_an_empty_cell() -> None:
    told = report()
    text = csv_head(told) + csv_text(told, [Figure(TEN, "main", CallCounts())])
    (line,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (line["connection"], line["connection_denominator"]) == ("", "0")


@given(st.text(max_size=20))
def test_no_cell_is_a_formula_and_each_can_be_read_back(text: str) -> None:
    cell = safe(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert cell in (text, f"'{text}")
    written = report(names={"k": text})
    lines = csv_text(written, [Figure(TEN, "k", CallCounts())])
    (read,) = list(csv.reader(io.StringIO(lines, newline="")))
    assert read[2] == cell


def test_quarters_are_summed_over_the_tenants_days() -> None:
    """Two quarters of one day and one of the next, of two keys; midnight is Shanghai's."""
    days = Days()
    midnight = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
    lines = [
        Figure(midnight - timedelta(minutes=30), "b", CallCounts(offered=1, longest_ms=5)),
        Figure(midnight - timedelta(minutes=15), "a", CallCounts(offered=2)),
        Figure(midnight - timedelta(minutes=15), "b", CallCounts(offered=4, longest_ms=9)),
        Figure(midnight, "b", CallCounts(offered=8)),
    ]
    done = [day for line in lines for day in days.take(line, SHANGHAI)]
    first = datetime(2026, 11, 21, tzinfo=SHANGHAI)
    assert done == [
        Figure(first, "a", CallCounts(offered=2)),
        Figure(first, "b", CallCounts(offered=5, longest_ms=9)),
    ]
    assert days.rest() == [Figure(first + timedelta(days=1), "b", CallCounts(offered=8))]


def test_days_are_whole_and_times_need_a_zone() -> None:
    begin = moment("2026-11-21", SHANGHAI, end=False)
    assert begin == datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
    assert moment("2026-11-21", SHANGHAI, end=True) - begin == timedelta(days=1)
    assert moment("2026-11-21T10:00+08:00", SHANGHAI, end=True) == TEN
    new_york = ZoneInfo("America/New_York")
    longest = moment("2026-11-01", new_york, end=True) - moment(
        "2026-11-01", new_york, end=False
    ).astimezone(UTC)
    assert longest == timedelta(hours=25)
    for bad in ("yesterday", "2026-11-21T10:00", "2026-13-01", ""):
        with pytest.raises(ValueError):  # noqa: PT011 - the words are the library's
            moment(bad, SHANGHAI, end=False)


async def test_a_csv_is_streamed_page_by_page_with_a_mark_for_excel(
    city: City, supervisor: Caller
) -> None:
    city.counted = [Figure(TEN, key, CallCounts(offered=1)) for key in ("main", "evil", "x")]
    status, told, head = await supervisor.ask(f"{PATH}?{DAY}&by=queue&format=csv&bom=true")
    assert status == 200
    assert head["Content-Type"] == "text/csv; charset=utf-8"
    assert "figures-default-queue-20261121.csv" in head["Content-Disposition"]
    text = told.decode()
    assert text.startswith(BOM)
    lines = list(csv.DictReader(io.StringIO(text.removeprefix(BOM), newline="")))
    assert [line["queue"] for line in lines] == ["main", "evil", "x"]
    assert [line["name"] for line in lines] == ["综合受理", "'=1+1", ""]
    tenant, by, begin, end = city.asked_reports[0]
    assert (tenant, by, begin) == (CITY, "queue", datetime(2026, 11, 20, 16, 0, tzinfo=UTC))
    assert end - begin == timedelta(days=1)


async def test_json_holds_the_same_lines(city: City, supervisor: Caller) -> None:
    city.counted = [
        Figure(TEN + timedelta(minutes=15 * n), "801", SeatCounts(talk_ms=900_000))
        for n in range(3)
    ]
    _, told, _ = await supervisor.ask(f"{PATH}?{DAY}&by=seat")
    assert [line["talk_s"] for line in told["figures"]] == [900.0] * 3
    assert told["figures"][0]["name"] == "一号座席"
    assert told["figures"][0]["average_talk_s"] is None
    _, told, _ = await supervisor.ask(f"{PATH}?{DAY}&by=seat&per=day")
    assert [line["talk_s"] for line in told["figures"]] == [2700.0]
    city.counted = []
    _, told, _ = await supervisor.ask(f"{PATH}?{DAY}&by=seat")
    assert told["figures"] == []


@pytest.mark.parametrize(
    "query",
    [
        "", "from=2026-11-21", f"{DAY}&by=caller", f"{DAY}&by=queue&per=hour",
        "from=2026-11-22&to=2026-11-21&by=queue", "from=x&to=y&by=queue",
        "from=2024-11-21&to=2026-11-21&by=queue", "from=2026-09-21&to=2026-11-21&by=seat",
        f"{DAY}&by=queue&format=xls", f"{DAY}&by=queue&more=1",
        "from=2026-11-21T10:00&to=2026-11-22&by=queue",
    ],
)  # fmt: skip
async def test_a_report_without_bounds_is_refused(supervisor: Caller, query: str) -> None:
    assert await supervisor.refused(f"{PATH}?{query}") == (422, "invalid")


async def test_figures_are_for_supervisors(city: City, nobody: Caller, wall: Caller) -> None:
    path = f"{PATH}?{DAY}&by=queue"
    assert await wall.refused(path) == (403, "role-refused")
    seat = nobody.having(city.token(Role.SEAT, seat_id="801"))
    assert await seat.refused(path) == (403, "role-refused")


async def test_a_database_that_is_away_is_said_before_anything_is_sent(
    city: City, supervisor: Caller
) -> None:
    await supervisor.ask(f"{PATH}?{DAY}&by=queue")  # its token is known from now on
    city.store_away = True
    assert await supervisor.refused(f"{PATH}?{DAY}&by=queue") == (503, "store-away")
    assert len(city.asked_reports) == 2
