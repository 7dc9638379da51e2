"""`hotline queues`, `hotline callers`, and seats whose skills the rules don't know."""

from pathlib import Path

import pytest

from ivr.queue_rules import DEFAULT_RULES
from tests.hotline.prepared import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def bad_rules(folder: Path) -> Path:
    """The shipped rules with a level that there isn't, in a file of its own."""
    file = folder / "bad.yaml"
    text = DEFAULT_RULES.read_text(encoding="utf-8")
    file.write_text(text.replace('lower: {"svc:*": 1}', 'lower: {"svc:*": 9}'), encoding="utf-8")
    return file


def test_good_rules_are_told_to_be_good(home: Home) -> None:
    said = home.does("queues", "check", str(DEFAULT_RULES))
    assert (said.code, said.errors) == (0, "")
    assert "2 queues" in said.out
    assert home.does("queues", "check").code == 0


def test_a_mistake_in_rules_names_file_line_and_reason(home: Home, tmp_path: Path) -> None:
    file = bad_rules(tmp_path)
    said = home.does("queues", "check", str(file))
    assert said.code == 1
    line = next(
        number
        for number, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if '"svc:*": 9' in text
    )
    assert f"{file}:{line}:" in said.errors
    assert "less than or equal to 5" in said.errors


def test_an_installation_with_such_rules_is_not_prepared(tmp_path: Path) -> None:
    file = bad_rules(tmp_path)
    toml = f"[[tenants]]\nid = 'a'\nname = 'A'\nqueues_file = '{file}'\n"
    with pytest.raises(AssertionError, match=r"bad\.yaml:[0-9]+:[0-9]+: "):
        Home(tmp_path / "home", toml)


def test_a_seat_with_a_skill_the_rules_lack_is_refused(home: Home) -> None:
    said = home.does("seats", "add", "1001", "--skill", "lang:cmn=5", "--skill", "lang:zha=3")
    assert said.code == 2
    assert "--skill lang:zha" in said.sentence
    assert "lang:za" in said.sentence
    assert "queues.yaml" in said.sentence
    assert home.json("seats", "list") == []


def test_stored_seats_whose_skills_the_rules_have_lost_are_told(home: Home, tmp_path: Path) -> None:
    """By `queues check` and the doctor, with the seats' names and what to do; other skills mend
    it."""
    assert home.does("seats", "add", "1001", "--skill", "lang:hak=3").code == 0
    assert "seats have skills" not in home.does("queues", "check").out
    rules = DEFAULT_RULES.read_text(encoding="utf-8").replace("lang:hak", "lang:hax")
    (home.folder / "queues.yaml").write_text(rules, encoding="utf-8")
    (home.folder / "hotline.toml").write_text(
        '[[tenants]]\nid = "default"\nname = "12345"\nqueues_file = "queues.yaml"\n'
    )
    checked = home.does("queues", "check")
    assert checked.code == 0
    assert "lang:hak (seats 1001)" in checked.out
    assert "hotline seats skills" in home.does("doctor").out
    assert home.does("seats", "skills", "1001", "--skill", "lang:zha=3").code == 2
    assert home.does("seats", "skills", "1002", "--skill", "lang:hax=3").code == 2
    assert home.does("seats", "skills", "1001", "--skill", "lang:hax=3").code == 0
    assert home.json("seats", "list")[0]["skills"] == {"lang:hax": 3}
    assert "seats have skills" not in home.does("queues", "check").out


def test_callers_are_marked_listed_and_forgotten(home: Home) -> None:
    assert home.does("callers", "mark", "139 0000 0001").code == 2
    assert home.does("callers", "mark", "13900000001").code == 2
    said = home.does("callers", "mark", "13900000001", "--elder", "--language", "za")
    assert said.code == 0, said.errors
    marked = [{"number": "+8613900000001", "elder": True, "language": "za"}]
    assert home.json("callers", "list") == marked
    assert home.does("callers", "forget", "+8613900000001").code == 0
    assert home.does("callers", "forget", "+8613900000001").code == 2
    assert home.json("callers", "list") == []


def test_a_language_nobody_could_speak_is_refused(home: Home) -> None:
    said = home.does("callers", "mark", "13900000001", "--language", "xx")
    assert said.code == 2
    assert "lang:xx" in said.sentence
