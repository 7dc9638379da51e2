"""Replies spoken for their citizens: made with the prompts' voice, bounded, gone afterwards."""

import wave
from pathlib import Path

import pytest

from ivr import audio
from ivr.reply_sound import LONGEST, ReplySounds, spoken_part
from tests.ivr.stage import CATALOGUE


@pytest.fixture
def sounds(tmp_path: Path) -> ReplySounds:
    return ReplySounds(tmp_path / "followups", CATALOGUE)


@pytest.mark.parametrize("language", ["cmn", "en", "za", "xx"])
async def test_a_reply_is_spoken_in_the_callers_language(
    sounds: ReplySounds, language: str
) -> None:
    """Also where another language's voice stands in."""
    assert await sounds.make("hl-default.1.f1.1", "路灯已经修好。OK", language)
    found = sounds.find("hl-default.1.f1.1")
    assert found is not None
    with wave.open(f"{found}.wav") as sound:
        assert sound.getnframes() / sound.getframerate() > 0.5
    assert all(Path(f"{found}.{ending}").is_file() for ending in audio.FORMATS)
    sounds.remove("hl-default.1.f1.1")
    assert sounds.find("hl-default.1.f1.1") is None


async def test_what_can_not_be_spoken_has_no_sound(
    sounds: ReplySounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not await sounds.make("a", " <> ", "cmn")
    monkeypatch.setenv("PATH", "/nowhere")
    assert not await sounds.make("a", "好", "cmn")
    assert sounds.find("a") is None


async def test_sounds_of_calls_that_are_over_are_swept(sounds: ReplySounds) -> None:
    for call_id in ("a.f1.1", "b.f1.1"):
        assert await sounds.make(call_id, "好的", "cmn")
    sounds.keep(frozenset({"b.f1.1"}))
    assert sounds.find("a.f1.1") is None
    assert sounds.find("b.f1.1") is not None


def test_a_long_reply_is_cut_at_a_sentence_and_signs_are_left_out() -> None:
    text = "已经修好。" * 100
    assert len(spoken_part(text)) <= LONGEST
    assert spoken_part(text).endswith("。")
    assert spoken_part("<b>好</b>\x00\n再见") == "b 好 /b 再见"
    assert len(spoken_part("好" * 1000)) == LONGEST
