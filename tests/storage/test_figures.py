"""Figures in SQL: replaced, not added to; several engines add up; read in pages; on both stores."""

from datetime import UTC, datetime, timedelta

import pytest

from queue_manager.cells import Dimension
from queue_manager.counts import CallCounts, Figure, SeatCounts, quarter_of
from queue_manager.figure_book import oldest_of
from storage import figures
from storage.calls import SqlCalls
from storage.ended_calls import ended_calls
from storage.figures import SqlFigures
from tests.storage.facts import NOON, call_record, opened
from tickets.model import CallRecord, Outcome

QUARTER = quarter_of(NOON)
MIDNIGHT = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
LINE, QUEUE = Dimension.LINE, Dimension.QUEUE


async def lines_of(
    store: SqlFigures, by: Dimension | None = LINE, tenant: str = "default"
) -> list[Figure]:
    end = MIDNIGHT + timedelta(days=1)
    return [line async for page in store.pages(tenant, by, MIDNIGHT, end) for line in page]


async def test_writing_again_replaces_and_engines_add_up(sql_url: str) -> None:
    async with opened(sql_url) as database:
        first, second = SqlFigures(database, "a"), SqlFigures(database, "b")
        key = (QUARTER, LINE, "12345")
        await first.write_calls("default", {key: CallCounts(offered=3, longest_ms=40)}, NOON)
        counts = CallCounts(offered=5, answered=4, wait_ms=5_000_000_000, longest_ms=70)
        await first.write_calls("default", {key: counts}, NOON)
        await first.write_calls("default", {key: counts}, NOON)
        await second.write_calls("default", {key: CallCounts(offered=2, longest_ms=90)}, NOON)
        await second.write_calls("baoji", {key: CallCounts(offered=100)}, NOON)
        assert await lines_of(first) == [
            Figure(
                NOON, "12345",
                CallCounts(offered=7, answered=4, wait_ms=5_000_000_000, longest_ms=90),
            )
        ]  # fmt: skip
        assert await lines_of(first, QUEUE) == []


async def test_seats_times_and_pause_reasons_add_up(sql_url: str) -> None:
    async with opened(sql_url) as database:
        first, second = SqlFigures(database, "a"), SqlFigures(database, "b")
        key = (QUARTER, "8001")
        await first.write_seats("default", {key: SeatCounts(talk_ms=5, pauses={"meal": 7})})
        await second.write_seats(
            "default", {key: SeatCounts(answered=1, talk_ms=6, pauses={"meal": 1, "会议": 2})}
        )
        assert await lines_of(first, None) == [
            Figure(
                NOON, "8001", SeatCounts(answered=1, talk_ms=11, pauses={"meal": 8, "会议": 2})
            )
        ]  # fmt: skip


async def test_reading_in_pages_tears_nothing_apart(
    sql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two engines' rows of one key lie on both sides of a page's end."""
    async with opened(sql_url) as database:
        for node in ("a", "b", "c"):
            store = SqlFigures(database, node)
            await store.write_calls(
                "default",
                {
                    (QUARTER + late, LINE, str(line)): CallCounts(offered=1)
                    for late in range(3) for line in range(5)
                },
                NOON,
            )  # fmt: skip
        whole = await lines_of(store)
        for page in (1, 2, 4, 45):
            monkeypatch.setattr(figures, "PAGE", page)
            assert await lines_of(store) == whole
        assert len(whole) == 15
        assert {line.counts.offered for line in whole if isinstance(line.counts, CallCounts)} == {3}


async def test_an_engine_goes_on_from_what_is_stored(sql_url: str) -> None:
    async with opened(sql_url) as database:
        mine, other = SqlFigures(database, "a"), SqlFigures(database, "b")
        early, late = quarter_of(MIDNIGHT) + 1, QUARTER
        for store in (mine, other):
            await store.write_calls(
                "default",
                {
                    (quarter, by, key): CallCounts(offered=1, longest_ms=7)
                    for quarter in (early - 4, early, late)
                    for by, key in ((LINE, "12345"), (LINE, "12333"), (QUEUE, "main"))
                },
                NOON if store is mine else NOON - timedelta(hours=1),
            )
            seen = NOON.timestamp() - (30 if store is mine else 0)
            await store.write_seats(
                "default", {(late, "8001"): SeatCounts(answered=2)}, {"8001": seen}
            )
            await store.write_seats("default", {(late, "8002"): SeatCounts()})
        found = await mine.load("default", began_at=NOON, midnight=MIDNIGHT)
        assert found.counted_until == NOON
        assert found.oldest == late - 24 == oldest_of(NOON, NOON)
        assert set(found.own) == set(found.others)
        assert {quarter for quarter, _, _ in found.own} == {late}
        assert found.today[LINE, "12345"] == CallCounts(offered=4, longest_ms=7)
        assert found.quarters == {
            quarter: CallCounts(offered=4, longest_ms=7) for quarter in (early, late)
        }
        assert found.seats == {(late, "8001"): SeatCounts(answered=2), (late, "8002"): SeatCounts()}
        assert found.seats_until == {"8001": NOON.timestamp()}, "whoever counted it last"
        nobody = await mine.load("baoji", began_at=NOON, midnight=MIDNIGHT)
        assert (nobody.counted_until, dict(nobody.own), dict(nobody.today)) == (None, {}, {})


async def test_ended_calls_are_those_after_a_moment_whose_row_is_new_once(sql_url: str) -> None:
    async with opened(sql_url) as database:
        new: list[CallRecord] = []
        store = SqlCalls(database, lambda record, drafted_at: new.append(record))
        records = [
            call_record("n-1.1", queued_at=NOON, talk_s=10),
            call_record("n-1.2", queued_at=NOON + timedelta(hours=1)),
            call_record("n-1.3", queued_at=NOON, outcome=Outcome.ABANDONED, wait_s=7),
            call_record("n-1.4", queued_at=None, outcome=Outcome.LEFT_EARLY),
        ]
        for record in (*records, *records):
            await store.record(record)
        assert new == records
        found = [
            call
            async for some in ended_calls(
                database, "default", queued_since=NOON, ended_after=NOON + timedelta(seconds=10),
                now=NOON + timedelta(hours=2),
            )
            for call in some
        ]  # fmt: skip
        assert [call.call_id for call in found] == ["n-1.1", "n-1.2"]
        assert found[0].answered_at == NOON + timedelta(seconds=4)
        assert (found[0].line_id, found[0].language) == ("12345", "cmn")
