"""`hotline plan`: the table, the JSON, the chart as Chromium draws it, and what is refused."""

import json
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import sync_playwright
from rich.console import Console

from hotline.commands import plan as command
from hotline.plan_chart import draw
from hotline.plan_file import read_forecast
from ivr.rosters import EXAMPLE_ROSTER, read_roster
from queue_manager.day_plan import cover_by_shifts, plan_day, with_people
from tests.hotline.command import hotline
from tests.servers import wait_until

SMALL = """\
version: 1
shrinkage: 0.2
profiles:
  - {id: cmn, name: 普通话, name_en: Mandarin, skills: {"lang:cmn": 5}}
  - {id: both, name: 双语 <壮>, name_en: Both & more, cost: 1.2,
     skills: {"lang:cmn": 5, "lang:za": 3}}
kinds:
  - {id: cmn, name: 普通话来电, name_en: Mandarin, needs: "lang:cmn", talk_s: 160, patience_s: 150}
  - {id: za, name: 壮语来电, name_en: Zhuang, needs: "lang:za", talk_s: 200, patience_s: 150}
forecast:
  - {from: "09:00", calls: {cmn: 40, za: 4}}
  - {from: "10:00", calls: {cmn: 40, za: 4}}
  - {from: "21:00", calls: {cmn: 6}}
"""
CHROMIUM = "/usr/bin/chromium"


@pytest.fixture(scope="module")
def forecast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("plan") / "small.yaml"
    file.write_text(SMALL, "utf-8")
    return file


def test_the_plan_is_told_in_json_the_same_for_the_same_seed(
    forecast: Path, tmp_path: Path
) -> None:
    words = ["plan", str(forecast), "--simulated", "8000", "--seed", "3", "--json"]
    words += ["--svg", str(tmp_path / "plan.svg")]
    first, again = (hotline(*words, home=tmp_path) for _ in range(2))
    assert first.code == 0, first.errors
    assert first.out == again.out
    told = json.loads(first.out)
    nine, ten, late = told["intervals"]
    assert (nine["from"], ten["to"], late["from"]) == ("09:00", "11:00", "21:00")
    assert nine["seats"] == ten["seats"]
    assert late["seats"] == {"cmn": late["erlang_a"], "both": 0}
    assert set(nine["kinds"]["za"]["in_time"]) == {"mean", "half_width", "half_width_999"}
    shifts = {shift["shift"]: shift["seats"] for shift in told["shifts"]}
    assert shifts["early"] == nine["seats"]
    assert shifts["late"] == late["seats"]
    assert shifts["night"] == {"cmn": 0, "both": 0}
    assert told["teams"] == 6
    assert told["people"]["both"] == 6 * -(-nine["seats"]["both"] * 10 // 8)
    assert (tmp_path / "plan.svg").is_file()


def test_the_table_has_every_interval_and_shift(forecast: Path, tmp_path: Path) -> None:
    words = ("plan", str(forecast), "--simulated", "4000", "--svg", str(tmp_path / "p.svg"))
    said = hotline(*words, "--share", "0.7", "--within-s", "30", home=tmp_path)
    assert said.code == 0, said.errors
    for shown in ("09:00–10:00", "21:00–22:00", "早班 Early", "目标 target: 70% ≤ 30 s", "█"):
        assert shown in said.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("none.yaml",), "can't be read"),
        (("FILE", "--share", "1.5"), "--share 1.5: shares are 0 to below 1"),
        (("FILE", "--within-s", "-3"), "--within-s -3: write seconds"),
        (("FILE", "--history", "7"), "--history takes the place of a forecast"),
        (("--history", "7"), "there is no installation"),
        (("FILE", "--svg", "/proc/none/plan.svg"), "--svg /proc/none/plan.svg"),
        (("FILE", "--roster", "FILE"), "small.yaml"),
    ],
)
def test_what_cannot_be_planned_is_told_in_one_place(
    forecast: Path, tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    given = [str(forecast) if word == "FILE" else word for word in words]
    said = hotline("plan", *given, "--simulated", "4000", home=tmp_path)
    assert said.code != 0
    assert told in said.errors
    assert "Traceback" not in said.errors


def test_progress_is_shown_while_the_first_interval_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing where all is done at once, else a bar that goes on."""
    said = StringIO()
    monkeypatch.setenv("TERM", "xterm")  # a dumb one is shown no bar
    monkeypatch.setattr(command, "progress", Console(file=said, force_terminal=True, width=80))
    with command._told(3) as told:
        told(1)
    assert said.getvalue() == ""
    monkeypatch.setattr(command, "PATIENCE_S", 0.01)
    with command._told(3) as told:
        wait_until(lambda: "planning" in said.getvalue(), what="the bar")
        told(2)
        wait_until(lambda: "67%" in said.getvalue(), what="its progress")


def test_hours_no_shift_covers_are_told_and_the_plan_stands(forecast: Path, tmp_path: Path) -> None:
    day = tmp_path / "day.yaml"
    day.write_text(
        "version: 1\nshifts:\n  - {id: d, name: 白, name_en: D, hours: '08:00-18:00'}\n"
        "rotations:\n  - {id: r, starts: 2026-01-01, cycle: [d], "
        "teams: [{id: a, name: 甲, name_en: A}]}\n",
        "utf-8",
    )
    words = ("plan", str(forecast), "--simulated", "4000", "--roster", str(day))
    said = hotline(*words, "--svg", str(tmp_path / "p.svg"), home=tmp_path)
    assert said.code == 0, said.errors
    assert "no shift covers 21:00 to 22:00" in said.out


def test_the_chart_is_drawn_with_axes_units_and_both_languages(
    forecast: Path, tmp_path: Path
) -> None:
    """Looked at in Chromium: all text lies inside the picture, and bars stand on their axis."""
    given = read_forecast(forecast)
    plans = plan_day(given, seed=1, calls=4000)
    roster = read_roster(EXAMPLE_ROSTER)
    shifts = with_people(cover_by_shifts(given, plans, roster.shifts), roster, given.shrinkage)
    svg = tmp_path / "plan.svg"
    svg.write_text(draw(given, plans, shifts), "utf-8")
    ElementTree.parse(svg)
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(svg.as_uri())
        texts = page.eval_on_selector_all("text", "all => all.map(t => t.textContent)")
        outside = page.evaluate(
            """() => {
              const all = document.documentElement.getBoundingClientRect();
              return [...document.querySelectorAll('text, rect, polyline')].filter(e => {
                const b = e.getBoundingClientRect();
                return b.left < all.left - 1 || b.right > all.right + 1 ||
                  b.top < all.top - 1 || b.bottom > all.bottom + 1;
              }).map(e => e.outerHTML);
            }"""
        )
        apart = page.evaluate(
            """() => {
              const titles = [...document.querySelectorAll('text.title, text.legend')];
              const boxes = titles.map(t => t.getBoundingClientRect());
              return boxes.some((a, i) => boxes.some((b, j) => i < j && a.left < b.right &&
                b.left < a.right && a.top < b.bottom && b.top < a.bottom));
            }"""
        )
        browser.close()
    assert outside == []
    assert not apart, "two labels lie on each other"
    wanted = (
        "座席规划 Staffing plan", "来电 Calls (每小时 per hour)", "座席 Seats (需要 needed)",
        "服务水平 Service (%)", "班次在岗 on shift", "时间 Time of day", "双语 <壮> Both & more",
        "12:00", "100",
    )  # fmt: skip
    for text in wanted:
        assert text in texts
