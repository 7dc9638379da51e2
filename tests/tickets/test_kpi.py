"""Figures: definitions that hold together, units ranked fairly, periods cut and compared."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.kpi import By, Change, Counts, Share, Source, added, changes, ranking
from tickets.kpi_book import KpiBook
from tickets.kpi_list import (
    BY_ID,
    CALL_COUNTS,
    CALL_KPIS,
    KPIS,
    OUTCOMES,
    RANKED_BY,
    TICKET_COUNTS,
    TICKET_KPIS,
)
from tickets.periods import DAY, Per, Period, month, month_of

ON_TIME = BY_ID["finished_in_time"]


def unit(in_time: int, due: int, satisfied: int = 0, rated: int = 0) -> dict[str, int]:
    return {
        "finish_in_time": in_time, "finish_due": due, "satisfied": satisfied, "rated": rated,
    }  # fmt: skip


def test_every_figure_is_made_of_counts_that_somebody_counts() -> None:
    assert len(BY_ID) == len(KPIS)
    for kpi in KPIS:
        counted = TICKET_COUNTS if kpi.source is Source.TICKETS else CALL_COUNTS
        assert {kpi.numerator, kpi.denominator} <= counted.keys(), kpi.id
        assert kpi.name
        assert kpi.name_en
        assert "÷" in kpi.formula
        assert "÷" in kpi.formula_en
    assert set(OUTCOMES) < TICKET_COUNTS.keys()
    assert (*CALL_KPIS, *TICKET_KPIS) == KPIS


def test_nothing_to_divide_by_is_no_rate_and_never_nought() -> None:
    assert ON_TIME.share({}).rate is None
    assert ON_TIME.share(unit(0, 4)).rate == 0.0
    assert ON_TIME.share(unit(3, 4)) == Share(3, 4)
    assert BY_ID["connection"].least == Fraction(95, 100)


def test_a_unit_with_three_tickets_is_not_first() -> None:
    found = ranking({"few": unit(3, 3), "many": unit(95, 100), "late": unit(1, 40)}, RANKED_BY, 10)
    assert [(one.place, one.key) for one in found] == [(1, "many"), (2, "late"), (None, "few")]


def test_equals_share_a_place_and_the_next_comes_after_them_all() -> None:
    groups = {
        "a": unit(9, 10, 5, 5), "b": unit(18, 20, 4, 4), "c": unit(90, 100, 9, 10),
        "d": unit(10, 10),
    }  # fmt: skip
    found = ranking(groups, RANKED_BY, 1)
    assert [(one.place, one.key) for one in found] == [(1, "d"), (2, "a"), (2, "b"), (4, "c")]


def test_rates_are_compared_as_fractions_not_as_rounded_numbers() -> None:
    big = 10**17
    found = ranking({"a": unit(big - 1, big), "b": unit(big, big + 1)}, (ON_TIME,), 1)
    assert [one.key for one in found] == ["b", "a"]


def test_of_what_should_be_small_the_smallest_is_first() -> None:
    groups = {"a": {"returns": 5, "dispatches": 10}, "b": {"returns": 1, "dispatches": 10}}
    assert [one.key for one in ranking(groups, (BY_ID["returned"],), 1)] == ["b", "a"]


def test_who_has_nothing_to_be_measured_by_has_no_place() -> None:
    found = ranking({"idle": {}, "busy": unit(0, 1)}, RANKED_BY, 1)
    assert [(one.place, one.key) for one in found] == [(1, "busy"), (None, "idle")]


SMALL = st.integers(0, 12)
UNITS = st.dictionaries(
    st.sampled_from("abcdefgh"),
    st.builds(lambda n, m, s, r: unit(min(n, m), m, min(s, r), r), SMALL, SMALL, SMALL, SMALL),
)


@given(UNITS, st.integers(1, 6))
def test_a_better_rate_never_has_a_worse_place(
    groups: dict[str, dict[str, int]], least: int
) -> None:
    found = ranking(groups, RANKED_BY, least)
    assert {one.key for one in found} == groups.keys()
    placed = [one for one in found if one.place is not None]
    assert all(one.counts["finish_due"] >= least for one in placed)
    for one in placed:
        better = [other for other in placed if rates(other.counts) > rates(one.counts)]
        assert one.place == len(better) + 1


def rates(counts: Counts) -> list[Fraction]:
    shares = [kpi.share(counts).exact for kpi in RANKED_BY]
    return [Fraction(-1) if share is None else share for share in shares]


@given(st.lists(UNITS, max_size=5))
def test_the_parts_add_up_to_the_whole(days: list[dict[str, dict[str, int]]]) -> None:
    first = date(2026, 11, 1)
    period = Period(first, first + timedelta(days=29))
    book = KpiBook(period, Per.WEEK, (By.ALL, By.UNIT))
    for n, units in enumerate(days):
        counted = {(By.UNIT, key): counts for key, counts in units.items()}
        book.take_tickets(first + n * DAY, {**counted, (By.ALL, ""): added(units.values())})
    whole = {name: count for name, count in book.whole.items() if count}
    for parts in (
        book.groups(By.UNIT).values(),
        [counts for groups in book.parts(By.UNIT).values() for counts in groups.values()],
        [counts for groups in book.parts(By.ALL).values() for counts in groups.values()],
    ):
        assert {name: count for name, count in added(parts).items() if count} == whole


def test_a_change_is_in_points_and_unknown_when_one_side_is() -> None:
    ((_, change),) = changes((ON_TIME,), unit(9, 10), unit(4, 5))
    assert change.by == pytest.approx(0.1)
    assert Change(Share(9, 10), Share()).by is None


def test_a_month_is_compared_with_months_and_other_days_with_as_many() -> None:
    november = month("2026-11")
    assert november == Period(date(2026, 11, 1), date(2026, 11, 30))
    assert november.before() == month("2026-10")
    assert november.year_before() == month("2025-11")
    assert month("2024-02").year_before() == month("2023-02")
    some = Period(date(2026, 11, 10), date(2026, 11, 12))
    assert some.before() == Period(date(2026, 11, 7), date(2026, 11, 9))
    leap = Period(date(2024, 2, 29), date(2024, 2, 29))
    assert leap.year_before() == Period(date(2023, 2, 28), date(2023, 2, 28))


@pytest.mark.parametrize("text", ["2026", "2026-13", "2026-1", "11-2026", "２０２６-11", ""])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"month|format"):
        month(text)


def test_a_period_never_ends_before_it_begins() -> None:
    with pytest.raises(ValueError, match="before"):
        Period(date(2026, 11, 2), date(2026, 11, 1))


def test_half_years_end_in_june_and_december_and_weeks_on_sunday() -> None:
    year = Period(date(2026, 3, 3), date(2027, 1, 4))
    assert [part.last for part in year.cut(Per.HALF_YEAR)] == [
        date(2026, 6, 30), date(2026, 12, 31), date(2027, 1, 4),
    ]  # fmt: skip
    weeks = list(month("2026-11").cut(Per.WEEK))
    assert weeks[0] == Period(date(2026, 11, 1), date(2026, 11, 1))
    assert weeks[1] == Period(date(2026, 11, 2), date(2026, 11, 8))


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 500), st.sampled_from(Per))
def test_the_parts_of_a_period_are_the_period(first: date, more: int, per: Per) -> None:
    period = Period(first, first + more * DAY)
    days = [day for part in period.cut(per) for day in part.each_day()]
    assert days == list(period.each_day())
    assert month_of(first).first.day == 1
