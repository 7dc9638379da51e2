"""Counters with numerator and denominator."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from queue_manager.model import LeaveReason
from queue_manager.statistics import Quarter, Slot, Statistics, Totals, slot_of

TODAY = date(2026, 11, 21)
SLOT = Slot(TODAY, 40)


def test_the_slot_is_in_the_zone_of_the_time_given() -> None:
    """16:10 in London's winter is 00:10 of the next day in Shanghai."""
    time = datetime(2026, 11, 20, 16, 10, tzinfo=UTC)
    assert slot_of(time.astimezone(ZoneInfo("Asia/Shanghai"))) == Slot(TODAY, 0)
    assert slot_of(time) == Slot(date(2026, 11, 20), 64)


def test_every_counter_of_a_day() -> None:
    """Seven callers of two lines with every way to end, in total, per line and per quarter."""
    statistics = Statistics(15)
    for line_id in ("12345", "12345", "12345", "12345", "12345", "12333", "12333"):
        statistics.entered(SLOT, line_id)
    statistics.answered(SLOT, "12345", 15.0)
    statistics.answered(SLOT, "12345", 15.5)
    statistics.talked(SLOT, "12345", 120.0)
    statistics.left(SLOT, "12345", 4.9, LeaveReason.ABANDONED)
    statistics.left(SLOT, "12345", 5.0, LeaveReason.ABANDONED)
    statistics.left(SLOT, "12345", 61.0, LeaveReason.VOICE_REQUEST)
    statistics.left(SLOT, "12333", 9.0, LeaveReason.TRANSFERRED)
    shown = statistics.snapshot(TODAY)
    total = shown["total"]
    rates = total.pop("rates")
    assert total == {
        "offered": 7, "answered": 2, "answered_in_time": 1, "abandoned": 2, "abandoned_short": 1,
        "voice_requests": 1, "transferred": 1, "wait_total_s": 30.5, "longest_wait_s": 61.0,
        "talks": 1, "talk_total_s": 120.0,
    }  # fmt: skip
    assert rates["connection"] == {"numerator": 2, "denominator": 7}
    assert rates["service_level"] == {"numerator": 1, "denominator": 2}
    assert rates["service_level_of_offered"] == {"numerator": 1, "denominator": 7}
    assert rates["average_wait_s"] == {"numerator": 30.5, "denominator": 2}
    assert rates["abandonment"] == {"numerator": 2, "denominator": 7}
    assert rates["abandonment_without_short"] == {"numerator": 1, "denominator": 6}
    assert rates["average_talk_s"] == {"numerator": 120.0, "denominator": 1}
    assert shown["lines"]["12333"]["offered"] == 2
    assert shown["lines"]["12333"]["transferred"] == 1
    assert shown["lines"]["12333"]["longest_wait_s"] == 9.0
    assert shown["quarters"][40] == {"offered": 7, "answered": 2, "abandoned": 2}
    assert len(shown["quarters"]) == 96


def test_a_caller_over_midnight_belongs_to_the_day_he_came() -> None:
    """Answered after midnight, he raises yesterday's numerator; today begins with nothing."""
    statistics = Statistics(15)
    yesterday = Slot(date(2026, 11, 20), 95)
    statistics.entered(yesterday, "12345")
    assert statistics.snapshot(TODAY)["total"]["offered"] == 0
    statistics.answered(yesterday, "12345", 20.0)
    assert statistics.snapshot(TODAY)["total"]["answered"] == 0
    assert statistics.snapshot(yesterday.day)["total"]["answered"] == 1


def test_only_two_days_are_kept() -> None:
    """A third day takes the place of the oldest; older facts go to the oldest kept."""
    statistics = Statistics(15)
    for day in (19, 20, 21):
        statistics.entered(Slot(date(2026, 11, day), 0), "12345")
    statistics.entered(Slot(date(2026, 11, 1), 0), "12345")
    assert statistics.snapshot(date(2026, 11, 20))["total"]["offered"] == 2
    assert statistics.snapshot(TODAY)["total"]["offered"] == 1


def test_a_restart_goes_on_counting() -> None:
    """Stored totals of two lines and their quarters are the beginning."""
    statistics = Statistics(15)
    stored = {
        "12345": Totals(offered=10, answered=9, longest_wait_s=40.0),
        "12333": Totals(offered=5, answered=5, longest_wait_s=12.0),
    }
    statistics.restore(TODAY, stored, {40: Quarter(15, 14, 1)})
    statistics.entered(SLOT, "12333")
    shown = statistics.snapshot(TODAY)
    assert (shown["total"]["offered"], shown["total"]["answered"]) == (16, 14)
    assert shown["total"]["longest_wait_s"] == 40.0
    assert shown["lines"]["12333"]["offered"] == 6
    assert shown["quarters"][40] == {"offered": 16, "answered": 14, "abandoned": 1}
    assert stored["12333"].offered == 5
