"""Later recognition as an installation has it: a niced worker, there only while there is work."""

import asyncio
from datetime import datetime
from pathlib import Path

import psutil

from hotline.settings import Settings
from hotline.speech import Speech
from hotline.speech_later import NICE, later
from storage.tickets import SqlTickets
from storage.transcripts import SqlTranscripts
from tests.ivr.speech import DANGER, WAIT_S, speech
from tests.ivr.test_later import recorded, request
from tests.storage.facts import NOON, ZONES, opened
from tickets.model import NewTicket
from tickets.transcripts import TranscriptStatus


def _now() -> datetime:
    return NOON


async def test_a_recording_is_recognised_by_a_worker_that_is_nice_and_goes_again(
    sqlite_url: str, tmp_path: Path
) -> None:
    settings = Settings.model_validate({"home": tmp_path, "speech": "vosk"})
    live = Speech(settings)
    told: list[NewTicket] = []
    niceness: list[int] = []

    async def tell(new: NewTicket) -> None:
        told.append(new)
        niceness.extend(worker.nice() for worker in psutil.Process().children())

    async with opened(sqlite_url) as database:
        path = recorded(tmp_path, "n-1.1", speech(DANGER))
        await SqlTickets(database, ZONES).create(request("n-1.1", path))
        worker = later(settings, live, database, tell, _now)
        async with asyncio.timeout(WAIT_S):
            assert await worker.work_once() == 1
        (made,) = await SqlTranscripts(database).of_call("default", "n-1.1")
    assert made.status is TranscriptStatus.DONE
    assert "".join(word.text for word in made.words) == DANGER
    assert made.model.startswith("tiny-cmn-")
    assert [new.facts.call_id for new in told] == ["n-1.1"]
    assert NICE in niceness
    assert not [c for c in psutil.Process().children() if "ivr.speech.worker" in c.cmdline()]


async def test_where_speech_is_off_nothing_is_recognised_later(
    sqlite_url: str, tmp_path: Path
) -> None:
    settings = Settings.model_validate({"home": tmp_path, "speech": "off"})

    async def tell(new: NewTicket) -> None:
        raise AssertionError("nothing was recognised")

    async with opened(sqlite_url) as database:
        path = recorded(tmp_path, "n-1.1", speech(DANGER))
        await SqlTickets(database, ZONES).create(request("n-1.1", path))
        assert await later(settings, Speech(settings), database, tell, _now).work_once() == 0
