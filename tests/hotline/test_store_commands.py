"""Commands that read and write SQL themselves: they need a home, not a running engine."""

import asyncio
import hashlib
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from console.auth import TOKEN
from ivr.lines import DEFAULT_TABLE, load_lines
from ivr.rosters import EXAMPLE_ROSTER
from storage.calls import SqlCalls
from tests.hotline.prepared import Home
from tests.storage.facts import SHANGHAI, call_record, opened

CITIES = """
[[tenants]]
id = "nanning"
name = "南宁12345"
prefixes = ["0771"]

[[tenants]]
id = "baoji"
name = "宝鸡12345"
prefixes = ["0917"]
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_a_seat_is_added_once_and_its_password_is_stored_nowhere(home: Home) -> None:
    added = home.json("seats", "add", "1001", "--name", "一号", "--skill", "lang:za=4")
    assert (added["user"], added["in_use"]) == ("1001", False)
    assert re.fullmatch(r"[A-Za-z0-9]{20}", added["password"])
    assert home.json("seats", "list") == [
        {
            "seat": "1001", "name": "一号", "endpoint": "1001", "state": None,
            "skills": {"lang:za": 4}, "team": "",
        }
    ]  # fmt: skip
    realm = (home.folder / "secrets" / "sip_realm").read_text().strip()
    account = f"1001:{realm}:{added['password']}".encode()
    digest = hashlib.md5(account, usedforsecurity=False).hexdigest()
    rendered = (home.folder / "etc/asterisk/pjsip_seats.conf").read_text()
    assert digest in rendered
    for file in home.folder.rglob("*"):
        if file.is_file():
            assert added["password"].encode() not in file.read_bytes(), file


def test_a_number_twice_is_refused(home: Home) -> None:
    home.json("seats", "add", "1001")
    said = home.does("seats", "add", "1001")
    assert said.code == 2
    assert "already" in said.sentence


def test_a_new_password_replaces_the_old_one(home: Home) -> None:
    old = home.json("seats", "add", "1001")["password"]
    new = home.json("seats", "password", "1001")["password"]
    assert old != new
    assert home.does("seats", "password", "1002").code == 2


@pytest.mark.parametrize("skill", ["cmn", "lang:cmn=9", "lang:cmn=0", "Lang:cmn", "lang:cmn;x=1"])
def test_a_skill_that_is_none_is_refused(home: Home, skill: str) -> None:
    said = home.does("seats", "add", "1001", "--skill", skill)
    assert said.code == 2
    assert "lang:cmn=5" in said.sentence


@pytest.mark.parametrize("seat", ["../1", "1;rm", "a b", "x" * 41, "座席"])
def test_a_seat_number_that_would_be_more_is_refused(home: Home, seat: str) -> None:
    said = home.does("seats", "add", seat)
    assert said.code == 2
    assert "letters, digits" in said.sentence


def test_two_cities_may_both_have_a_seat_1001(tmp_path: Path) -> None:
    """A SIP name is unique in Asterisk, a seat's number in its city."""
    home = Home(tmp_path / "home", CITIES)
    names = {home.json("seats", "add", "1001", "--tenant", t)["user"] for t in ("nanning", "baoji")}
    assert names == {"nanning-1001", "baoji-1001"}
    assert len(home.json("seats", "list", "--tenant", "baoji")) == 1


def test_hours_are_overridden_for_the_next_start(home: Home) -> None:
    said = home.does("hours", "set", "closed", "--line", "12333")
    assert (said.code, "next start" in said.out) == (0, True)
    views = {view["line"]: view for view in home.json("hours", "show")}
    assert (views["l12333"]["mode"], views["l12333"]["open_now"]) == ("closed", False)
    assert views["general"]["mode"] == "auto"
    assert home.does("hours", "set", "open").code == 0
    views = {view["line"]: view for view in home.json("hours", "show")}
    assert (views["general"]["open_now"], views["l12333"]["open_now"]) == (True, False)
    assert home.does("hours", "set", "open", "--line", "99999").code == 2


def test_no_tickets_is_an_empty_list(home: Home) -> None:
    assert home.json("tickets", "list") == []


def test_a_token_is_shown_once_and_stored_as_its_digest(home: Home) -> None:
    token = home.does("token", "create", "--role", "supervisor", "--label", "大厅").out.strip()
    assert TOKEN.fullmatch(token)
    secret = token.partition(".")[2].encode()
    for file in (home.folder / "state").glob("hotline.db*"):
        assert secret not in file.read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        ("--role", "seat"), ("--role", "administrator", "--seat", "1001"), ("--role", "king"),
        ("--role", "department"), ("--role", "department", "--unit", "nobody"),
        ("--role", "auditor", "--unit", "water"), ("--role", "leader", "--person", "a b"),
    ],
)  # fmt: skip
def test_a_token_that_makes_no_sense_is_refused(home: Home, words: tuple[str, ...]) -> None:
    said = home.does("token", "create", *words)
    assert (said.code, said.errors.count("\n")) == (2, 1)


