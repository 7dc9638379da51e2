"""Ticket numbers: dated, ordered, readable."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.number import format_number, local_day, parse_number, spoken_digits

DAYS = st.dates(min_value=date(2000, 1, 1), max_value=date(2099, 12, 31))
COUNTS = st.integers(min_value=1, max_value=5_000_000)
SHANGHAI = ZoneInfo("Asia/Shanghai")


@given(DAYS, COUNTS)
def test_a_number_is_read_back_as_it_was_made(day: date, n: int) -> None:
    number = format_number(day, n)
    assert parse_number(number) == (day, n)
    assert "".join(spoken_digits(number)) == number


@given(st.tuples(DAYS, st.integers(1, 999_999)), st.tuples(DAYS, st.integers(1, 999_999)))
def test_numbers_sort_as_their_days_and_counts(a: tuple[date, int], b: tuple[date, int]) -> None:
    assert (format_number(*a) < format_number(*b)) == (a < b)


@given(st.text(max_size=20))
def test_whatever_is_typed_is_a_number_or_refused(text: str) -> None:
    try:
        day, n = parse_number(text)
    except ValueError:
        return
    assert format_number(day, n) == text.translate({ord(c): None for c in text if not c.isdigit()})


@pytest.mark.parametrize("text", ["261121 000 042", "261121-000042", " 261121000042 "])
def test_people_may_group_the_digits(text: str) -> None:
    assert parse_number(text) == (date(2026, 11, 21), 42)


@pytest.mark.parametrize(
    "text",
    ["", "261121", "26112100042", "261321000042", "2611210000042", "２６１１２１０００042", "+1"],
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_number(text)


def test_counting_begins_at_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        format_number(date(2026, 11, 21), 0)


def test_a_day_begins_at_the_tenants_midnight() -> None:
    midnight = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
    assert local_day(midnight, SHANGHAI) == date(2026, 11, 22)
    assert local_day(midnight - timedelta(microseconds=1), SHANGHAI) == date(2026, 11, 21)
    assert local_day(midnight, UTC) == date(2026, 11, 21)


def test_a_naive_time_has_no_day() -> None:
    with pytest.raises(ValueError, match="without zone"):
        local_day(datetime(2026, 11, 21), SHANGHAI)  # noqa: DTZ001  the thing to be refused
