"""Marks of callers, and the call log seen by numbers."""

from dataclasses import replace
from datetime import timedelta

from storage.calls import SqlCalls
from storage.known_callers import EarlierCall, MarkedCaller, SqlKnownCallers
from tests.storage.facts import NOON, call_record, opened
from tickets.model import Outcome

ELDER = MarkedCaller("default", "+8613900000001", True, "", NOON, "cli")


async def test_a_mark_replaces_the_earlier_one_and_goes(sql_url: str) -> None:
    async with opened(sql_url) as database:
        store = SqlKnownCallers(database)
        await store.mark(ELDER)
        await store.mark(replace(ELDER, elder=False, language="za", set_by="seat 1001"))
        await store.mark(replace(ELDER, tenant="liuzhou"))
        (kept,) = await store.marked("default")
        assert (kept.elder, kept.language, kept.set_by) == (False, "za", "seat 1001")
        assert await store.forget("default", ELDER.e164)
        assert not await store.forget("default", ELDER.e164)
        assert list(await store.marked("default")) == []
        assert len(await store.marked("liuzhou")) == 1


async def test_the_newest_calls_come_oldest_first_and_only_with_a_number(sql_url: str) -> None:
    async with opened(sql_url) as database:
        calls = SqlCalls(database)
        for minute, number in ((0, "+8613900000001"), (1, ""), (2, "+8613900000002")):
            at = NOON + timedelta(minutes=minute)
            record = call_record(outcome=Outcome.ABANDONED, queued_at=at)
            facts = replace(record.facts, caller_e164=number, call_id=f"hl-1.{minute}")
            await calls.record(replace(record, facts=facts))
        store = SqlKnownCallers(database)
        tenant = record.facts.tenant
        found = await store.earlier(tenant, NOON - timedelta(days=1), 10)
        assert [call.e164 for call in found] == ["+8613900000001", "+8613900000002"]
        assert isinstance(found[0], EarlierCall)
        assert found[0].outcome is Outcome.ABANDONED
        newest = await store.earlier(tenant, NOON - timedelta(days=1), 1)
        assert [call.e164 for call in newest] == ["+8613900000002"]
        assert list(await store.earlier(tenant, NOON + timedelta(days=1), 10)) == []
