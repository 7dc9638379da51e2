"""The tiny model: what it is built from, and that it is the same each time."""

import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest

from ivr.speech.tiny import features, speakers, vocabulary
from ivr.speech.tiny.espeak import Espeak, Manner
from ivr.speech.tiny.place import place
from ivr.speech.tiny.sound import on_the_line, to_telephone, tones
from ivr.speech.tiny.vocabulary import BadVocabulary
from ivr.speech.tiny.voices import SEEN, UNSEEN

SHAPES = "sentences: ['{digits}', 我 要]\n"
WORDS = "words:\n  digit: {一: yi1}\n  glue: {我: wo3, 要: yao4}\n"


def _load(tmp_path: Path, text: str) -> vocabulary.Vocabulary:
    file = tmp_path / "vocabulary.yaml"
    file.write_text(text, "utf-8")
    return vocabulary.load(file)


def test_the_demonstrations_vocabulary_has_what_citizens_are_asked() -> None:
    words = vocabulary.load()
    for needed in (
        "咨询",
        "投诉",
        "求助",
        "建议",
        "举报",
        "表扬",
        "煤气",
        "着火",
        *"零一二三四五六七八九幺",
    ):
        assert needed in words.pinyin
    chance = Random(1)
    assert all(set(words.sentence(chance)) <= set(words.pinyin) for _ in range(500))


@pytest.mark.parametrize(
    "text",
    [
        WORDS + "sentences: ['{nobody}']\n",
        WORDS + "sentences: [他 要]\n",
        WORDS + "sentences: []\n",
        SHAPES + "words:\n  digit: {一: yi1}\n  glue: {我: wo3, 要: yao4, 一: yi4}\n",
        SHAPES + "words:\n  digit: {一: ''}\n  glue: {我: wo3, 要: yao4}\n",
        SHAPES + "words:\n  number: {一: yi1}\n  glue: {我: wo3, 要: yao4}\n",
    ],
)
def test_a_mistake_in_the_vocabulary_is_refused(tmp_path: Path, text: str) -> None:
    assert _load(tmp_path, WORDS + SHAPES).shapes == (("{digits}",), ("我", "要"))
    with pytest.raises(BadVocabulary):
        _load(tmp_path, text)


def test_unseen_voices_are_not_learned_and_all_voices_are_installed() -> None:
    assert not set(SEEN) & set(UNSEEN)
    data = speakers.installed()
    assert data is not None
    installed = {file.name for file in (data / "voices" / "!v").iterdir()}
    assert {*SEEN, *UNSEEN} - {""} <= installed


def test_without_a_mandarin_voice_it_says_so(tmp_path: Path) -> None:
    data = speakers.installed()
    assert data is not None
    speakers.draw(tmp_path, data)
    (tmp_path / "espeak-ng-data" / "lang" / "sit").unlink()
    script = (
        "import sys; from pathlib import Path; from ivr.speech.tiny.espeak import Espeak;"
        "Espeak(Path(sys.argv[1])).say('x')"
    )
    words = [sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert "SpeechMissing: espeak-ng's voice cmn-latn-pinyin" in done.stderr


def test_phones_stand_where_they_are_heard() -> None:
    spoken = Espeak().say("wo3yao4")
    assert spoken.sounds == ("w", "o", "j", "Au")
    places = [at for at, _ in spoken.phones]
    assert places == sorted(places)
    assert 0 <= places[0] < places[-1] <= len(spoken.samples) * 1.2


def test_speech_over_the_telephone_keeps_its_length_and_its_range() -> None:
    spoken = Espeak().say("我要投诉")
    seconds = len(spoken.samples) / spoken.rate_hz
    random = np.random.default_rng(3)
    for speed in (0.85, 1.0, 1.15):
        heard = to_telephone(spoken.samples, spoken.rate_hz, speed=speed, band=speed > 1)
        assert len(heard) / 8000 == pytest.approx(seconds / speed, abs=0.01)
        wave, before = on_the_line(heard, random)
        assert before > 0
        assert np.abs(wave).max() <= 32768
    for _ in range(12):
        assert np.abs(tones(800, random)).max() <= 32768


def test_features_are_as_many_as_kaldi_makes_and_tell_tones_apart() -> None:
    assert [features.frames_of(n) for n in (0, 199, 200, 279, 280, 8000)] == [0, 0, 1, 1, 2, 98]
    seconds = np.arange(8000) / 8000
    low, high = (features.mfcc(3000 * np.sin(2 * np.pi * hz * seconds)) for hz in (300, 2000))
    assert low.shape == high.shape == (98, 40)
    assert abs(low[50, 1] - high[50, 1]) > 10
    assert features.mfcc(np.zeros(100)).shape == (0, 40)


def test_drawn_speakers_are_different_and_can_speak(tmp_path: Path) -> None:
    data = speakers.installed()
    assert data is not None
    speakers.draw(tmp_path, data)
    espeak = Espeak(tmp_path)
    said = [espeak.say("你好", Manner(name)).samples for name in speakers.names()[:5]]
    assert len({len(samples) for samples in said}) > 1
    variants = tmp_path / "espeak-ng-data" / "voices" / "!v"
    assert len(list(variants.iterdir())) < 349


_BUILD = """
import os, sys
os.environ["OPENBLAS_NUM_THREADS"] = "1"
from pathlib import Path
from ivr.speech.tiny import builder
builder.UTTERANCES, builder.EPOCHS, builder.SENTENCES = 150, 1, 300
builder.build(Path(sys.argv[1]), lambda what, part: print(what))
"""


def _built(cache: Path) -> set[str]:
    """Build a smaller one in a process of its own; what was told of the progress."""
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, str(cache)],
        capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    return set(done.stdout.split())


def test_the_same_sources_give_the_same_model(tmp_path: Path) -> None:
    first, second = (place(tmp_path / name) for name in "ab")
    assert _built(tmp_path / "a") == {"speech", "network", "model"}
    _built(tmp_path / "b")
    names = sorted(str(f.relative_to(first)) for f in first.rglob("*") if f.is_file())
    assert {"am/final.mdl", "graph/HCLr.fst", "graph/Gr.fst", "conf/mfcc.conf"} <= set(names)
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
    (tmp_path / "a" / "tiny-cmn-older").mkdir()
    assert _built(tmp_path / "a") == set()  # it was there
    assert [folder.name for folder in (tmp_path / "a").iterdir()] == [first.name]
