"""Is somebody speaking? Voices against everything else a telephone line brings."""

import subprocess
from array import array
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.turn import Do, TurnTaking
from ivr.turn_rules import SHORT_ANSWER
from ivr.voice import VoiceDetector, level_db, magnitude

RAW = ("-r", "8000", "-c", "1", "-b", "16", "-e", "signed", "-t", "raw")
SECOND_OF_SILENCE = bytes(16000)
SENTENCE = "wo3 yao4 tou2 su4 xiao3 qu1 men2 kou3 de5 lu4 deng1 huai4 le5"
ENOUGH = round(SHORT_ANSWER.start_s / 0.02)
WINDOW = round(SHORT_ANSWER.start_window_s / 0.02)


def sox(*arguments: str, sound: bytes = b"") -> bytes:
    return subprocess.run(
        ["sox", "-R", "-V1", *arguments], input=sound, stdout=-1, check=True
    ).stdout


@cache
def said(voice: str = "", *effects: str) -> bytes:
    """A sentence by espeak-ng at 8 kHz, 12 dB below full scale, silence around."""
    speak = ["espeak-ng", "-v", f"cmn-latn-pinyin{voice}", "-s", "150", "--stdout", SENTENCE]
    wide = subprocess.run(speak, stdout=-1, check=True).stdout
    narrow = sox("-t", "wav", "-", *RAW, "-", "norm", "-12", *effects, sound=wide)
    return SECOND_OF_SILENCE + narrow + SECOND_OF_SILENCE


def noise(kind: str, volume: str, seconds: str = "6") -> bytes:
    return SECOND_OF_SILENCE + sox("-n", *RAW, "-", "synth", seconds, *kind.split(), "vol", volume)


def mixed(one: bytes, other: bytes) -> bytes:
    pairs = zip(array("h", one), array("h", other), strict=False)
    return array("h", [max(-32768, min(32767, a + b)) for a, b in pairs]).tobytes()


def judged(sound: bytes, *, playing: bool = False) -> list[bool]:
    """Frame by frame; what turned out to be a tone's beginning is taken back."""
    detector = VoiceDetector()
    voiced: list[bool] = []
    for at in range(0, len(sound) - 319, 320):
        voiced.append(detector.voiced(sound[at : at + 320], playing=playing))
        if detector.still:
            voiced[-WINDOW:] = [False] * len(voiced[-WINDOW:])
    return voiced


def starts(sound: bytes, *, playing: bool = False) -> int | None:
    """The frame after which a prompt would be paused; None when it never is."""
    taking = TurnTaking(SHORT_ANSWER, 0.0, prompt_s=1000.0)
    detector = VoiceDetector()
    for at in range(0, len(sound) - 319, 320):
        voiced = detector.voiced(sound[at : at + 320], playing=playing)
        if taking.frame(at / 16000, voiced=voiced, still=detector.still) is Do.PAUSE:
            return at // 320
    return None


@pytest.mark.parametrize("voice", ["", "+f2", "+m3", "+croak", "+whisper"])
def test_a_voice_is_noticed_soon(voice: str) -> None:
    """Within 300 ms of its beginning, less 40 ms that the way to the prompt's end takes."""
    start = starts(said(voice))
    assert start is not None
    assert 50 <= start <= 50 + 13


@pytest.mark.parametrize("effect", [("vol", "30dB"), ("vol", "45dB"), ("vol", "-10dB")])
def test_shouting_and_soft_voices_are_voices(effect: tuple[str, str]) -> None:
    """Clipped to a square, or ten dB below what is usual."""
    assert starts(said("", *effect)) is not None


@pytest.mark.parametrize("background", ["whitenoise", "square 50"])
def test_a_voice_is_noticed_over_noise(background: str) -> None:
    """And its end, too: the second of noise after it is no voice."""
    sound = mixed(said(), noise(background, "0.05", "8")[16000:])
    voiced = judged(sound)
    assert starts(sound) is not None
    assert sum(voiced[-40:]) < 5


