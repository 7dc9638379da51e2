"""Spoken requests on a real disk."""

import wave
from datetime import date
from pathlib import Path

from ivr.voice_files import HomeVoiceFiles

DAY = date(2026, 11, 21)


async def test_a_request_is_found_again_with_its_length(tmp_path: Path) -> None:
    voice = HomeVoiceFiles(tmp_path)
    file = voice.place("hl-1.7", DAY, 1)
    assert file.inside == "/hotline/recordings/requests/2026/11/21/hl-1.7-1"
    assert await voice.seconds(file.stored) == 0.0
    await voice.prepare(file)
    with wave.open(str(tmp_path / file.stored), "wb") as handle:
        handle.setnchannels(1)
        handle.setsampwidth(2)
        handle.setframerate(8000)
        handle.writeframes(b"\0\0" * 12000)
    assert await voice.seconds(file.stored) == 1.5
    assert voice.place("hl-1.7", DAY, 1) == file
    assert voice.place("hl-1.7", DAY, 2) != file


async def test_rubbish_and_a_disk_that_refuses_are_no_end_of_a_call(tmp_path: Path) -> None:
    """Said in the log; the caller is led on."""
    voice = HomeVoiceFiles(tmp_path)
    file = voice.place("hl-1.7", DAY, 1)
    (tmp_path / "recordings").write_bytes(b"a file where the folder should be")
    await voice.prepare(file)
    assert await voice.seconds(file.stored) == 0.0
    (tmp_path / "recordings").unlink()
    await voice.prepare(file)
    (tmp_path / file.stored).write_bytes(b"this is not a WAV file at all")
    assert await voice.seconds(file.stored) == 0.0


async def test_a_file_without_its_header_is_torn_and_a_silent_one_is_not(tmp_path: Path) -> None:
    """So it is known whether he said nothing or the disk was full."""
    voice = HomeVoiceFiles(tmp_path)
    file = voice.place("hl-1.7", DAY, 1)
    assert await voice.torn(file.stored), "not even its folder"
    await voice.prepare(file)
    assert not await voice.torn(file.stored), "he left before there was any"
    (tmp_path / file.stored).write_bytes(b"RIFF")
    assert await voice.torn(file.stored)
    with wave.open(str(tmp_path / file.stored), "wb") as handle:
        handle.setnchannels(1)
        handle.setsampwidth(2)
        handle.setframerate(8000)
    assert not await voice.torn(file.stored)
