"""Opening hours: every minute of the week, over midnight, through changes of summer time."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.hours import DEFAULT_HOURS, decide, effective, parse_hours
from queue_manager.opening import HoursMode

CHINA = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
AUTO = HoursMode.AUTO


def china(day: int, hour: int, minute: int = 0) -> datetime:
    """November 2026; the 21st is a Saturday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=CHINA)


def test_default_hours_hold_all_seven_days() -> None:
    """8:00 to 18:00, Saturdays, Sundays and holidays too."""
    schedule = parse_hours(DEFAULT_HOURS, CHINA)
    for day in range(16, 23):
        assert not decide(schedule, AUTO, china(day, 7, 59)).open
        assert decide(schedule, AUTO, china(day, 8)).open
        assert decide(schedule, AUTO, china(day, 17, 59)).open
        assert not decide(schedule, AUTO, china(day, 18)).open
    holiday = datetime(2026, 10, 1, 12, tzinfo=CHINA)
    assert decide(schedule, AUTO, holiday).open


def test_the_next_change_is_told() -> None:
    schedule = parse_hours(DEFAULT_HOURS, CHINA)
    assert decide(schedule, AUTO, china(21, 12)).next_change == china(21, 18)
    assert decide(schedule, AUTO, china(21, 18)).next_change == china(22, 8)


def test_the_time_zone_of_the_tenant_counts() -> None:
    urumqi = parse_hours(DEFAULT_HOURS, ZoneInfo("Asia/Urumqi"))
    assert not decide(urumqi, AUTO, china(21, 8)).open
    assert decide(urumqi, AUTO, china(21, 10)).open


def test_over_midnight() -> None:
    schedule = parse_hours("22:00-06:00", CHINA)
    assert decide(schedule, AUTO, china(21, 23)).next_change == china(22, 6)
    assert decide(schedule, AUTO, china(22, 5, 59)).open
    assert not decide(schedule, AUTO, china(22, 6)).open


def test_friday_night_reaches_into_a_closed_saturday() -> None:
    schedule = parse_hours({"fri": "20:00-02:00"}, CHINA)
    assert decide(schedule, AUTO, china(21, 1)).open
    assert not decide(schedule, AUTO, china(21, 2)).open
    assert decide(schedule, AUTO, china(21, 2)).next_change == china(27, 20)


def test_round_the_clock_and_never() -> None:
    assert decide(parse_hours("24h", CHINA), AUTO, china(21, 3)) == decide(
        parse_hours("00:00-12:00, 12:00-24:00", CHINA), AUTO, china(21, 3)
    )
    assert decide(parse_hours("24h", CHINA), AUTO, china(21, 3)).next_change is None
    never = decide(parse_hours("closed", CHINA), AUTO, china(21, 3))
    assert (never.open, never.next_change) == (False, None)


def test_lunch_break_and_weekdays() -> None:
    schedule = parse_hours({"mon-fri": "08:00-12:00, 14:00-18:00", "sat": "09:00-12:00"}, CHINA)
    assert not decide(schedule, AUTO, china(20, 13)).open
    assert decide(schedule, AUTO, china(20, 13)).next_change == china(20, 14)
    assert decide(schedule, AUTO, china(21, 11)).open
    assert not decide(schedule, AUTO, china(22, 11)).open


def test_overrides() -> None:
    schedule = parse_hours(DEFAULT_HOURS, CHINA)
    assert decide(schedule, HoursMode.OPEN, china(21, 3)).open
    assert not decide(schedule, HoursMode.CLOSED, china(21, 12)).open
    assert decide(schedule, HoursMode.CLOSED, china(21, 12)).next_change is None


@pytest.mark.parametrize("tenant", HoursMode)
def test_the_line_wins_over_the_tenant(tenant: HoursMode) -> None:
    assert effective(HoursMode.OPEN, tenant) is HoursMode.OPEN
    assert effective(HoursMode.CLOSED, tenant) is HoursMode.CLOSED
    assert effective(AUTO, tenant) is tenant


@pytest.mark.parametrize(
    "hours",
    [
        "8-18", "08:00-25:00", "24:00-08:00", "08:00-08:00", "08:00-12:00, 11:00-13:00", "",
        "08:60-09:00", {"monday": "24h"}, {"fri-mon": "24h"}, {"mon-wed": "24h", "tue": "24h"},
    ],
)  # fmt: skip
def test_what_isnt_hours_is_refused(hours: str | dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_hours(hours, CHINA)


def minutes(at: int) -> str:
    return f"{at // 60:02}:{at % 60:02}"


ranges = (
    st.lists(st.integers(0, 1440), min_size=2, max_size=6, unique=True)
    .map(sorted)
    .map(lambda cut: ", ".join(f"{minutes(a)}-{minutes(b)}" for a, b in pairwise(cut))[:23])
    .map(lambda text: ", ".join(part for part in text.split(", ") if len(part) == 11))
)
weeks = st.dictionaries(
    st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]),
    st.one_of(ranges, st.just("24h"), st.just("closed"), st.just("21:30-05:15")),
    max_size=7,
)
moments = st.integers(0, 2 * 365 * 86_400_000).map(
    lambda ms: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)


@given(hours=weeks, now=moments, zone=st.sampled_from([CHINA, BERLIN]))
def test_nothing_changes_before_the_next_change(
    hours: dict[str, str], now: datetime, zone: ZoneInfo
) -> None:
    """Up to it the state holds, from it on the other; without one it holds for a week."""
    schedule = parse_hours(hours, zone)
    first = decide(schedule, AUTO, now)
    until = first.next_change or now + timedelta(days=7)
    assert until > now
    for part in (0.25, 0.5, 0.75, 0.999999):
        assert decide(schedule, AUTO, now + (until - now) * part).open is first.open
    if first.next_change is not None:
        assert decide(schedule, AUTO, first.next_change).open is not first.open


@given(hours=weeks, now=moments)
def test_a_minute_is_open_when_its_day_or_the_evening_before_says_so(
    hours: dict[str, str], now: datetime
) -> None:
    """Against a plain reading of the schedule, in a zone without summer time."""
    schedule = parse_hours(hours, CHINA)
    local = now.astimezone(CHINA)
    minute = local.hour * 60 + local.minute + local.second / 60 + local.microsecond / 60e6
    today = schedule.days[local.weekday()]
    yesterday = schedule.days[(local.weekday() - 1) % 7]
    plain = any(r.start <= minute < r.end for r in today) or any(
        minute < r.end - 1440 for r in yesterday
    )
    assert decide(schedule, AUTO, now).open is plain


def test_summer_time_begins_while_open() -> None:
    """The clock jumps from 2:00 to 3:00: closing time is what the clock on the wall says."""
    schedule = parse_hours("01:00-05:00", BERLIN)
    change = datetime(2026, 3, 29, 1, 30, tzinfo=BERLIN)
    assert decide(schedule, AUTO, change).next_change == datetime(2026, 3, 29, 3, 0, tzinfo=UTC)
