"""Forecast files: the shipped one, calls from CSV, and mistakes by file and line."""

from pathlib import Path

import pytest

from hotline.plan_file import EXAMPLE, ForecastError, read_forecast

GOOD = """\
version: 1
interval_min: 30
profiles:
  - {id: cmn, name: 普通话, name_en: Mandarin, skills: {"lang:cmn": 5}}
kinds:
  - {id: cmn, name: 普通话, name_en: Mandarin, needs: "lang:cmn>=2", talk_s: 100, patience_s: 60}
forecast:
  - {from: "08:00", calls: {cmn: 10}, talk_s: {cmn: 200}}
  - {from: "08:30", calls: {cmn: 20}}
"""


def write(folder: Path, text: str, name: str = "forecast.yaml") -> Path:
    file = folder / name
    file.write_text(text, "utf-8")
    return file


def refused(file: Path, calls: Path | None = None) -> list[str]:
    with pytest.raises(ForecastError) as caught:
        read_forecast(file, calls)
    return [f"{Path(m.file).name}:{m.line}: {m.reason}" for m in caught.value.mistakes]


def test_the_shipped_forecast_covers_a_day() -> None:
    assert len(read_forecast(EXAMPLE).forecast) == 24


def test_calls_of_an_interval_become_calls_an_hour(tmp_path: Path) -> None:
    forecast = read_forecast(write(tmp_path, GOOD))
    first, second = (forecast.question(i, 1, 100).kinds[0] for i in forecast.forecast)
    assert (first.per_hour, first.handling_s, first.patience_s) == (20, 220, 60)
    assert (second.per_hour, second.handling_s) == (40, 120)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"08:30"', '"08:45"', "forecast.yaml:9: '08:45' begins no interval of 30 minutes"),
        ('"08:30"', '"8h"', "forecast.yaml:9: '8h' begins no interval"),
        ('"08:30"', '"08:00"', "forecast.yaml:9: 08:00 is there twice"),
        (
            "{cmn: 20}",
            "{za: 20}",
            "forecast.yaml:9: there is no kind of caller 'za' (there are cmn",
        ),
        ("{cmn: 20}", "{cmn: -1}", "forecast.yaml:9:"),
        (
            'needs: "lang:cmn>=2"',
            'needs: "lang:za"',
            "forecast.yaml:6: callers 'cmn' (lang:za): no",
        ),
        ('needs: "lang:cmn>=2"', 'needs: "lang:cmn>=9"', "forecast.yaml:6:"),
        ('{"lang:cmn": 5}', '{"lang:cmn": 6}', "forecast.yaml:4:"),
        ("interval_min: 30", "interval_min: 20", "forecast.yaml:2:"),
        ("talk_s: 100", "talk_s: 0", "forecast.yaml:6:"),
        ("interval_min: 30", "shrinkage: 1.0", "forecast.yaml:2:"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in GOOD
    assert any(m.startswith(told) for m in refused(write(tmp_path, GOOD.replace(old, new))))


def test_a_forecast_without_calls_is_refused(tmp_path: Path) -> None:
    (told,) = refused(write(tmp_path, GOOD.partition("forecast:")[0]))
    assert "there are no calls" in told


def test_calls_come_from_a_spreadsheet(tmp_path: Path) -> None:
    csv = write(tmp_path, "\ufefffrom,cmn\n08:00,12\n08:30,\n09:00,7.5\n", "calls.csv")
    forecast = read_forecast(write(tmp_path, GOOD.partition("forecast:")[0]), csv)
    assert [(i.begins, i.calls["cmn"]) for i in forecast.forecast] == [
        ("08:00", 12), ("08:30", 0), ("09:00", 7.5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("from,za\n08:00,1\n", "calls.csv:1: there is no kind of caller 'za'"),
        ("from,cmn\n08:00,many\n", "calls.csv:2: cmn: 'many' is no count of calls"),
        ("from,cmn\n08:00,-3\n", "calls.csv:2: cmn: '-3' is no count of calls"),
        ("from,cmn\n08:00,nan\n", "calls.csv:2: cmn: 'nan' is no count of calls"),
        ("from,cmn\n08:00,1\n\n08:10,2\n", "calls.csv:4: '08:10' begins no interval"),
        ("from,cmn\n08:00,1,2\n", "calls.csv:2: 3 cells, where the header has 2"),
        ("time,cmn\n08:00,1\n", "calls.csv:1: write a header `from,<kind>"),
        ("", "calls.csv:1: write a header"),
    ],
)
def test_a_mistake_in_the_spreadsheet_is_told_with_its_line(
    tmp_path: Path, text: str, told: str
) -> None:
    file = write(tmp_path, GOOD)
    assert any(m.startswith(told) for m in refused(file, write(tmp_path, text, "calls.csv")))


def test_files_that_are_not_there_are_told(tmp_path: Path) -> None:
    assert "can't be read" in refused(tmp_path / "no.yaml")[0]
    assert "can't be read" in refused(write(tmp_path, GOOD), tmp_path / "no.csv")[0]
