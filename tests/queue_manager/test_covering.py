"""Whole-number covers, held to every possibility for small ones."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from queue_manager.covering import Row, cover, cover_hours

ROWS = st.lists(
    st.tuples(st.frozensets(st.integers(0, 3), min_size=1), st.integers(0, 4)),
    min_size=1,
    max_size=5,
)


@given(st.lists(st.sampled_from([1.0, 1.15, 1.4, 2.0]), min_size=4, max_size=4), ROWS)
@settings(max_examples=60, deadline=None)
def test_no_cover_is_cheaper(costs: list[float], raw: list[tuple[frozenset[int], int]]) -> None:
    rows = [Row(columns, need) for columns, need in raw]
    found = cover(costs, rows)
    assert found.exact
    assert all(sum(found.counts[c] for c in row.columns) >= row.need for row in rows)
    cheapest = min(
        sum(c * n for c, n in zip(costs, counts, strict=True))
        for counts in product(range(5), repeat=4)
        if all(sum(counts[c] for c in row.columns) >= row.need for row in rows)
    )
    assert found.cost == pytest.approx(cheapest)


def test_shifts_that_do_not_overlap_have_the_most_their_hours_need() -> None:
    needs = [2] * 8 + [9, 12, 10, 8, 9, 7] + [8] * 6 + [4, 3, 3, 2]
    six_four = [(480, 840), (840, 1200), (1200, 1560), (120, 480)]
    assert cover_hours(needs, 60, six_four).counts == (12, 8, 4, 2)


def test_overlapping_shifts_share_the_peak() -> None:
    """Two shifts of eight hours, and a short one over the noon they share."""
    needs = [0] * 8 + [4] * 4 + [9] * 2 + [4] * 4 + [0] * 6
    found = cover_hours(needs, 60, [(480, 840), (720, 1080), (660, 900)])
    assert found.counts == (4, 4, 1)


def test_an_hour_no_shift_covers_is_told() -> None:
    with pytest.raises(ValueError, match="no shift covers 07:00 to 08:00"):
        cover_hours([0] * 7 + [1] + [0] * 16, 60, [(480, 840)])


def test_a_shift_over_midnight_covers_the_morning() -> None:
    assert cover_hours([3] * 6 + [0] * 16 + [2] * 2, 60, [(1320, 1800)]).counts == (3,)


def test_thousands_of_seats_are_covered_too_if_not_proved_cheapest() -> None:
    needs = [2000 + 500 * (hour % 5) for hour in range(24)]
    shifts = [(hour * 60, hour * 60 + 480) for hour in range(0, 24, 4)]
    found = cover_hours(needs, 60, shifts)
    for hour, need in enumerate(needs):
        there = sum(
            count
            for count, (begin, end) in zip(found.counts, shifts, strict=True)
            if begin <= hour * 60 < end or begin <= hour * 60 + 1440 < end
        )
        assert there >= need