@pytest.mark.parametrize("volume", ["0.01", "0.1", "0.5"])
@pytest.mark.parametrize(
    "kind", ["sine 50", "sine 100", "sine 440", "square 450", "sine 425 tremolo 0.1"]
)
def test_hum_and_tones_are_no_voice(kind: str, volume: str) -> None:
    """Mains hum, dial tones: they stand still."""
    assert starts(noise(kind, volume)) is None


@pytest.mark.parametrize("volume", ["0.1", "0.5"])
@pytest.mark.parametrize("pair", [(697, 1209), (770, 1336), (941, 1477)])
def test_keys_heard_as_tones_are_no_voice(pair: tuple[int, int], volume: str) -> None:
    """Telephones that send their keys as sound: five of 120 ms each."""
    tones = ("synth", "0.12", "sine", str(pair[0]), "synth", "0.12", "sine", "mix", str(pair[1]))
    key = sox("-n", *RAW, "-", *tones, "vol", volume, "pad", "0", "0.12")
    assert starts(SECOND_OF_SILENCE + key * 5) is None


@pytest.mark.parametrize("kind", ["whitenoise", "pinknoise"])
def test_noise_of_the_line_is_no_voice(kind: str) -> None:
    assert starts(noise(kind, "0.05")) is None


def test_our_own_prompt_come_back_over_the_line_is_no_voice() -> None:
    """Twenty dB weaker than it was sent; a caller who talks over it is far louder."""
    echo = said("", "vol", "-18dB")
    assert starts(echo, playing=True) is None
    assert starts(said(), playing=True) is not None


def test_a_line_with_a_strong_echo_lets_prompts_be_heard() -> None:
    """Eight dB weaker than sent: after two mistakes it is known; a caller as loud as we still gets
    through."""
    echo = said("", "vol", "-8dB")
    detector = VoiceDetector()
    heard = []
    for _ in range(4):
        frames = range(0, len(echo) - 319, 320)
        heard.append(sum(detector.voiced(echo[at : at + 320], playing=True) for at in frames))
        detector.mistook()
    assert heard[0] > ENOUGH
    assert heard[3] < ENOUGH
    loud = said("", "vol", "6dB")
    frames = range(0, len(loud) - 319, 320)
    assert sum(detector.voiced(loud[at : at + 320], playing=True) for at in frames) > ENOUGH


def test_words_that_came_late_undo_a_mistake() -> None:
    """The recogniser was behind: it had been a voice, and soft ones are noticed as before."""
    soft = said("", "vol", "-8dB")
    detector = VoiceDetector()
    for _ in range(4):
        detector.mistook()
        detector.was_right()
    frames = range(0, len(soft) - 319, 320)
    assert sum(detector.voiced(soft[at : at + 320], playing=True) for at in frames) > ENOUGH


def test_the_level_is_what_it_says() -> None:
    """In dB below full scale."""
    assert level_db(bytes(320)) == -96.0
    assert level_db(array("h", [32767, -32768] * 80).tobytes()) == pytest.approx(0.0, abs=0.01)
    assert level_db(array("h", [3277, -3277] * 80).tobytes()) == pytest.approx(-20.0, abs=0.01)


@given(st.lists(st.integers(-32768, 32767), min_size=160, max_size=160))
def test_the_magnitude_is_the_sum_of_all_samples(samples: list[int]) -> None:
    """To the last bit: what is a voice must not depend on how it is added up."""
    assert magnitude(array("h", samples).tobytes()) == sum(map(abs, samples))


@pytest.mark.parametrize("sample", [-32768, -32767, -256, -255, -1, 0, 1, 255, 256, 32767])
def test_the_magnitude_of_extremes(sample: int) -> None:
    """Where a sum of bytes could run over."""
    assert magnitude(array("h", [sample] * 160).tobytes()) == 160 * abs(sample)
