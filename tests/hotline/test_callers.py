"""What other nodes' calls tell of their callers."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from hotline import callers as module
from hotline.callers import follow_callers
from ivr.known_callers import KnownCallers
from storage.calls import SqlCalls
from storage.known_callers import SqlKnownCallers
from tests.storage.facts import NOON, call_record, opened, until
from tickets.model import Outcome

NUMBER = "+8613900000001"


class At:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOON


async def test_who_gave_up_at_another_node_is_known_here_soon(
    sql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ended before the start was read then; of who sends no number nothing is known."""
    monkeypatch.setattr(module, "LOOK_S", 0.02)
    async with opened(sql_url) as database:
        record = call_record(outcome=Outcome.ABANDONED, queued_at=NOON - timedelta(seconds=90))
        tenant, callers = record.facts.tenant, KnownCallers()
        task = asyncio.create_task(
            follow_callers(SqlKnownCallers(database), [tenant], callers, At())
        )
        for n, (number, minutes) in enumerate((("+8613900000002", -5), ("", 0), (NUMBER, 0))):
            facts = replace(record.facts, caller_e164=number, call_id=f"b-1.{n}")
            ended_at = NOON + timedelta(minutes=minutes)
            await SqlCalls(database).record(replace(record, facts=facts, ended_at=ended_at))
        await until(lambda: callers.find(tenant, NUMBER) is not None)
        known = callers.find(tenant, NUMBER)
        assert known is not None
        assert known.abandoned_at == NOON
        assert len(callers) == 1
        task.cancel()
