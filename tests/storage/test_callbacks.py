"""Callbacks on both stores: the newest version counts, whatever comes late or twice."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from queue_manager.callback import Callback, CallbackEvent, CallbackState, decide
from queue_manager.requirement import Requirement
from queue_manager.rules import CallbackOrder
from storage.callbacks import KeptCallback, SqlCallbacks
from storage.calls import SqlCalls
from storage.codec import dump_callback, load_callback
from storage.drain import Drain
from storage.journal import Journal
from storage.tickets import SqlTickets
from tests.storage.facts import NOON, ZONES, call_facts, opened


def taken(call_id: str = "n-1.1", queued_at: datetime = NOON) -> KeptCallback:
    """A callback somebody has just asked for."""
    callback = Callback(
        tenant="default", call_id=call_id, number="+8613800138000", line_id="12345",
        queue_id="main", needs=Requirement.parse("lang:za>=2 & (svc:12333 | svc:general>=3)"),
        language="cmn", priority=2, queued_at=queued_at, taken_at=NOON + timedelta(seconds=40),
        expires_at=NOON + timedelta(hours=4), order=CallbackOrder.SEAT_FIRST, tries=3,
        retry_s=300.0,
    )  # fmt: skip
    return KeptCallback(callback, call_facts(call_id))


def after(kept: KeptCallback, *events: CallbackEvent) -> KeptCallback:
    """The same, later."""
    callback = kept.callback
    for event in events:
        callback = decide(callback, event, NOON + timedelta(minutes=5), result="busy")
    return replace(kept, callback=callback)


async def test_a_callback_comes_back_as_it_was(sql_url: str) -> None:
    kept = after(taken(), CallbackEvent.RUNG, CallbackEvent.NOT_REACHED)
    async with opened(sql_url) as database:
        store = SqlCallbacks(database)
        assert await store.save(kept)
        assert await store.find("default", "n-1.1") == kept
        assert await store.find("baoji", "n-1.1") is None
        assert await store.list("default") == [kept]
        assert await store.list("baoji") == []


async def test_an_older_version_changes_nothing_and_is_told_so(sql_url: str) -> None:
    """Two engines that want to ring the same citizen: only one of them may."""
    kept = taken()
    rung = after(kept, CallbackEvent.RUNG)
    async with opened(sql_url) as database:
        store = SqlCallbacks(database)
        assert await store.save(kept)
        assert await store.save(rung)
        assert not await store.save(rung)
        assert not await store.save(kept)
        assert await store.find("default", "n-1.1") == rung


async def test_open_ones_are_found_in_the_order_of_their_places(sql_url: str) -> None:
    first, second, third = (taken(f"n-1.{n}", NOON + timedelta(seconds=n)) for n in range(3))
    async with opened(sql_url) as database:
        store = SqlCallbacks(database)
        for kept in (third, after(second, CallbackEvent.CANCELLED), first):
            await store.save(kept)
        assert await store.open() == [first, third]


async def test_the_journal_brings_every_version_to_sql_and_the_newest_stays(
    sql_url: str, tmp_path: Path
) -> None:
    """SQL was away while he was rung; a line written twice does no harm."""
    kept = taken()
    rung = after(kept, CallbackEvent.RUNG)
    journal = Journal(tmp_path / "journal")
    for version in (kept, rung, kept):
        await journal.keep_callback(version)
    async with opened(sql_url) as database:
        store = SqlCallbacks(database)
        drain = Drain(journal, SqlTickets(database, ZONES), SqlCalls(database), store)
        assert await drain.drain() == 3
        assert await store.open() == [rung]
        assert journal.rejected == 0
        assert rung.callback.state is CallbackState.CALLING


def test_a_callback_survives_its_json() -> None:
    for kept in (taken(), after(taken(), CallbackEvent.CANCELLED)):
        assert load_callback(dump_callback(kept)) == kept
