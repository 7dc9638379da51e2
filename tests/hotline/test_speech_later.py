"""Later recognition as an installation has it: a niced worker, there only while there is work."""

import asyncio
from datetime import datetime
from pathlib import Path

import psutil

from hotline.settings import Settings
from hotline.speech import Speech
from hotline.speech_later import NICE, Added, later
from storage.lives import SqlLives
from storage.self_service import SqlOwnTickets
from storage.tickets import SqlTickets
from storage.transcripts import SqlTranscripts
from tests.ivr.speech import DANGER, SENTENCE, WAIT_S, speech
from tests.ivr.test_later import recorded, request
from tests.storage.facts import NOON, ZONES, new_ticket, opened
from tickets.life import Role
from tickets.model import NewTicket
from tickets.self_service import Addition
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


async def test_what_a_citizen_added_stands_in_his_ticket_as_text(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Also when the engine is killed between the note and the row: then it is told again, once."""
    settings = Settings.model_validate({"home": tmp_path, "speech": "vosk"})

    async def tell(new: NewTicket) -> None:
        raise AssertionError("an addition makes no ticket")

    async with opened(sqlite_url) as database:
        lives = SqlLives(database)
        number = (await SqlTickets(database, ZONES).create(new_ticket("n-1.1"))).number
        own = SqlOwnTickets(database, lives, ZONES, _now)
        ticket = await own.with_number("default", number)
        assert ticket is not None
        path = recorded(tmp_path, "n-9.9-1", speech(SENTENCE))
        assert await own.add(ticket, Addition("n-9.9", path, 5.0, NOON, "cmn"))
        (pending,) = await SqlTranscripts(database).pending(("cmn",), limit=5)
        worker = later(settings, Speech(settings), database, tell, _now, lives)
        async with asyncio.timeout(WAIT_S):
            assert await worker.work_once() == 1
        assert await worker.work_once() == 0
        (made,) = await SqlTranscripts(database).of_call("default", "n-9.9")
        assert made.status is TranscriptStatus.DONE
        await Added(lives, _now).tell(pending, SENTENCE)
        *_, added, noted = await lives.history("default", number)
        assert added.told.data["recording"] == noted.told.data["recording"] == path
        assert noted.told.actor.role is Role.SYSTEM
        assert noted.told.data["text"] == f"市民来电补充（自动转写）：{SENTENCE}"


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