def test_live_things_need_the_engine_and_say_so(home: Home) -> None:
    for words in (("status",), ("seats", "ready", "1001"), ("seats", "pause", "1001")):
        said = home.does(*words)
        assert said.code == 1
        assert "no engine answers" in said.sentence


def test_a_seat_is_put_into_a_team_of_the_roster_and_no_other(tmp_path: Path) -> None:
    toml = f"[[tenants]]\nid = 'city'\nname = '市'\nroster_file = '{EXAMPLE_ROSTER}'\n"
    home = Home(tmp_path / "home", toml)
    assert home.json("seats", "add", "1001", "--team", "team_3")["seat"] == "1001"
    assert home.json("seats", "list")[0]["team"] == "team_3"
    refused = home.does("seats", "team", "1001", "team_7")
    assert (refused.code, "there is no team 'team_7'" in refused.sentence) == (2, True)
    assert "has no seat 1009" in home.does("seats", "team", "1009", "team_4").sentence
    assert home.does("seats", "team", "1001", "team_4").out.startswith("seat 1001: team team_4")
    assert home.json("seats", "list")[0]["team"] == "team_4"


def test_the_roster_tells_the_teams_that_are_due_without_an_engine(tmp_path: Path) -> None:
    toml = f"[[tenants]]\nid = 'city'\nname = '市'\nroster_file = '{EXAMPLE_ROSTER}'\n"
    home = Home(tmp_path / "home", toml)
    told = home.json("roster", "show", "--at", "2026-01-01 21:00")["roster"]
    assert [(t["team"], t["shift"]) for t in told["teams"]] == [("team_3", "late")]
    assert told["counts"] is None
    shown = home.does("roster", "show", "--at", "2026-01-01 21:00").out
    assert "team team_3: 晚班 (late), 01-01 20:00 to 01-02 02:00" in shown
    assert "is no time" in home.does("roster", "show", "--at", "soon").sentence
    assert "6 teams in 4 shifts, no mistake" in home.does("roster", "check").out


def test_a_roster_is_checked_by_file_and_line(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    assert "no tenant has a roster_file" in home.does("roster", "check").sentence
    assert home.json("roster", "show") == {"roster": None}
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(EXAMPLE_ROSTER.read_text("utf-8").replace("id: team_2", "id: team_1"), "utf-8")
    said = home.does("roster", "check", str(wrong))
    line = (
        wrong.read_text("utf-8")
        .splitlines()
        .index("      - {id: team_1, name: 二班, name_en: Team 2}")
    )
    assert said.code == 1
    assert f"{wrong}:{line + 1}:" in said.sentence
    assert "team 'team_1' is there twice" in said.sentence


def test_a_forecast_of_past_days_needs_days_with_calls(home: Home) -> None:
    assert "had no calls in the queue in the last 28 days" in home.does("forecast").sentence
    assert "had no calls" in home.does("plan", "--history", "7").sentence


def test_past_days_are_planned_for(home: Home) -> None:
    line = next(line.id for line in load_lines(DEFAULT_TABLE).lines if "12345" in line.numbers)
    yesterday = datetime.now(SHANGHAI).replace(hour=9, minute=0) - timedelta(days=1)

    async def fill() -> None:
        async with opened(f"sqlite+aiosqlite:///{home.folder}/state/hotline.db") as database:
            for number in range(30):
                at = yesterday + timedelta(minutes=number)
                record = call_record(f"n-{number}", queued_at=at, talk_s=120, line_id=line)
                await SqlCalls(database).record(record)

    asyncio.run(fill())
    assert "has no seats to plan with" in home.does("forecast", "--days", "1").sentence
    home.json("seats", "add", "1001")
    told = yaml.safe_load(home.does("forecast", "--days", "1").out)
    assert [kind["talk_s"] for kind in told["kinds"]] == [120.0]
    assert told["forecast"] == [{"from": "09:00", "calls": {"kind_1": 30.0}}]
    chart = str(home.folder / "plan.svg")
    planned = home.json("plan", "--history", "1", "--simulated", "4000", "--svg", chart)
    (nine,) = planned["intervals"]
    assert nine["seats"] == {"seat_1": nine["erlang_a"]}
