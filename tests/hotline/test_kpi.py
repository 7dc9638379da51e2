"""Figures as a running engine counts them: tickets and calls together, with people's names."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import storage.kpi
from hotline.kpi import KpiNames, StoredKpis
from hotline.unit_files import UnitBook
from ivr.tenants import Tenant
from queue_manager.cells import Dimension
from queue_manager.counts import CallCounts, quarter_of
from storage.figures import SqlFigures
from storage.kpi import ticket_counts
from tests.storage.clock_house import TENANT, house_on
from tickets.calendar import seconds
from tickets.kpi import By
from tickets.kpi_list import BY_ID
from tickets.model import Kind
from tickets.periods import Per, month

ZONE = ZoneInfo("Asia/Shanghai")
NAMES = KpiNames(UnitBook.read([Tenant(id=TENANT, name="x")]), lambda tenant: {"12345": "市民热线"})


async def test_tickets_and_calls_are_in_one_book(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        await house.dispatched(Kind.HELP, class_code="040201")
        queued = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
        key = (quarter_of(queued), Dimension.LINE, "12345")
        counts = {key: CallCounts(offered=4, answered=3, waits=3, wait_ms=9_000)}
        await SqlFigures(house.database, "a").write_calls(TENANT, counts, queued)
        reader = StoredKpis(house.database, NAMES, {TENANT: ZONE})
        book = await reader.book(TENANT, month("2026-11"), house.now, (By.LINE, By.UNIT), Per.WEEK)
        assert book.whole["received"] == 1
        assert BY_ID["connection"].share(book.whole).rate == 0.75
        line = book.groups(By.LINE)["12345"]
        assert (line["received"], line["offered"]) == (1, 4)
        assert "offered" not in book.groups(By.UNIT)["water"]
        weeks = [sum(g.get("offered", 0) for g in groups.values())
                 for groups in book.parts(By.ALL).values()]  # fmt: skip
        assert weeks == [0, 0, 0, 0, 4, 0]
        assert (len(book.tickets_on), len(book.calls_on)) == (1, 1)


async def test_who_asks_at_once_has_one_count_and_who_gave_up_leaves_what_was_counted(
    sql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second waits and finds it; a request that broke off after a day has counted that day."""
    real: Callable[..., Any] = storage.kpi._chunk
    counted: list[str] = []

    def chunk(*args: Any, begin: str, **more: Any) -> Any:
        counted.append(begin)
        return real(*args, begin=begin, **more)

    monkeypatch.setattr(storage.kpi, "_chunk", chunk)
    async with house_on(sql_url) as house:
        for _ in range(2):
            await house.dispatched(Kind.HELP)
            house.later(days=1)
        reader = StoredKpis(house.database, NAMES, {TENANT: ZONE})

        async def asked() -> int:
            book = await reader.book(TENANT, month("2026-11"), house.now, (By.UNIT,))
            return book.whole["received"]

        days = ticket_counts(
            house.database, TENANT, month("2026-11"), (By.ALL, By.UNIT), seconds(house.now)
        )
        first, _ = await anext(days)
        await days.aclose()  # type: ignore[attr-defined] # an async generator
        assert counted == ["261123"]
        assert await asyncio.gather(asked(), asked()) == [2, 2]
        assert counted == ["261123", "261124"]
        assert first == date(2026, 11, 23)


def test_every_grouping_has_its_names() -> None:
    assert NAMES.of(TENANT, By.UNIT)["tax"] == "税务局"
    classes = NAMES.of(TENANT, By.CLASS)
    assert (classes["04"], classes["040201"]) == ("公共服务", "路灯故障")
    assert NAMES.of(TENANT, By.AREA)["450103"] == "青秀区"
    assert NAMES.of(TENANT, By.LINE) == {"12345": "市民热线"}
    assert NAMES.of(TENANT, By.KIND)["help"] == "求助"
    assert NAMES.of(TENANT, By.ALL) == {}
