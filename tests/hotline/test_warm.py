"""What an engine of a cluster has ready before its turn, so that nobody waits for it then."""

import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

import hotline.engine
from hotline.loading import load_settings
from hotline.settings import Settings
from hotline.spare import approach
from hotline.warm import still_warm, warm_up
from tests.hotline.command import PROJECT
from tests.hotline.test_cluster_settings import environment
from tickets.understanding.rules import DATA, RulesError, load_rules

APPROACHES = """
import json, sys
import hotline.spare
HEAVY = {"fastapi", "sqlalchemy", "structlog", "uvloop", "vosk"}
class Approached(Exception): pass
def approach(home, *, spare):
    print(json.dumps([str(home.root), spare, sorted(HEAVY & sys.modules.keys())]))
    raise SystemExit(0)
hotline.spare.approach = approach
from hotline.cli import main
main(sys.argv[1:])
"""


class TurnWaitedFor(Exception):
    """The engine is where it waits for its turn."""


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A node's, with rules of its own."""
    rules = tmp_path / "rules"
    rules.mkdir()
    for file in DATA.iterdir():
        if file.is_file():
            (rules / file.name).write_bytes(file.read_bytes())
    (tmp_path / "home" / "run").mkdir(parents=True)
    given = environment(
        tmp_path, HOTLINE_HOME=str(tmp_path / "home"), HOTLINE_UNDERSTANDING=str(rules)
    )
    with mock.patch.dict(os.environ, given, clear=True):
        load_rules.cache_clear()
        yield load_settings()
        load_rules.cache_clear()


@pytest.mark.parametrize("words", [["engine"], ["engine", "--spare"]])
def test_an_engine_approaches_its_turn_before_it_loads_much(
    tmp_path: Path, words: list[str]
) -> None:
    """Else it would load while the other one takes over."""
    given = environment(tmp_path, HOTLINE_HOME=str(tmp_path), PATH=os.environ["PATH"])
    done = subprocess.run(
        [sys.executable, "-P", "-c", APPROACHES, *words],
        cwd=PROJECT, env=given, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [str(tmp_path), "--spare" in words, []]


def test_all_that_needs_no_turn_is_done_before_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules read, SQL's driver loaded, what stays out of the collector's sight."""

    def waits(turn: int) -> None:
        raise TurnWaitedFor

    monkeypatch.setattr(hotline.engine, "take_turn", waits)
    turn = approach(settings.folders, spare=False)
    try:
        with pytest.raises(TurnWaitedFor):
            hotline.engine.main(turn)
        assert gc.get_freeze_count() > 10_000
    finally:
        gc.unfreeze()
        os.close(turn)
    read = load_rules.cache_info().misses
    load_rules(settings.understanding or DATA)
    assert (read, load_rules.cache_info().misses) == (1, 1)
    assert "storage.postgres_link" in sys.modules


def test_rules_that_were_changed_meanwhile_are_read_again(settings: Settings) -> None:
    """A turn may come days later."""
    folder = settings.understanding or DATA
    warm = warm_up(settings)
    known = load_rules(folder)
    still_warm(settings, warm)
    assert load_rules(folder) is known
    told = folder / "told.txt"
    told.write_text(told.read_text() + "\n")
    still_warm(settings, warm)
    assert load_rules(folder) is not known


def test_a_mistake_in_the_rules_is_told_when_they_are_needed(settings: Settings) -> None:
    folder = settings.understanding or DATA
    (folder / "danger.yaml").write_text("no: [")
    warm = warm_up(settings)
    still_warm(settings, warm)
    with pytest.raises(RulesError):
        load_rules(folder)
