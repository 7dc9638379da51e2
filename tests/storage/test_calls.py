"""The call log: one row per call, and its recording to be checked."""

from datetime import timedelta

from sqlalchemy import select

from storage.calls import SqlCalls
from storage.database import Database
from storage.recordings import SqlRecordings
from storage.tables import calls
from tests.storage.facts import NOON, call_record, opened
from tickets.model import CallRecord, Outcome


async def test_a_call_told_twice_has_one_row_the_first(sql_url: str) -> None:
    async with opened(sql_url) as database:
        store = SqlCalls(database)
        await store.record(call_record("a", outcome=Outcome.ABANDONED))
        await store.record(call_record("a"))
        rows = await database.read(lambda c: c.execute(select(calls)).all())
        assert [(row.call_id, row.outcome, row.wait_s) for row in rows] == [("a", "abandoned", 4.0)]


async def test_an_answer_of_unknown_time_has_neither_wait_nor_talk(sql_url: str) -> None:
    """A talk whose engine died: the spool knows that it was, not when it began."""
    record = call_record("a")
    unknown = CallRecord(record.facts, Outcome.ANSWERED, "801", NOON, None, record.ended_at, "")
    async with opened(sql_url) as database:
        store = SqlCalls(database)
        await store.record(unknown)
        rows = await database.read(lambda c: c.execute(select(calls)).all())
        assert [(row.outcome, row.wait_s, row.talk_s) for row in rows] == [("answered", None, None)]


async def test_a_recorded_call_is_to_be_checked_for_its_whole_length(sql_url: str) -> None:
    async with opened(sql_url) as database:
        await SqlCalls(database).record(
            call_record("a", recording="/hotline/recordings/2026/11/21/a.wav")
        )
        await SqlCalls(database).record(call_record("b"))
        await _one_pending(database)


async def _one_pending(database: Database) -> None:
    pending = await SqlRecordings(database).pending(
        ended_before=NOON + timedelta(hours=1), limit=10
    )
    assert [(one.call_id, one.path, one.expected_s) for one in pending] == [
        ("a", "recordings/2026/11/21/a.wav", 64.0)
    ]
