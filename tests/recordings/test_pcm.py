"""Samples of recordings: whole ones, cut ones, and what is no recording."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.pcm import NoSpeechAudio, pcm_blocks
from tests.recordings.wavs import put, wav


def _file(tmp_path: Path, content: bytes) -> Path:
    return put(tmp_path / "a.wav", content)


@pytest.mark.parametrize("told", [None, 0, 0xFFFFFFFF])
def test_all_samples_come_whatever_the_header_promises(tmp_path: Path, told: int | None) -> None:
    file = _file(tmp_path, wav(1.5, told=told))
    assert [len(block) for block in pcm_blocks(file, 16000)] == [16000, 8000]


def test_what_follows_the_audio_is_no_audio(tmp_path: Path) -> None:
    file = _file(tmp_path, wav(0.5) + b"LIST" + struct.pack("<I", 4) + b"more")
    assert sum(len(block) for block in pcm_blocks(file, 3000)) == 8000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        b"not a recording at all",
        wav(1.0, fmt=struct.pack("<HHIIHH", 7, 1, 8000, 8000, 1, 8)),
        wav(1.0, fmt=struct.pack("<HHIIHH", 1, 2, 8000, 32000, 4, 16)),
        wav(1.0, fmt=struct.pack("<HHIIHH", 1, 1, 44100, 88200, 2, 16)),
        wav(1.0, fmt=b"\1\0"),
        wav(1.0)[:30],
    ],
)
def test_what_cannot_be_heard_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(NoSpeechAudio):
        list(pcm_blocks(_file(tmp_path, content), 16000))


@given(st.binary(max_size=200), st.booleans())
def test_rubbish_never_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, rubbish: bytes, headed: bool
) -> None:
    file = tmp_path_factory.getbasetemp() / "rubbish.wav"
    file.write_bytes((b"RIFF\0\0\0\0WAVE" if headed else b"") + rubbish)
    try:
        blocks = list(pcm_blocks(file, 64))
    except NoSpeechAudio:
        return
    assert all(len(block) % 2 == 0 for block in blocks)
