"""How a due date came about, told in both languages: the days told are those that were counted."""

import re
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from tickets import policy as policy_module
from tickets.calendar import WorkCalendar, moment, seconds
from tickets.clock_told import clocks_told
from tickets.clocks import TicketClock, extend, set_statutory, settle
from tickets.effects import ClockName
from tickets.explain import Said, explain
from tickets.model import Kind
from tickets.policy import AlwaysOn, Matter, Policy, Urgency
from tickets.timetable import Rules, rules_of
from tickets.workdays import CalendarFile

CHINA = ZoneInfo("Asia/Shanghai")
PRESETS = Path(policy_module.__file__).parent / "data" / "policies"
CALENDAR = WorkCalendar(CHINA, CalendarFile(), (2025, 2028))
COMPLAINT = Matter(Kind.COMPLAINT)


def rules(name: str) -> Rules:
    text = (PRESETS / f"{name}.yaml").read_text("utf-8")
    return rules_of(Policy.model_validate(yaml.safe_load(text)), CALENDAR)


def at(text: str) -> int:
    return seconds(datetime.fromisoformat(text).replace(tzinfo=CHINA))


def worked(days: tuple[str, ...], words: str) -> int:
    """How many days of work these lines tell of in all."""
    return sum(int(found[1]) for day in days if (found := re.search(words, day)))


@pytest.mark.parametrize(
    "begins", ["2026-02-10 10:00", "2026-09-30 16:00", "2026-12-30 10:00", "2026-11-22 03:00"]
)
@pytest.mark.parametrize("name", ["guangxi", "baoji", "shandong", "guangdong", "shanghai"])
@pytest.mark.parametrize("kind", list(Kind))
def test_the_days_of_work_add_up_to_the_limit(name: str, begins: str, kind: Kind) -> None:
    """Over make-up days, holidays and into a year that isn't decreed."""
    matter, found = Matter(kind), explain(rules(name), ClockName.FINISH, Matter(kind), at(begins))
    assert found is not None
    limit = rules(name).policy.finish_rule(matter).limit.amount
    assert worked(tuple(one.en for one in found.days), r"worked, (\d+) day") == limit
    assert worked(tuple(one.zh for one in found.days), r"上班,(\d+)天") == limit


def test_a_day_that_began_it_and_one_not_decreed_are_told_so() -> None:
    found = explain(rules("guangxi"), ClockName.FINISH, COMPLAINT, at("2026-12-30 10:00"))
    assert found is not None
    assert found.provisional
    assert found.days[0] == Said(
        "2026-12-30 (周三): the day it began, not counted", "2026-12-30 (周三):开始当日,不计入"
    )
    assert found.days[2].zh == "2027-01-01 (周五):休息,元旦,暂定(放假安排尚未公布)"


@pytest.mark.parametrize(
    ("clock", "matter"),
    [
        (ClockName.FINISH, Matter(Kind.HELP, Urgency.URGENT)),
        (ClockName.SIGN, Matter(Kind.HELP, always=AlwaysOn.DANGER)),
        (ClockName.CONTACT, COMPLAINT),
        (ClockName.DESK, COMPLAINT),
    ],
)
def test_whoever_reads_chinese_reads_no_english(clock: ClockName, matter: Matter) -> None:
    found = explain(rules("shanghai"), clock, matter, at("2026-11-22 20:00"), "PENDING_REVIEW")
    assert found is not None
    for one in (*found.reasons, *found.days):
        assert not re.search("[A-Za-z]", one.zh), one.zh


def test_days_go_to_where_an_extension_or_a_law_put_the_due_date() -> None:
    policy = rules("guangxi")
    spans = ((at("2026-11-23 10:00"), None),)
    begun = settle(TicketClock("t", "1", ClockName.FINISH, 1, COMPLAINT, spans), policy)
    extended = extend(begun, 5, policy)
    (told,) = clocks_told([extended], policy, at("2026-11-24 10:00"))
    assert worked(told.days, r"worked, (\d+) day") == 15
    assert told.days[-1].startswith(f"{moment(extended.due).astimezone(CHINA):%Y-%m-%d}")
    assert "已延期5个工作日" in told.reasons_zh
    filed = set_statutory(begun, date(2027, 3, 1), policy)
    (told,) = clocks_told([filed], policy, at("2026-11-24 10:00"))
    assert told.days == ()
    assert "已立案:法定期限 2027-03-01" in told.reasons_zh
