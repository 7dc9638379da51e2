"""The prompts: texts in every language, and the sounds made of them, measured."""

import shutil
import subprocess
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ivr import audio, prompt_builder, prompt_texts
from ivr.audio import AudioError, Measured
from ivr.documents import DocumentError
from ivr.prompt_builder import Sound, build, install
from tests.ivr.script import CATALOGUE

ENGINE_SAYS = [
    "wrong_key",
    "to_person",
    "ahead_before",
    "ahead_after",
    "ahead_none",
    "ahead_many",
    "wait_before",
    "wait_to",
    "wait_minutes",
    "wait_under_minute",
    "wait_long",
    "voice_offer",
    "callback_offer",
    "choice_offer",
    "callback_number",
    "callback_number_wrong",
    "callback_confirm",
    "callback_confirm_keys",
    "callback_taken",
    "callback_failed",
    "duty_transfer",
    "duty_failed",
    "first_callback",
    "request_empty",
    "request_playback",
    "request_confirm",
    "request_again",
    "ticket_number",
    "ticket_number_again",
    "ticket_number_later",
    "unknown_number",
    "transfer_emergency",
    "transfer_utility",
    "transfer_not_merged",
    "transfer_failed",
    "request_taken",
]
SPEAKING = (
    *("conversation", "greeting", "numbers", "transfer", "voice_request", "waiting", "wait_plan"),
    "callback_choice",
)
FALLBACK_SAYS = ["system_away", "request_taken", "request_failed", "goodbye"]


@dataclass(frozen=True)
class Built:
    """A built and installed set of prompts, with what the builder told while it worked."""

    cache: Path
    prompts: Path
    progress: list[tuple[int, int]]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    """Everything built once by espeak-ng and sox, with one recording by people."""
    folder = tmp_path_factory.mktemp("sounds")
    prompts = folder / "prompts"
    (prompts / "custom" / "za").mkdir(parents=True)
    tone = prompts / "custom" / "za" / "welcome.wav"
    command = ["sox", "-n", "-r", "44100", "-c", "2", str(tone), "synth", "1.5", "sine", "440"]
    subprocess.run(command, check=True, timeout=60)
    told: list[tuple[int, int]] = []
    build(folder / "cache", custom=prompts / "custom", progress=lambda d, n: told.append((d, n)))
    install(folder / "cache", prompts)
    yield Built(folder / "cache", prompts, told)
    shutil.rmtree(folder)


def measured(built: Built) -> dict[str, Measured]:
    return {
        str(wav.relative_to(built.prompts)): audio.measure(wav)
        for wav in built.prompts.rglob("*.wav")
        if "custom" not in wav.parts
    }


def test_the_conversation_says_nothing_that_has_no_text() -> None:
    for language in CATALOGUE.languages:
        missing = [p for p in ENGINE_SAYS + FALLBACK_SAYS if not CATALOGUE.has(language, p)]
        assert missing == []


def test_every_prompt_of_the_code_is_in_the_list_above() -> None:
    """The names written in the conversation's own files."""
    written = "".join(
        (Path(prompt_texts.__file__).parent / f"{name}.py").read_text(encoding="utf-8")
        for name in SPEAKING
    )
    texts = CATALOGUE.texts["cmn"]
    spoken = {name for name in texts if f'"{name}"' in written}
    assert spoken - set(ENGINE_SAYS) <= {"numbers/two", "numbers/2"}
    assert set(ENGINE_SAYS) <= spoken


def test_one_text_missing_in_one_language_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in prompt_texts.PROMPTS.glob("*.yaml"):
        shutil.copy(file, tmp_path)
    english = tmp_path / "en.yaml"
    text = english.read_text(encoding="utf-8")
    english.write_text(text.replace("  goodbye:", "  farewell:"), encoding="utf-8")
    monkeypatch.setattr(prompt_texts, "PROMPTS", tmp_path)
    with pytest.raises(DocumentError) as caught:
        prompt_texts.load_catalogue()
    told = str(caught.value)
    assert "en.yaml lacks prompt 'goodbye'" in told
    assert "cmn.yaml lacks prompt 'farewell'" in told


def test_every_prompt_is_there_in_three_formats(built: Built) -> None:
    names = {name for texts in CATALOGUE.texts.values() for name in texts}
    for language in CATALOGUE.languages:
        for name in names:
            files = [built.prompts / language / f"{name}.{e}" for e in audio.FORMATS]
            wav, alaw, ulaw = (file.stat().st_size for file in files)
            assert alaw == ulaw
            assert abs(wav - 2 * alaw) < 100  # 16 bits and a header against 8 bits


