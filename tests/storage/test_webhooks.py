"""Subscriptions in SQL and what is told of events, on both stores."""

from dataclasses import replace

import pytest

from storage.webhooks import MOST, Hook
from tests.storage.exchange_house import TENANT, House
from tests.storage.facts import opened
from tickets.errors import StoreRefused

HOOK = Hook(TENANT, "abcd", "https://example.com/hook", ("dispatched", "replied"), made_at=1)
DAY_S = 86_400


async def test_only_what_is_wanted_is_told_and_nothing_personal(sql_url: str) -> None:
    async with opened(sql_url, deadline_s=20.0) as database:
        house = House(database)
        await house.webhooks.add(HOOK)
        await house.webhooks.add(replace(HOOK, id="efgh", events=("*",)))
        number = await house.crossing()
        told = [(one.target, one.kind) for one in await house.outbox.list(TENANT)]
        assert told == [
            ("hook:efgh", "ticket.dispatched"), ("hook:abcd", "ticket.dispatched"),
            ("hook:efgh", "ticket.submitted"), ("hook:efgh", "ticket.created"),
        ]  # fmt: skip
        (first, *_) = await house.outbox.list(TENANT)
        assert first.body["data"] == {
            "tenant": TENANT, "ticket": number, "event": "dispatched", "state": "DISPATCHED",
            "version": 3, "unit": "pipes", "round": 1, "due": None,
        }  # fmt: skip


async def test_who_fails_for_too_long_is_told_no_more_until_enabled(sql_url: str) -> None:
    async with opened(sql_url, deadline_s=20.0) as database:
        house = House(database)
        hooks = house.webhooks
        await hooks.add(HOOK)
        await house.crossing()
        assert not await hooks.failed(TENANT, "abcd", 1000, "503", patience_s=DAY_S)
        await hooks.worked(TENANT, "abcd", 2000)
        assert not await hooks.failed(TENANT, "abcd", 3000, "503", patience_s=DAY_S)
        assert not await hooks.failed(TENANT, "abcd", 3000 + DAY_S - 1, "503", patience_s=DAY_S)
        assert await hooks.failed(TENANT, "abcd", 3000 + DAY_S, "timeout", patience_s=DAY_S)
        (one,) = await hooks.list(TENANT)
        assert (one.disabled_at, one.reason) == (3000 + DAY_S, "timeout")
        assert hooks.hooks(TENANT) == ()
        assert [one.state for one in await house.outbox.list(TENANT)] == ["given_up"]
        again = await hooks.enable(TENANT, "abcd", new_secret=True)
        assert again is not None
        assert (again.generation, again.disabled_at) == (2, 0)
        assert hooks.hook(TENANT, "abcd") == again
        assert await hooks.enable(TENANT, "none") is None


async def test_a_tenant_has_so_many_and_each_goes_with_what_waits_for_it(sql_url: str) -> None:
    async with opened(sql_url, deadline_s=20.0) as database:
        house = House(database)
        for n in range(MOST):
            await house.webhooks.add(replace(HOOK, id=f"hook{n:02}"))
        with pytest.raises(StoreRefused):
            await house.webhooks.add(replace(HOOK, id="more"))
        await house.crossing()
        assert await house.webhooks.remove(TENANT, "hook00")
        assert not await house.webhooks.remove(TENANT, "hook00")
        waiting = await house.outbox.list(TENANT, state="waiting", limit=200)
        assert len(waiting) == MOST - 1
