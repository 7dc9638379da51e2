"""Commands that read and write SQL themselves: they need a home, not a running engine."""

import asyncio
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from console.auth import TOKEN
from hotline.commands.common import check_words
from hotline.commands.seat_words import check_name, skills_of
from hotline.errors import BadRequest
from ivr.lines import DEFAULT_TABLE, load_lines
from ivr.rosters import EXAMPLE_ROSTER
from storage.calls import SqlCalls
from tests.hotline.prepared import Home
from tests.servers import free_port
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


class Stranger(BaseHTTPRequestHandler):
    """An engine that doesn't know this installation's token."""

    def do_GET(self) -> None:
        """Refused, as by the real one."""
        self.send_error(401)

    def log_message(self, *words: object) -> None:
        """Not into the tests' output."""


@contextmanager
def another_engine() -> Iterator[int]:
    """The port it answers at."""
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            serving.join()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_a_seat_is_added_once_and_its_password_is_stored_nowhere(home: Home) -> None:
    """As users run it: the engine's box shows what such commands need."""
    words = ("seats", "add", "1001", "--name", "一号", "--skill", "lang:za=4", "--json")
    added = json.loads(home.really(*words).out)
    assert (added["user"], added["in_use"]) == ("1001", False)
    assert re.fullmatch(r"[A-Za-z0-9]{20}", added["password"])
    assert json.loads(home.really("seats", "list", "--json").out) == [
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
    assert "default already has a seat 1001" in said.sentence


def test_a_new_password_replaces_the_old_one(home: Home) -> None:
    old = home.json("seats", "add", "1001")["password"]
    new = home.json("seats", "password", "1001")["password"]
    assert old != new
    assert home.does("seats", "password", "1002").code == 2


@pytest.mark.parametrize("skill", ["cmn", "lang:cmn=9", "lang:cmn=0", "Lang:cmn", "lang:cmn;x=1"])
def test_a_skill_that_is_none_is_refused(skill: str) -> None:
    with pytest.raises(BadRequest, match="lang:cmn=5"):
        skills_of([skill])


@pytest.mark.parametrize("name", ["一号\r\nx", "a;b", "\x1b[31m", "座" * 61])
def test_a_name_that_would_be_more_is_refused(name: str) -> None:
    with pytest.raises(BadRequest, match="one line without ;"):
        check_words("name", name)


def test_names_that_would_be_in_the_way_are_refused_before_they_are_stored(home: Home) -> None:
    """A SIP name of Asterisk's own would end every start to come."""
    for words, told in (
        (("trunk-city",), "kept for other use"),
        (("1001", "--name", "a\nb"), "one line without ;"),
        (("../1",), "letters, digits"),
        (("1001", "--skill", "lang:cmn=9"), "lang:cmn=5"),
    ):
        said = home.does("seats", "add", *words)
        assert (said.code, told in said.sentence) == (2, True)
    assert home.json("seats", "list") == []


def test_a_seat_can_be_taken_away_again_and_other_files_are_left_alone(home: Home) -> None:
    """A port given at the start and forgotten now doesn't get into what Asterisk runs by."""
    etc = home.folder / "etc/asterisk"
    manager = (etc / "manager.conf").read_bytes()
    home.settings["HOTLINE_AMI_PORT"] = str(free_port())
    home.json("seats", "add", "1001")
    assert "[1001]" in (etc / "pjsip_seats.conf").read_text()
    assert home.does("seats", "remove", "1001").out == "seat 1001: removed\n"
    assert "[1001]" not in (etc / "pjsip_seats.conf").read_text()
    assert (etc / "manager.conf").read_bytes() == manager
    assert "has no seat 1001" in home.does("seats", "remove", "1001").sentence


def test_where_another_installation_answers_nothing_is_written(home: Home) -> None:
    """Two side by side, and the second's port forgotten: told, with no seat and no file changed."""
    with another_engine() as port:
        home.settings["HOTLINE_HTTP_PORT"] = str(port)
        said = home.does("seats", "add", "1001")
        assert said.code == 2
        assert f"http://127.0.0.1:{port} refuses the token of home" in said.sentence
    assert "[1001]" not in (home.folder / "etc/asterisk/pjsip_seats.conf").read_text()
    assert home.json("seats", "list") == []


@pytest.mark.parametrize("seat", ["../1", "1;rm", "a b", "x" * 41, "座席"])
def test_a_seat_number_that_would_be_more_is_refused(seat: str) -> None:
    with pytest.raises(BadRequest, match="letters, digits"):
        check_name("seat", seat)


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


def test_a_lost_token_is_found_and_ended(home: Home) -> None:
    token_id, _, secret = home.does("token", "create", "--label", "大厅").out.strip().partition(".")
    assert home.does("token", "revoke", f"{token_id}.{secret}").code == 0
    listed = home.does("token", "list", "--json").out
    assert secret not in listed
    (known,) = [one for one in json.loads(listed) if one["id"] == token_id]
    assert (known["label"], known["role"], known["state"]) == ("大厅", "wallboard", "revoked")
    assert "no living token" in home.does("token", "revoke", token_id).sentence
    assert known["expires_at"] == datetime.fromisoformat(known["expires_at"]).isoformat()


def test_a_token_of_a_seat_that_isnt_there_is_made_and_says_so(home: Home) -> None:
    said = home.does("token", "create", "--role", "seat", "--seat", "1001")
    assert (said.code, "has no seat 1001 yet" in said.sentence) == (0, True)


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


def test_figures_are_written_where_whoever_asks_wants_them(home: Home, tmp_path: Path) -> None:
    """Also by root, whose folders the engine's box doesn't show."""
    file = tmp_path / "11.csv"
    days = ("--from", "2026-11-01", "--to", "2026-11-30")
    said = home.does("figures", "export", *days, "--csv", "--output", str(file))
    assert (said.code, said.errors) == (0, "")
    assert file.read_text().startswith("begins,queue,name,offered,")
