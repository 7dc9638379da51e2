"""Speech by settings: what is set, what is missing, and that the engine starts all the same."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from hotline.doctor import examine
from hotline.findings import Finding, Grade
from hotline.settings import Settings
from hotline.speech import Speech, models
from ivr.speech.ports import SpeechAway
from tests.hotline.test_doctor import finding, installation
from tests.ivr.speech import WAIT_S, Ear, model
from tests.ivr.vosk_server import VoskServerProcess
from tests.servers import free_port


def _found(home: Path, check: str, **more: object) -> Finding:
    return finding(examine(installation(home, **more)), check)


async def _until(ready: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not ready():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "wrong",
    [
        {"speech": "magic"},
        {"speech": "remote"},
        {"speech_models": {"cmn": "models/cn"}},
        {"speech_servers": {"cmn": "http://127.0.0.1:2700"}},
        {"speech_workers": 0},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


async def test_off_is_up_and_understands_nobody() -> None:
    speech = Speech(Settings.model_validate({"speech": "off"}))
    speech.start()
    health = await speech.health()
    assert health.up
    assert not speech.recogniser.able("cmn")
    await speech.close()


async def test_a_missing_model_costs_no_engine_and_is_told(tmp_path: Path) -> None:
    missing = tmp_path / "no-model"
    speech = Speech(Settings.model_validate({"speech_models": {"cmn": missing}}))
    speech.start()
    try:
        await _until(lambda: "does not contain model files" in speech.recogniser.detail)
        health = await speech.health()
        assert not health.up
        assert "only recorded" in health.detail
        assert str(missing) in health.detail
        with pytest.raises(SpeechAway, match="does not contain model files"):
            speech.recogniser.open("c", "cmn", Ear())
    finally:
        await speech.close()


async def test_the_demonstrations_model_is_ready_soon() -> None:
    speech = Speech(Settings.model_validate({"speech": "vosk", "speech_workers": 1}))
    speech.start()
    try:
        await _until(lambda: speech.recogniser.able("cmn"))
        assert (await speech.health()).up
        assert speech.calls == 0
        speech.recogniser.open("c", "cmn", Ear())
        assert speech.calls == 1
    finally:
        await speech.close()


def test_the_doctor_knows_models_and_where_they_go(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert _found(home, "speech", speech="off").grade is Grade.LOOK
    tiny = _found(home, "speech cmn", speech="vosk")
    assert tiny.grade is Grade.LOOK
    assert "HOTLINE_SPEECH_MODELS" in tiny.mend
    own = _found(home, "speech cmn", speech="vosk", speech_models={"cmn": model()})
    assert own.grade is Grade.GOOD
    unbuilt = _found(home, "speech cmn", speech="vosk", cache=tmp_path / "cache")
    assert unbuilt.grade is Grade.WRONG
    assert "make setup" in unbuilt.mend
    (tmp_path / "empty").mkdir()
    empty = _found(home, "speech cmn", speech="vosk", speech_models={"cmn": tmp_path / "empty"})
    assert empty.grade is Grade.WRONG
    assert "am/final.mdl" in empty.found


def test_the_doctor_finds_a_model_that_was_cut_short(tmp_path: Path) -> None:
    """Nothing is missing, and nothing runs that would have told: only loading it shows."""
    cut = tmp_path / "cut"
    shutil.copytree(model(), cut)
    os.truncate(cut / "am/final.mdl", 1000)
    found = _found(tmp_path / "home", "speech cmn", speech="vosk", speech_models={"cmn": cut})
    assert (found.grade, f"{cut} can't be loaded" in found.found) == (Grade.WRONG, True)


def test_the_doctor_asks_the_vosk_server(tmp_path: Path) -> None:
    home, server = tmp_path / "home", VoskServerProcess()
    server.start()
    try:
        there = {"speech": "remote", "speech_servers": {"cmn": server.address}}
        assert _found(home, "speech", **there).grade is Grade.GOOD
    finally:
        server.kill()
    gone = {"speech": "remote", "speech_servers": {"cmn": f"ws://127.0.0.1:{free_port()}"}}
    found = _found(home, "speech", **gone)
    assert found.grade is Grade.WRONG
    assert "can't be reached" in found.found


def test_models_of_settings_take_the_demonstrations_place(tmp_path: Path) -> None:
    assert set(models(Settings())) == {"cmn"}
    chosen = {"cmn": tmp_path / "a", "yue": tmp_path / "b"}
    assert models(Settings.model_validate({"speech_models": chosen})) == chosen
