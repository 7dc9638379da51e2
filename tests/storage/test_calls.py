"""The call log: one row per call, and the same figures as the live statistics."""

import asyncio
from datetime import date, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from queue_manager.model import LeaveReason
from queue_manager.statistics import Statistics, slot_of
from storage.calls import SqlCalls
from storage.database import Database
from storage.recordings import SqlRecordings
from storage.tables import calls
from tests.storage.facts import NOON, SHANGHAI, call_record, opened
from tickets.model import CallRecord, Outcome

DAY = date(2026, 11, 21)
LEAVE = {
    Outcome.ABANDONED: LeaveReason.ABANDONED,
    Outcome.VOICE_REQUEST: LeaveReason.VOICE_REQUEST,
    Outcome.TRANSFERRED: LeaveReason.TRANSFERRED,
}
QUEUED = st.builds(
    call_record,
    outcome=st.sampled_from([Outcome.ANSWERED, *LEAVE]),
    queued_at=st.integers(0, 86_399).map(
        lambda s: datetime(2026, 11, 21, tzinfo=SHANGHAI) + timedelta(seconds=s)
    ),
    wait_s=st.sampled_from([0.0, 4.5, 5.0, 15.0, 15.5, 100.0]),
    talk_s=st.sampled_from([0.0, 30.0, 60.5]),
    line_id=st.sampled_from(["12345", "12333"]),
)


def _live(records: list[CallRecord]) -> Statistics:
    """The same calls told to the live statistics."""
    statistics = Statistics(15.0)
    for record in records:
        assert record.queued_at is not None
        slot = slot_of(record.queued_at.astimezone(SHANGHAI))
        statistics.entered(slot, record.facts.line_id)
        until = record.answered_at or record.ended_at
        wait_s = (until - record.queued_at).total_seconds()
        if record.answered_at is not None:
            statistics.answered(slot, record.facts.line_id, wait_s)
            talk_s = (record.ended_at - record.answered_at).total_seconds()
            statistics.talked(slot, record.facts.line_id, talk_s)
        else:
            statistics.left(slot, record.facts.line_id, wait_s, LEAVE[record.outcome])
    return statistics


async def _write(store: SqlCalls, records: list[CallRecord]) -> None:
    await asyncio.gather(*(store.record(record) for record in records))


@settings(max_examples=12, deadline=None, suppress_health_check=[*HealthCheck])
@given(records=st.lists(QUEUED, max_size=20))
async def test_a_restored_day_equals_the_live_one(sql_url: str, records: list[CallRecord]) -> None:
    numbered = [
        call_record(
            f"c{n}", outcome=r.outcome, queued_at=r.queued_at, line_id=r.facts.line_id,
            wait_s=((r.answered_at or r.ended_at) - (r.queued_at or NOON)).total_seconds(),
            talk_s=(r.ended_at - (r.answered_at or r.ended_at)).total_seconds(),
        )
        for n, r in enumerate(records)
    ]  # fmt: skip
    async with opened(sql_url) as database:
        await database.write(lambda c: c.execute(calls.delete()))
        store = SqlCalls(database)
        await _write(store, numbered)
        figures = await store.figures_of("default", DAY, SHANGHAI, service_level_s=15.0)
    restored = Statistics(15.0)
    restored.restore(DAY, figures.lines, figures.quarters)
    assert restored.snapshot(DAY) == _live(numbered).snapshot(DAY)


async def test_a_days_figures_end_at_the_tenants_midnights(sql_url: str) -> None:
    midnight = datetime(2026, 11, 21, tzinfo=SHANGHAI)
    instants = [
        midnight - timedelta(microseconds=1), midnight,
        midnight + timedelta(days=1, microseconds=-1), midnight + timedelta(days=1),
    ]  # fmt: skip
    async with opened(sql_url) as database:
        store = SqlCalls(database)
        await _write(store, [call_record(f"c{n}", queued_at=at) for n, at in enumerate(instants)])
        await _write(store, [call_record("x", tenant="baoji"), call_record("y", queued_at=None)])
        figures = await store.figures_of("default", DAY, SHANGHAI, service_level_s=15.0)
        assert figures.lines["12345"].offered == 2
        assert {n: q.offered for n, q in figures.quarters.items()} == {0: 1, 95: 1}


async def test_a_call_told_twice_has_one_row_the_first(sql_url: str) -> None:
    async with opened(sql_url) as database:
        store = SqlCalls(database)
        await store.record(call_record("a", outcome=Outcome.ABANDONED))
        await store.record(call_record("a"))
        rows = await database.read(lambda c: c.execute(select(calls)).all())
        assert [(row.call_id, row.outcome, row.wait_s) for row in rows] == [("a", "abandoned", 4.0)]


async def test_an_answer_of_unknown_time_counts_without_a_wait(sql_url: str) -> None:
    """A talk whose engine died: the spool knows that it was, not when it began."""
    record = call_record("a")
    unknown = CallRecord(record.facts, Outcome.ANSWERED, "801", NOON, None, record.ended_at, "")
    async with opened(sql_url) as database:
        store = SqlCalls(database)
        await store.record(unknown)
        figures = await store.figures_of("default", DAY, SHANGHAI, service_level_s=15.0)
        totals = figures.lines["12345"]
        assert (totals.answered, totals.answered_in_time, totals.abandoned) == (1, 0, 0)
        assert (totals.wait_total_s, totals.longest_wait_s) == (0.0, 0.0)


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
