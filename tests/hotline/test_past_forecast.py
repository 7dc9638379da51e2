"""Past days as a forecast: who called when, how long, and when they gave up."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from hotline.past_forecast import forecast_of
from hotline.plan_file import read_forecast
from ivr.lines import DEFAULT_TABLE, load_lines
from ivr.queue_rules import DEFAULT_RULES, read_rules
from queue_manager.model import Seat
from storage.calls import SqlCalls
from storage.past_calls import PastCalls, past_calls
from tests.storage.facts import SHANGHAI, call_record, opened
from tickets.model import Outcome

LINES = {line.id: line for line in load_lines(DEFAULT_TABLE).lines}
RULES = read_rules(DEFAULT_RULES)
NINE = datetime(2026, 11, 16, 9, 0, tzinfo=SHANGHAI)
SEATS = [
    Seat("default", "1", "", "1", {"lang:cmn": 5, "svc:general": 3}),
    Seat("default", "2", "", "2", {"lang:cmn": 5, "svc:general": 3}),
    Seat("default", "3", "", "3", {"lang:cmn": 5, "lang:za": 4, "svc:general": 3}),
]


def past(minutes: int, language: str = "cmn", offered: int = 4, line: str = "general") -> PastCalls:
    begins = NINE + timedelta(minutes=minutes)
    return PastCalls(begins, line, language, offered, 1, offered - 1, 300.0, 60.0)


def made(tmp_path: Path, rows: Sequence[PastCalls], days: int, interval_min: int = 60) -> Path:
    told = forecast_of(rows, days, interval_min, LINES, RULES, SEATS, 20.0)
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(told, allow_unicode=True, sort_keys=False), "utf-8")
    return file


def test_the_mean_of_the_days_by_interval_and_kind(tmp_path: Path) -> None:
    rows = [past(0), past(15), past(24 * 60), past(60, "za", 2)]
    forecast = read_forecast(made(tmp_path, rows, days=2))
    mandarin, zhuang = forecast.kinds
    assert [(i.begins, dict(i.calls)) for i in forecast.forecast] == [
        ("09:00", {mandarin.id: 6.0}), ("10:00", {zhuang.id: 1.0}),
    ]  # fmt: skip
    assert (mandarin.talk_s, mandarin.wrap_up_s, mandarin.patience_s) == (100.0, 20.0, 60.0)
    assert str(mandarin.needs) == str(LINES["general"].needed("cmn"))
    assert [(p.skills, p.cost) for p in forecast.profiles] == [
        (SEATS[0].skills, 1.0), (SEATS[2].skills, 1.15),
    ]  # fmt: skip


def test_quarters_stay_quarters_when_asked_for(tmp_path: Path) -> None:
    forecast = read_forecast(made(tmp_path, [past(0), past(15)], days=1, interval_min=15))
    assert [i.begins for i in forecast.forecast] == ["09:00", "09:15"]


def test_nobody_gave_up_means_nobody_is_taken_to(tmp_path: Path) -> None:
    patient = PastCalls(NINE, "general", "cmn", 3, 0, 3, 300.0, 12.0)
    assert read_forecast(made(tmp_path, [patient], days=1)).kinds[0].patience_s is None


def test_calls_of_lines_that_are_gone_are_left_out() -> None:
    assert forecast_of([past(0, line="gone")], 1, 60, LINES, RULES, SEATS, 20.0)["kinds"] == []


@pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.ABANDONED])
async def test_stored_calls_are_counted_by_quarter_line_and_language(
    sql_url: str, outcome: Outcome
) -> None:
    async with opened(sql_url) as database:
        calls = SqlCalls(database)
        for number, (minutes, language) in enumerate([(0, "cmn"), (14, "cmn"), (15, "za")]):
            at = NINE + timedelta(minutes=minutes)
            await calls.record(
                call_record(f"n-{number}", outcome=outcome, queued_at=at, language=language)
            )
        await calls.record(call_record("other", "baoji", queued_at=NINE))
        await calls.record(call_record("before", queued_at=NINE - timedelta(seconds=1)))
        found = await past_calls(database, "default", NINE, NINE + timedelta(days=1), SHANGHAI)
    gave_up = outcome is Outcome.ABANDONED
    assert [(r.begins, r.language, r.offered, r.abandoned, r.talks) for r in found] == [
        (NINE, "cmn", 2, 2 * gave_up, 2 * (not gave_up)),
        (NINE + timedelta(minutes=15), "za", 1, 1 * gave_up, 1 * (not gave_up)),
    ]
    assert found[0].wait_s == 8.0
    assert found[0].talk_s == (0.0 if gave_up else 120.0)
