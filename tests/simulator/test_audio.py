"""Voices made at run time."""

import subprocess
from array import array
from pathlib import Path

import pytest

from simulator.audio import Codec, encode, silence, speech_like, spoken


@pytest.mark.parametrize(("codec", "kind"), [("ulaw", "ul"), ("alaw", "al")])
def test_every_sample_is_encoded_as_sox_does_it(codec: Codec, kind: str, tmp_path: Path) -> None:
    """Both G.711 laws over the whole range, against sox; a step apart is rounding."""
    samples = array("h", range(-32768, 32768, 7))
    raw, coded, back = tmp_path / "in.raw", tmp_path / "coded", tmp_path / "back.raw"
    raw.write_bytes(samples.tobytes())
    coded.write_bytes(encode(samples, codec))
    plain = ("-t", "raw", "-r", "8000", "-c", "1", "-b", "16", "-e", "signed")
    subprocess.run(
        ["sox", "-D", "-t", kind, "-r", "8000", "-c", "1", coded, *plain, back], check=True
    )
    decoded = array("h")
    decoded.frombytes(back.read_bytes())
    for sent, heard in zip(samples, decoded, strict=True):
        assert abs(sent - heard) <= max(16, abs(sent) // 16 + 8)


def test_the_hum_is_as_long_and_as_loud_as_speech() -> None:
    """Silence detection must hear somebody: a good part of the samples is far from silence."""
    voice = speech_like(1.5, "ulaw")
    assert len(voice) == 12000
    loud = sum(1 for byte in voice if byte & 0x70 < 0x50)
    assert loud > len(voice) / 4


def test_silence_is_the_codec_s_own() -> None:
    assert (silence("ulaw"), silence("alaw")) == (0xFF, 0xD5)


def test_a_sentence_is_spoken_where_there_is_a_synthesiser() -> None:
    """espeak-ng and sox are part of set-up; the sentence is of a length a person would need."""
    voice = spoken("ni3 hao3, wo3 yao4 tou2 su4", "cmn-latn-pinyin", "alaw")
    assert voice is not None
    assert 1.0 < len(voice) / 8000 < 6.0


def test_without_a_synthesiser_there_is_no_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert spoken("ni3 hao3", "cmn-latn-pinyin", "ulaw") is None
