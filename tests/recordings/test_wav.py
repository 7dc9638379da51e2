"""A recording's length, from its header and its size."""

import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.wav import length_of, wav_length_s
from tests.recordings.wavs import put, wav


@pytest.mark.parametrize("seconds", [0.0, 0.02, 5.0, 63.5])
def test_a_finished_file_is_as_long_as_its_audio(tmp_path: Path, seconds: float) -> None:
    assert wav_length_s(put(tmp_path / "a.wav", wav(seconds))) == pytest.approx(seconds)


def test_a_header_alone_is_no_media(tmp_path: Path) -> None:
    file = put(tmp_path / "a.wav", wav(0))
    assert file.stat().st_size == 44
    assert wav_length_s(file) == 0.0


@pytest.mark.parametrize("told", [0, 0xFFFFFFFF, 99_999_999])
def test_an_unfinished_header_is_taken_by_the_files_size(tmp_path: Path, told: int) -> None:
    assert wav_length_s(put(tmp_path / "a.wav", wav(2.5, told=told))) == 2.5


def test_chunks_before_and_behind_the_audio_are_no_audio(tmp_path: Path) -> None:
    listed = b"LIST" + struct.pack("<I", 5) + b"hello\0"
    file = put(tmp_path / "a.wav", wav(3.0, extra=listed) + b"id3 " + b"\0" * 5000)
    assert wav_length_s(file) == 3.0


def test_the_byte_rate_is_the_files_own(tmp_path: Path) -> None:
    alaw = struct.pack("<HHIIHH", 6, 1, 8000, 8000, 1, 8)
    assert wav_length_s(put(tmp_path / "a.wav", wav(1.0, fmt=alaw))) == 2.0


def test_an_empty_file_has_no_media(tmp_path: Path) -> None:
    assert wav_length_s(put(tmp_path / "a.wav", b"")) == 0.0


def test_what_is_no_wav_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="RIFF"):
        wav_length_s(put(tmp_path / "a.wav", b"<html>nothing of ours</html>"))
    with pytest.raises(FileNotFoundError):
        wav_length_s(tmp_path / "missing.wav")


def test_sox_and_we_agree(tmp_path: Path) -> None:
    file = tmp_path / "tone.wav"
    subprocess.run(
        ["sox", "-n", "-r", "8000", "-b", "16", "-c", "1", file, "synth", "1.25", "sine", "440"],
        check=True,
    )
    assert wav_length_s(file) == pytest.approx(1.25)


@given(st.binary(max_size=200), st.integers(0, 10_000))
def test_rubbish_never_does_worse_than_being_refused(rubbish: bytes, more: int) -> None:
    for head in (rubbish, wav(0)[:12] + rubbish, wav(0)[:40] + rubbish):
        try:
            seconds = length_of(head, len(head) + more)
        except ValueError:
            continue
        assert seconds >= 0.0
