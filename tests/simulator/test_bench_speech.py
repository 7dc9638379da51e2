"""`hotline bench speech`: its callers against a real AudioSocket door, and its arithmetic."""

import asyncio
import json
import subprocess
import sys
import wave
from array import array
from pathlib import Path

import pytest

from hotline.settings import PROJECT
from hotline.speech_house import SpeechHouse
from ivr.speech.tiny.place import place
from simulator import speech_callers
from simulator.bench_speech import (
    TARGETS,
    Bare,
    Heard,
    Round,
    distance,
    figures_of,
    own_times,
    report,
)
from simulator.speech_callers import Line, SpeechCaller, Utterance, Watched, talk
from telephony.audiosocket_server import AudioSocketServer
from telephony.audiosocket_session import AudioSession

SAYS = [Utterance("一", array("h", [2000, -2000] * 4000).tobytes())]
PROMPT = array("h", [900, -900] * 2000).tobytes()
LONG_PROMPT = array("h", [3000, -3000] * 16000).tobytes()
NOWHERE = Path("there-is-none.wav")


class Prompter:
    """Prompts, stops when it is talked over, and prompts again after 0.2 s without a voice."""

    def __init__(self, session: AudioSession) -> None:
        self.session = session
        self.frames = 0
        self.voiced = 0
        self._quiet = 0
        self._turn = -1
        session.listen(self)
        self._prompt()

    def _prompt(self) -> None:
        self._turn += 1
        self.session.play(LONG_PROMPT if self._turn % 3 == 2 else PROMPT)
        self._quiet = -1

    def heard(self, frame: bytes) -> None:
        self.frames += 1
        if any(frame):
            self.voiced += 1
            self._quiet = 0
            self.session.stop()
        elif self._quiet >= 0:
            self._quiet += 1
            if self._quiet == 10:
                self._prompt()

    def pressed(self, key: str) -> None:
        """Nobody does."""

    def played_out(self) -> None:
        """He will answer."""

    def ended(self) -> None:
        """He has left."""


async def test_a_caller_waits_for_prompts_answers_and_talks_over_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What he measures is what happened, and no frame is lost on the way."""
    monkeypatch.setattr(speech_callers, "LAST_WORDS_S", 0.4)
    server = AudioSocketServer()
    await server.start()
    session = server.issue(lambda: None)
    Prompter(session)
    caller = SpeechCaller(Line(server.address, session.name), SAYS, 7, answers=True)
    await caller.connect()
    await talk([caller], 9.0)
    caller.leave()
    async with asyncio.timeout(20):
        while not session.ended:
            await asyncio.sleep(0.01)
    watched = caller.watched
    assert watched.said[:3] == ["一"] * 3
    assert len(watched.turns) >= 2
    assert all(after > 0.18 for _, after in watched.turns), "0.2 s of silence were waited for"
    assert watched.turns[0][0] == pytest.approx(1.9, abs=0.6), "prompt, a thought, an answer"
    assert len(watched.talked_over) >= 1
    assert all(late > 0 for late in watched.talked_over)
    assert (watched.sent, watched.lost) == (session.came, False)
    assert watched.missing <= 1
    server.forget(session)
    await server.close()


def seen(**more: object) -> Watched:
    watched = Watched(said=["我 要 投诉", "是"], turns=[(2.0, 0.8), (5.0, 0.7)])
    watched.talked_over = [0.2]
    watched.sent = 500
    for name, value in more.items():
        setattr(watched, name, value)
    return watched


def one_round(watched: Watched, heard: Heard, bare: Bare, cpu_s: float = 0.5) -> Round:
    return Round([watched], [heard], [bare], cpu_s, 0.15, 2_000_000)


def test_the_figures_are_what_their_names_say() -> None:
    """CPU and words against bare Vosk's, times beyond its end points, lost frames both ways."""
    watched = seen(received=498, first_at=10.0, last_at=19.98)
    heard = Heard("我 要 是", came=499, filled=0, recording=NOWHERE)
    bare = Bare(
        "我 要 投诉 是",
        endpoints=(2.75, 5.72),
        speech_ends=(1.0, 2.0, 5.0),
        cpu_s=0.3,
        audio_s=100.0,
    )
    both = one_round(watched, heard, bare)
    figures = figures_of(both, both)
    assert figures["own_cpu_ms_per_s"] == pytest.approx(2.0)
    assert figures["engine_process_cpu_ms_per_s"] == pytest.approx(1.5)
    assert figures["word_accuracy"] == 0.75
    assert (figures["bare_word_accuracy"], figures["words_lost"]) == (1.0, 0.25)
    assert figures["turn_p95_ms"] == 800.0
    assert figures["own_ms"] == pytest.approx(50.0)
    assert figures["barge_in_ms"] == 200.0
    assert figures["dropped_frames_100_callers"] == 2, "one of his, and one of ours"
    assert figures["mb_per_caller"] == 2.0
    assert TARGETS.keys() <= figures.keys()


def test_frames_that_the_engine_made_up_move_places() -> None:
    """The end of speech is where it is in the recording; without one nothing is told of it."""
    heard = Heard("", came=499, filled=5, recording=NOWHERE)
    moved = Bare("", endpoints=(2.83, 5.82), speech_ends=(2.1, 5.1), cpu_s=0.3, audio_s=100.0)
    assert own_times(one_round(seen(), heard, moved)) == pytest.approx([0.07, -0.02])
    lost = Bare("", endpoints=(2.83,), speech_ends=(3.1,), cpu_s=0.3, audio_s=100.0)
    both = one_round(seen(), heard, lost)
    assert own_times(both) == []
    assert "own_ms" not in figures_of(both, both)


def test_a_target_missed_is_told() -> None:
    """And one that wasn't measured is missed."""
    good = dict.fromkeys(TARGETS, 0.0)
    assert report(good, "x")["met"] is True
    assert report({**good, "turn_p95_ms": 901.0}, "x")["met"] is False
    del good["mb_per_caller"]
    assert report(good, "x")["met"] is False
    assert json.loads(json.dumps(report(good, "x")))["bench"] == "speech"


@pytest.mark.parametrize(
    ("said", "heard", "wrong"),
    [
        ("a b c", "a b c", 0),
        ("a b c", "a c", 1),
        ("a b", "a x b", 1),
        ("a b", "b a", 2),
        ("", "a", 1),
    ],
)
def test_wrong_words_are_counted(said: str, heard: str, wrong: int) -> None:
    assert distance(said.split(), heard.split()) == wrong


def test_bare_vosk_hears_what_the_voices_say(tmp_path: Path) -> None:
    """The real model on its own: words, end points, CPU; and the voices are whole utterances."""
    model = place(PROJECT / ".cache" / "speech")
    (spoken,) = SpeechHouse.utterances(None, 1, 3)  # type: ignore[arg-type]  # needs no engine
    file = tmp_path / "said.wav"
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(8000) + spoken.pcm + bytes(20000))
    words = [sys.executable, "-m", "hotline.speech_bare", str(model), str(file)]
    done = subprocess.run(words, capture_output=True, check=True, cwd=PROJECT, timeout=120)
    told = Bare(**json.loads(done.stdout))
    assert distance(told.text.split(), spoken.text.split()) <= 1
    assert told.audio_s == pytest.approx((len(spoken.pcm) + 28000) / 16000)
    assert 0 < told.cpu_s < 60
    assert told.speech_ends[-1] == pytest.approx(0.5 + len(spoken.pcm) / 16000, abs=0.03)
    (ended_s,) = told.endpoints
    assert 0.5 + len(spoken.pcm) / 16000 < ended_s < told.audio_s
