"""A conversation's journal: what was acknowledged is there after any death, once, and only it."""

import os
import time
from dataclasses import replace
from pathlib import Path

from storage.talk_journal import FileTalkJournal
from tests.storage.facts import new_ticket
from tickets.model import NewTicket, Origin
from tickets.spoken import Question, SpokenAnswer, SpokenWord


def voice_request(call_id: str) -> NewTicket:
    return new_ticket(call_id, origin=Origin.VOICE_REQUEST, voice_path="recordings/x.wav")


NEW = voice_request("a-1.1")
KIND = SpokenAnswer(Question.KIND, "complaint", words=(SpokenWord("投诉", 0.2, 0.6, 0.98),))
PLACE = SpokenAnswer(Question.PLACE, "450103", "青秀区", keys="1")


async def test_what_was_noted_is_read_by_the_next_engine(tmp_path: Path) -> None:
    journal = FileTalkJournal(tmp_path / "talks")
    assert await journal.read("a-1.1") is None
    await journal.begin(NEW)
    await journal.note("a-1.1", KIND)
    await journal.note("a-1.1", PLACE)
    await journal.note_alarm("a-1.1", "着火")
    kept = await FileTalkJournal(tmp_path / "talks").read("a-1.1")
    assert kept is not None
    assert (kept.new, kept.answers, kept.alarm) == (NEW, (KIND, PLACE), "着火")


async def test_a_torn_line_is_left_out_and_the_next_one_is_whole(tmp_path: Path) -> None:
    """The engine died while it wrote: that answer was never acknowledged."""
    journal = FileTalkJournal(tmp_path / "talks")
    await journal.begin(NEW)
    await journal.note("a-1.1", KIND)
    file = next((tmp_path / "talks").iterdir())
    file.write_bytes(file.read_bytes() + b'{"what": "answer", "data": {"quest')
    await journal.note("a-1.1", PLACE)
    kept = await journal.read("a-1.1")
    assert kept is not None
    assert kept.answers == (KIND, PLACE)


async def test_a_beginning_that_was_torn_tells_of_no_ticket(tmp_path: Path) -> None:
    file = tmp_path / "a-1.1.jsonl"
    file.write_bytes(b'{"what": "begun", "da')
    assert await FileTalkJournal(tmp_path).read("a-1.1") is None
    assert await FileTalkJournal(tmp_path).left(0) == []


async def test_begun_twice_the_first_beginning_counts(tmp_path: Path) -> None:
    journal = FileTalkJournal(tmp_path)
    await journal.begin(NEW)
    await journal.begin(replace(NEW, confirmed=True))
    kept = await journal.read("a-1.1")
    assert kept is not None
    assert kept.new == NEW


async def test_only_what_rests_is_left_and_what_stands_is_forgotten(tmp_path: Path) -> None:
    journal = FileTalkJournal(tmp_path)
    for call_id in ("a-1.1", "a-1.2"):
        await journal.begin(voice_request(call_id))
    old = time.time() - 60
    os.utime(tmp_path / "a-1.1.jsonl", (old, old))
    left = await journal.left(30)
    assert [kept.new.facts.call_id for kept in left] == ["a-1.1"]
    await journal.forget("a-1.1")
    await journal.forget("a-1.1")
    assert await journal.left(30) == []


async def test_a_disk_that_takes_nothing_stops_nobody(tmp_path: Path) -> None:
    """A file where the folder should be: every write fails, none raises."""
    (tmp_path / "talks").write_text("")
    journal = FileTalkJournal(tmp_path / "talks")
    await journal.begin(NEW)
    await journal.note("a-1.1", KIND)
    await journal.forget("a-1.1")
    assert await journal.read("a-1.1") is None
