"""Every mistake a user can make is one sentence on stderr and a non-zero exit."""

from pathlib import Path

import pytest

from hotline.errors import BadSettings
from hotline.loading import load_settings
from tests.hotline.command import hotline
from tests.servers import free_port

SAME_ADDRESS = """
[[trunks]]
id = "a"
match = ["192.0.2.0/28"]
[[trunks]]
id = "b"
match = ["192.0.2.9"]
"""
SAME_PREFIX = """
[[tenants]]
id = "a"
name = "A"
prefixes = ["0771"]
[[tenants]]
id = "b"
name = "B"
prefixes = ["0772", "0771"]
"""


def write(home: Path, text: str) -> Path:
    """A `hotline.toml` in this home."""
    home.mkdir(exist_ok=True)
    file = home / "hotline.toml"
    file.write_text(text)
    return file


def test_broken_toml_names_file_and_line(tmp_path: Path) -> None:
    file = write(tmp_path, 'log_level = "info"\nsip_port = \n')
    said = hotline("lines", "list", home=tmp_path)
    assert said.code == 2
    assert str(file) in said.sentence
    assert "line 2" in said.sentence


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    file = write(tmp_path, "")
    file.write_bytes(b"\xff\xfe\x00")
    said = hotline("lines", "list", home=tmp_path)
    assert said.code == 2
    assert f"{file}: not UTF-8" in said.sentence


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sip_prot = 5060", ["sip_prot", "no such setting; did you mean sip_port?"]),
        ("colour = 1", ["colour", "no such setting; docs/settings.md"]),
        ("sip_port = 70000", ["sip_port", "65535"]),
        ('sip_bind = "phones.example"', ["sip_bind", "IPv4"]),
        ('external_address = "a b"', ["external_address", "'a b'"]),
        ("[[trunks]]\nid = 'x y'", ["trunks[0].id: letters, digits, - and _ only"]),
        ("[[trunks]]\nid = 'a'\nmatch = '10.0.0.1'", ["trunks[0].match: must be a list"]),
        ("[[trunks]]\nid = 'a'\nmatch = ['x']", ["trunks[0].match[0]: value", "not 'x'"]),
        ("[[trunks]]\nid = 'a'\nspellings = {'x' = ''}", ["trunks[0].spellings", "digits"]),
        ("[[tenants]]\nid = 'a'\nname = 'A'\ntime_zone = 'Asia/Nanning'", ["no time zone"]),
        ("http_port = 5060", ["sip_port and http_port", "5060"]),
        ("rtp_start = 20000\nrtp_end = 20010", ["at least 100 ports"]),
        ("sip_port = 10010", ["sip_port lies between"]),
        ('database_url = "mysql://x"', ["database_url", "postgresql://"]),
        ("[[outbound]]\nnumber = '96116'\ntrunk = 'nobody'", ["no trunk 'nobody'"]),
        ("[[trunks]]\nid = 'a'", ["trunk a", "`match`", "`registration`"]),
        (SAME_ADDRESS, ["trunks a and b both match 192.0.2.9"]),
        (SAME_PREFIX, ["tenants a and b both have the prefix 0771"]),
        ("[[tenants]]\nid = 'a'\nname = 'A'\nprefixes = ['0771;']", ["only digits"]),
    ],
)
def test_a_wrong_setting_names_file_key_and_reason(
    tmp_path: Path, text: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path, text)
    monkeypatch.setenv("HOTLINE_HOME", str(tmp_path))
    with pytest.raises(BadSettings) as error:
        load_settings()
    sentence = str(error.value)
    assert "\n" not in sentence
    for word in (str(file), *words):
        assert word in sentence


def test_a_wrong_variable_names_itself(tmp_path: Path) -> None:
    said = hotline("lines", "list", home=tmp_path, settings={"HOTLINE_AMI_PORT": "many"})
    assert said.code == 2
    assert "environment: HOTLINE_AMI_PORT" in said.sentence
    assert "'many'" in said.sentence


def test_a_list_that_is_no_json_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_TRUNKS", '[{"id":')
    with pytest.raises(BadSettings, match="HOTLINE_TRUNKS: lists and tables are written as JSON"):
        load_settings()


