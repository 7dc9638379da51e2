"""Working time: against a walk minute by minute, on the decreed calendar and on random ones."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tickets.calendar import CalendarEnd, WorkCalendar, moment, seconds
from tickets.workdays import (
    FIRST_YEAR,
    LAST_DECREED_YEAR,
    CalendarFile,
    DaySource,
    LocalDay,
    Season,
    day_fact,
)

CHINA = ZoneInfo("Asia/Shanghai")
PLAIN = WorkCalendar(CHINA, CalendarFile(), (2025, 2028))
MINUTE = 60


def at(text: str) -> int:
    return seconds(datetime.fromisoformat(text).replace(tzinfo=CHINA))


def local(instant: int) -> str:
    return f"{moment(instant).astimezone(CHINA):%Y-%m-%d %H:%M}"


MAKE_UP_2026 = ["01-04", "02-14", "02-28", "05-09", "09-20", "10-10"]


@pytest.mark.parametrize("day", MAKE_UP_2026)
def test_the_make_up_days_of_2026_are_worked(day: str) -> None:
    fact = PLAIN.day(date.fromisoformat(f"2026-{day}"))
    assert fact.working
    assert fact.source is DaySource.DECREED


def test_national_day_is_jumped_over() -> None:
    begins = at("2026-09-30 16:00")
    assert local(PLAIN.add(begins, 2 * PLAIN.day_s)) == "2026-10-09 16:00"


def test_a_full_day_ends_when_people_go_home() -> None:
    assert local(PLAIN.add(at("2026-11-23 09:00"), PLAIN.day_s)) == "2026-11-23 18:00"


def test_nothing_added_at_night_is_the_next_opening() -> None:
    assert local(PLAIN.add(at("2026-11-20 23:59"), 0)) == "2026-11-23 09:00"
    assert local(PLAIN.open_from(at("2026-11-20 18:00"))) == "2026-11-20 18:00"


def test_years_not_decreed_are_provisional_until_somebody_writes_them() -> None:
    assert PLAIN.provisional(at("2026-12-30 10:00"), at("2027-01-04 10:00"))
    assert not PLAIN.provisional(at("2026-12-01 10:00"), at("2026-12-31 10:00"))
    new_year = date(2027, 1, 1)
    assert not PLAIN.day(new_year).working
    mended = day_fact(new_year, {new_year: LocalDay(date=new_year, working=True, name="补班")})
    assert (mended.working, mended.source) == (True, DaySource.LOCAL)


def test_decreed_days_are_worked_as_the_decrees_library_says() -> None:
    day = date(FIRST_YEAR, 1, 1)
    while day.year <= LAST_DECREED_YEAR:
        assert PLAIN.day(day).working is chinese_calendar.is_workday(day), day
        day += timedelta(days=1)


def test_a_local_holiday_moves_what_is_due() -> None:
    festival = tuple(
        LocalDay(date=date(2026, 11, day), working=False, name="节") for day in (24, 25)
    )
    here = WorkCalendar(CHINA, CalendarFile(days=festival), (2026, 2026))
    begins = at("2026-11-23 10:00")
    assert local(here.add(begins, here.day_s)) == "2026-11-26 10:00"
    assert here.basis != WorkCalendar(CHINA, CalendarFile(), (2026, 2026)).basis


def test_outside_its_years_a_calendar_says_so() -> None:
    with pytest.raises(CalendarEnd, match="2025 to 2028"):
        PLAIN.position(at("2031-01-01 10:00"))
    with pytest.raises(CalendarEnd):
        PLAIN.add(at("2028-12-31 10:00"), 40 * PLAIN.day_s)


@pytest.mark.parametrize(
    "mistake",
    [
        {"hours": ("9:00-12:00",)},
        {"hours": ("12:00-09:00",)},
        {"hours": ("09:00-12:00", "11:00-13:00")},
        {"seasons": (Season(first="06-01", last="09-30", hours=("08:00-12:00",)),)},
        {"days": (LocalDay(date=date(2027, 1, 1), working=True),) * 2},
    ],
)
def test_a_calendar_with_a_mistake_is_refused(mistake: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CalendarFile(**mistake)  # type: ignore[arg-type] # wrong on purpose


HOURS = st.sampled_from(
    [("09:00-12:00", "13:00-18:00"), ("00:00-24:00",), ("08:30-09:30",), ("22:00-23:59",)]
)
MONTH = [date(2026, 9, 25) + timedelta(days=n) for n in range(20)]
CALENDARS = st.builds(
    lambda hours, days: WorkCalendar(
        CHINA,
        CalendarFile(hours=hours, days=tuple(LocalDay(date=d, working=w) for d, w in days.items())),
        (2026, 2027),
    ),
    HOURS,
    st.dictionaries(st.sampled_from(MONTH), st.booleans(), max_size=12),
)
INSTANTS = st.integers(at("2026-09-26 00:00"), at("2026-10-08 00:00"))


def walked(calendar: WorkCalendar, begin: int, end: int) -> int:
    """Minutes of work between two whole minutes, each looked at by itself."""
    found = 0
    hours = [tuple(text.split("-")) for text in calendar.file.hours]
    for minute in range(begin, end, MINUTE):
        here = moment(minute).astimezone(CHINA)
        clock = f"{here:%H:%M}"
        found += calendar.day(here.date()).working and any(a <= clock < b for a, b in hours)
    return found


@settings(max_examples=40, deadline=None)
@given(CALENDARS, INSTANTS, st.integers(0, 5 * 24 * 60))
def test_it_counts_what_a_walk_by_the_minute_counts(
    calendar: WorkCalendar, begin: int, minutes: int
) -> None:
    begin -= begin % MINUTE
    end = begin + minutes * MINUTE
    assert calendar.between(begin, end) == walked(calendar, begin, end) * MINUTE


@settings(max_examples=40, deadline=None)
@given(CALENDARS, INSTANTS, st.integers(1, 3 * 24 * 60))
def test_what_is_added_is_found_again_and_ends_in_working_time(
    calendar: WorkCalendar, begin: int, minutes: int
) -> None:
    begin -= begin % MINUTE
    end = calendar.add(begin, minutes * MINUTE)
    assert end > begin
    assert calendar.between(begin, end) == minutes * MINUTE
    assert walked(calendar, end - MINUTE, end) == 1, "the minute before it was worked"
    assert calendar.open_at(end)
    assert calendar.back(end, minutes * MINUTE) >= begin


@settings(max_examples=60, deadline=None)
@given(CALENDARS, INSTANTS, INSTANTS, st.integers(0, 10**6), st.integers(0, 10**6))
def test_adding_is_monotone(
    calendar: WorkCalendar, one: int, other: int, less: int, more: int
) -> None:
    (one, other), (less, more) = sorted((one, other)), sorted((less, more))
    try:
        latest = calendar.add(other, more)
    except CalendarEnd:
        return
    assert calendar.add(one, less) <= calendar.add(one, more) <= latest


def test_a_zone_that_changes_its_clocks_loses_no_hour() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    calendar = WorkCalendar(berlin, CalendarFile(), (2026, 2026))
    begins = datetime(2026, 3, 27, 16, 0, tzinfo=berlin)
    found = moment(calendar.add(seconds(begins), calendar.day_s)).astimezone(berlin)
    # 2026-03-28 is a Saturday, the clocks change on the 29th
    assert found == datetime(2026, 3, 30, 16, 0, tzinfo=berlin)


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without zone"):
        seconds(datetime(2026, 1, 1))  # noqa: DTZ001 - wrong on purpose
    assert moment(seconds(datetime(2026, 1, 1, tzinfo=UTC))) == datetime(2026, 1, 1, tzinfo=UTC)
