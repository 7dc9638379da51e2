"""What the bench of understanding speaks and reports, and the command for one sentence."""

import json
import signal
from pathlib import Path

import pytest
import structlog

from hotline.cli import main
from hotline.commands.bench import bench
from hotline.errors import SetupMissing
from hotline.understanding_bench import TARGETS, bench_understanding, pinyin, report

KNOWN = {"长湖路": "chang2 hu2 lu4", "路灯": "lu4 deng1"}


def test_words_of_the_model_are_spoken_as_it_learnt_them() -> None:
    assert pinyin("长湖路，路灯", KNOWN) == "chang2hu2lu4, lu4deng1"


def test_other_words_are_spoken_in_one_go_and_digits_as_digits() -> None:
    assert pinyin("看路灯138", KNOWN) == "kan4 lu4deng1 yi1san1ba1"


def test_the_figures_are_there_for_the_whole_and_the_held_out_half() -> None:
    figures = bench_understanding(Path("/nowhere"), lambda line: None, audio=False)
    assert figures["n"] == 877
    assert 0 < figures["held_out_n"] < figures["n"]
    for name in TARGETS:
        assert figures[f"{name}_low"] <= figures[name] <= figures[f"{name}_high"]
        assert f"held_out_{name}" in figures
    assert not any(name.startswith("audio_") for name in figures)


def test_targets_are_met_by_both_or_not_met() -> None:
    reached = {
        f"{part}{name}": least for name, least in TARGETS.items() for part in ("", "held_out_")
    }
    assert report(reached, "abc")["met"] is True
    assert report({**reached, "held_out_kind_accuracy": 0.9}, "abc")["met"] is False
    assert report({}, "abc")["met"] is False


def test_without_a_model_the_way_out_is_told(tmp_path: Path) -> None:
    with pytest.raises(SetupMissing, match="make setup"):
        bench_understanding(tmp_path / "none", lambda line: None, audio=True)


def test_understand_prints_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["understand", "着火了，长湖路二十八号", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["danger"]["line"] == "119"
    assert told["place"]["detail"] == "二十八号"


def test_understand_tells_of_rules_that_are_not_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOTLINE_UNDERSTANDING", str(tmp_path))
    assert main(["understand", "路灯"]) != 0
    assert "places.yaml" in capsys.readouterr().err


def test_what_a_bench_logs_is_not_among_its_figures(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Standard output is read by machines (`--json`); recognisers that it starts log, too."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    before = structlog.get_config()
    try:
        bench()
        structlog.get_logger().info("speech_worker_ready")
    finally:
        structlog.configure(**before)
    told = capsys.readouterr()
    assert (told.out, "speech_worker_ready" in told.err) == ("", True)