def test_a_misspelt_variable_is_refused_with_the_right_one(tmp_path: Path) -> None:
    said = hotline("lines", "list", home=tmp_path, settings={"HOTLINE_SIPPORT": "5061"})
    assert said.code == 2
    assert "did you mean HOTLINE_SIP_PORT?" in said.sentence


def test_a_configuration_that_isnt_there_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "none.toml"
    said = hotline("lines", "list", home=tmp_path, settings={"HOTLINE_CONFIG": str(missing)})
    assert said.code == 2
    assert "no such file" in said.sentence


def test_an_empty_variable_is_no_setting(tmp_path: Path) -> None:
    said = hotline("lines", "list", home=tmp_path, settings={"HOTLINE_SIP_PORT": ""})
    assert said.code == 0, said.errors


def test_relative_paths_in_the_file_start_at_the_file(tmp_path: Path) -> None:
    write(tmp_path, "[[tenants]]\nid='a'\nname='A'\nlines_file='lines.yaml'\n")
    (tmp_path / "lines.yaml").write_text("lines: [1]\n")
    said = hotline("lines", "list", home=tmp_path)
    assert said.code == 2
    assert f"{tmp_path}/lines.yaml:1:" in said.errors


@pytest.mark.parametrize(
    "words",
    [
        ("tickets", "list"),
        ("seats", "add", "1001"),
        ("seats", "ready", "1001"),
        ("hours", "set", "open"),
        ("token", "create"),
        ("asterisk", "core", "show", "channels"),
        ("status",),
    ],
)
def test_without_an_installation_the_way_to_one_is_told(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    said = hotline(*words, home=tmp_path / "none")
    assert said.code in (1, 2)
    assert "make run" in said.sentence


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("sing",), "No such command"),
        (("hours", "set"), "Missing argument"),
        (("hours", "set", "sometimes"), "'mode': 'sometimes' is not one of"),
        (("lines", "list", "--tenant", "atlantis"), "no tenant 'atlantis'; known are: default"),
        (("part", "piano"), "no part 'piano'"),
        (("tickets", "list", "--before", "soon"), "no ticket number"),
    ],
)
def test_wrong_words_are_told(tmp_path: Path, words: tuple[str, ...], expected: str) -> None:
    home = tmp_path / "home"
    (home / "supervisor").mkdir(parents=True)  # as an installation has
    said = hotline(*words, home=home)
    assert said.code == 2
    assert expected in said.sentence


def test_no_words_are_answered_by_the_help_alone(tmp_path: Path) -> None:
    said = hotline(home=tmp_path)
    assert (said.code, said.errors) == (2, "")
    assert "doctor" in said.out


def test_flow_check_names_file_line_and_mistake(tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text("version: 1\nlanguages: [cmn]\nstart: hello\n")
    said = hotline("flow", "check", str(flow), home=tmp_path)
    assert said.code == 1
    assert f"{flow}:1:" in said.errors


def test_flow_check_passes_the_shipped_ones(tmp_path: Path) -> None:
    said = hotline("flow", "check", home=tmp_path)
    assert (said.code, said.errors) == (0, "")


def test_lines_list_knows_the_seventeen_dual_numbers(tmp_path: Path) -> None:
    said = hotline("lines", "list", home=tmp_path)
    assert said.out.count("dual_track") == 17


def test_a_table_of_lines_is_checked_before_it_is_used(tmp_path: Path) -> None:
    """`hotline flow check` would take it for a flow."""
    table = tmp_path / "lines.yaml"
    table.write_text("lines:\n- {id: a, numbers: ['12345'], name: 一, name_en: a, unit: 一}\n")
    said = hotline("lines", "check", str(table), home=tmp_path)
    assert (said.code, f"{table}:2:3: lines.0: the field 'mode' is missing" in said.errors) == (
        1, True,
    )  # fmt: skip


def test_an_away_engine_is_told_with_its_address(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "supervisor").mkdir()
    (tmp_path / "secrets" / "cli_token").write_text("x.y")
    tmp_path.chmod(0o755)
    (tmp_path / "secrets").chmod(0o755)
    port = str(free_port())
    said = hotline("status", home=tmp_path, settings={"HOTLINE_HTTP_PORT": port})
    assert said.code == 1
    assert f"no engine answers at http://127.0.0.1:{port}" in said.sentence