def test_no_prompt_is_too_short_too_long_too_quiet_or_surrounded_by_silence(built: Built) -> None:
    """0.2–20 s, −17.5 to −15 dBFS, no more than 0.15 s before and 0.25 s after the words."""
    sounds = measured(built)
    moment = sounds.pop("moment.wav")
    assert (moment.length_s, moment.peak_dbfs) == (0.1, float("-inf"))
    del sounds["za/welcome.wav"], sounds["moh/hotline.wav"]
    assert len(sounds) > 250
    for name, sound in sounds.items():
        assert 0.2 <= sound.length_s <= 20, name
        assert -17.5 <= sound.rms_dbfs <= -15, (name, sound)
        assert sound.leading_s <= 0.15, (name, sound)
        assert sound.trailing_s <= 0.25, (name, sound)


def test_the_greeting_is_short(built: Built) -> None:
    """Notice and sentence together are said in ten seconds, in every language."""
    sounds = measured(built)
    for language in CATALOGUE.texts:
        notice = sounds[f"{language}/recording_notice.wav"].length_s
        assert notice + sounds[f"{language}/welcome.wav"].length_s < 10


def test_different_texts_sound_different(built: Built) -> None:
    """A voice that reads nothing, or one word for all, would make equal files."""
    texts = CATALOGUE.texts["cmn"]
    sounds = {(built.prompts / "cmn" / f"{name}.alaw").read_bytes() for name in texts}
    assert len(sounds) == len(set(texts.values()))


def test_music_is_soft_and_half_a_minute_long(built: Built) -> None:
    music = audio.measure(built.prompts / "moh" / "hotline.wav")
    assert music.length_s == pytest.approx(30, abs=0.1)
    assert -28 <= music.rms_dbfs <= -24
    assert music.peak_dbfs < -6
    assert music.trailing_s < 1.5


def test_a_recording_takes_the_place_of_the_voice(built: Built) -> None:
    """44.1 kHz stereo becomes 8 kHz mono; what isn't recorded in Zhuang is heard in Mandarin."""
    recorded = built.prompts / "za" / "welcome.wav"
    with wave.open(str(recorded)) as handle:
        assert (handle.getframerate(), handle.getnchannels()) == (8000, 1)
    assert audio.measure(recorded).length_s == pytest.approx(1.5, abs=0.01)
    for name in ("goodbye.alaw", "digits/7.ulaw"):
        assert (built.prompts / "za" / name).samefile(built.prompts / "cmn" / name)


def test_progress_is_told_to_the_end(built: Built) -> None:
    counts = [done for done, _ in built.progress]
    assert counts == sorted(counts)
    assert built.progress[-1][0] == built.progress[-1][1]


def test_a_second_run_makes_nothing(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_program(*_: object) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(audio, "_run", no_program)
    build(built.cache, custom=built.prompts / "custom")
    assert install(built.cache, built.prompts) == 0


def test_a_file_that_was_changed_is_put_back(built: Built) -> None:
    target = built.prompts / "en" / "goodbye.ulaw"
    target.unlink()
    target.write_bytes(b"rubbish")
    assert install(built.cache, built.prompts) == 1
    assert target.stat().st_size > 1000


def test_where_links_cannot_be_made_files_are_copied(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError("cross-device link")

    (tmp_path / "custom" / "za").mkdir(parents=True)
    shutil.copy2(
        built.prompts / "custom" / "za" / "welcome.wav", tmp_path / "custom" / "za" / "welcome.wav"
    )
    monkeypatch.setattr(prompt_builder.os, "link", no_links)
    assert install(built.cache, tmp_path) > 700
    copied, original = tmp_path / "cmn" / "goodbye.wav", built.prompts / "cmn" / "goodbye.wav"
    assert copied.read_bytes() == original.read_bytes()
    assert install(built.cache, tmp_path) == 0


def test_install_before_build_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        install(tmp_path / "cache", tmp_path / "prompts")


def test_a_bad_recording_is_named(tmp_path: Path) -> None:
    custom = tmp_path / "custom" / "en"
    custom.mkdir(parents=True)
    (custom / "welcome.wav").write_bytes(b"not audio")
    wav = tmp_path / "out.wav"
    with pytest.raises(AudioError, match="sox failed"):
        Sound(recording=custom / "welcome.wav").make(wav)


def test_a_text_without_a_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError):
        audio.speak("。", "cmn-latn-pinyin", 160, tmp_path / "out.wav")


def test_a_missing_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AudioError, match="the program espeak-ng is missing: install it"):
        audio.speak("好", "cmn-latn-pinyin", 160, tmp_path / "out.wav")


def test_only_mono_16_bit_files_are_measured(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "stereo.wav"), "wb") as handle:
        handle.setnchannels(2)
        handle.setsampwidth(2)
        handle.setframerate(8000)
    with pytest.raises(AudioError, match="16-bit mono"):
        audio.measure(tmp_path / "stereo.wav")
    (tmp_path / "rubbish.wav").write_bytes(b"RIFF")
    with pytest.raises(AudioError, match="can't be read"):
        audio.measure(tmp_path / "rubbish.wav")
