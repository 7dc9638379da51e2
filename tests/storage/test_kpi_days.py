"""What was counted of a day is kept until one of its tickets changes: never counted twice for the
same, never shown when it is old."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest

import storage.kpi
from storage.clock_recount import recount_chunk
from storage.kpi import ticket_counts
from tests.storage.clock_house import CALENDAR, TENANT, WATER, House, house_on, local, preset
from tests.storage.test_kpi import EVERY, STEPS, draft
from tickets.calendar import seconds
from tickets.errors import EventRefused
from tickets.kpi import By
from tickets.model import Kind
from tickets.periods import Period
from tickets.timetable import rules_of

Found = dict[Any, Any]


def period(house: House) -> Period:
    first = local("2026-11-20 00:00").date()
    return Period(first, max(first, house.now.date()))


async def asked(house: House, by: Sequence[By] = EVERY) -> Found:
    """Every day's counts, as a request gets them."""
    found = ticket_counts(house.database, TENANT, period(house), by, seconds(house.now))
    return {day: counts async for day, counts in found}


async def anew(house: House) -> Found:
    """The same, counted from the tickets whatever is kept."""
    days = await house.database.read(
        lambda c: storage.kpi._days(c, tenant=TENANT, period=period(house))
    )
    now = seconds(house.now)
    return {
        day: await storage.kpi._counted(house.database, TENANT, day, n, EVERY, now)
        for day, n in days
    }


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The groupings of every reading of tickets, as they come."""
    real: Callable[..., Any] = storage.kpi._chunk
    seen: list[tuple[str, ...]] = []

    def chunk(*args: Any, by: Sequence[By], **more: Any) -> Any:
        seen.append(tuple(one.value for one in by))
        return real(*args, by=by, **more)

    monkeypatch.setattr(storage.kpi, "_chunk", chunk)
    return seen


async def test_a_day_is_counted_once_for_each_grouping(
    sql_url: str, readings: list[tuple[str, ...]]
) -> None:
    """Also by another engine, and over a restart; a ticket of one day leaves the others alone."""
    async with house_on(sql_url) as house:
        await house.dispatched(Kind.HELP)
        house.later(days=1)
        second = await house.dispatched(Kind.HELP)
        first = await asked(house, (By.ALL,))
        assert readings == [("all",)] * 2
        assert await asked(house, (By.ALL,)) == first
        assert len(readings) == 2
        await asked(house, (By.ALL, By.UNIT))
        assert readings[2:] == [("unit",)] * 2
        await house.tell(second, "signed", WATER)
    async with house_on(sql_url) as later:
        later.now = local("2026-11-24 10:00")
        told = await asked(later, (By.ALL, By.UNIT))
        assert readings[4:] == [("all", "unit")]
        day = later.now.date()
        assert told[day][By.UNIT, "water"]["sign_in_time"] == 1


async def test_a_clock_that_becomes_overdue_counts_without_an_event(
    sql_url: str, readings: list[tuple[str, ...]]
) -> None:
    async with house_on(sql_url) as house:
        await house.dispatched(Kind.HELP)
        day = house.now.date()
        assert "sign_due" not in (await asked(house))[day][By.ALL, ""]
        house.later(hours=2)
        await asked(house)
        assert len(readings) == 1
        house.later(days=3)
        assert (await asked(house))[day][By.ALL, ""]["sign_due"] == 1
        assert len(readings) == 2
        house.later(hours=1)
        await asked(house)
        assert len(readings) == 2, "the finish clock is due in two days"
        house.now -= timedelta(days=3)
        assert "sign_due" not in (await asked(house))[day][By.ALL, ""], "as it was then"


async def test_other_limits_are_counted_anew(sql_url: str, readings: list[tuple[str, ...]]) -> None:
    async with house_on(sql_url) as house:
        await house.dispatched(Kind.HELP)
        house.later(days=6)
        assert (await asked(house))[local("2026-11-23 10:00").date()][By.ALL, ""]["finish_due"] == 1
        rules = rules_of(preset("shanghai"), CALENDAR)
        for _ in range(2):
            await house.database.write(lambda c: recount_chunk(c, TENANT, rules))
        assert await asked(house) == await anew(house)
        assert len(readings) > 2


@pytest.mark.parametrize("seed", range(2))
async def test_what_is_kept_is_what_would_be_counted(sql_url: str, seed: int) -> None:
    """Whatever happens to tickets and their parts, and however much time goes by."""
    random = Random(seed)
    async with house_on(sql_url) as house:
        for round_ in range(6):
            numbers = [await draft(house) for _ in range(2)]
            for _ in range(25):
                event, who, data = random.choice(STEPS)
                try:
                    await house.tell(random.choice(numbers), event, who, **data)
                except EventRefused:
                    continue
                house.later(hours=random.choice((0, 1, 9)))
            assert await asked(house) == await anew(house), round_
            house.later(hours=random.choice((1, 30, 200)))
            assert await asked(house) == await anew(house), round_
