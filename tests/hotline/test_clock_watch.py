"""The watcher: every card once, whoever dies when; nothing at night; due dates counted anew."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from hotline.clock_watch import ClockWatch, told_by
from hotline.policies import RuleBook
from storage.clock_tables import clock_marks
from storage.clock_watching import GivenMark, Tell, Telling, give_due, marks_given
from storage.notices import SqlNotices
from tests.storage.clock_house import (
    GUANGXI,
    REVIEWER,
    SUPERVISOR,
    TENANT,
    WATER,
    House,
    house_on,
    local,
    preset,
    silent,
)
from tickets.calendar import seconds
from tickets.effects import ClockName
from tickets.life import Told
from tickets.model import Kind
from tickets.timetable import rules_of

ALL_FIVE = ["reminder", "yellow_card", "red_card", "notice", "circular"]


class Killed(Exception):
    """The engine ends in the middle."""


class Hands:
    """A clock that the test sets."""

    def __init__(self, house: House) -> None:
        self._house = house

    def now(self) -> datetime:
        return self._house.now.astimezone(UTC)


def watch(house: House) -> ClockWatch:
    book = RuleBook({TENANT: house.rules})
    return ClockWatch(house.database, book, [TENANT], told_by(house.lives), Hands(house))


async def test_an_unfinished_ticket_gets_every_card_once_with_its_event(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        number = await house.dispatched(Kind.CONSULTATION)
        await house.tell(number, "signed", WATER)
        watcher = watch(house)
        for day in range(23, 31):
            for hour in (9, 12, 14, 18, 23):
                house.now = local(f"2026-11-{day} {hour:02}:00")
                await watcher.look()
                await watcher.look()
        house.now = local("2026-12-02 18:00")
        await watcher.look()
        given_marks = [mark for ticket, clock, mark in await house.marks() if clock == "finish"]
        assert given_marks == ALL_FIVE
        listed = await house.database.read(lambda c: marks_given(c, TENANT, 0, 3))
        assert [mark.mark for mark in listed] == ["circular", "notice", "red_card"]
        cards = [
            event
            for event in await house.events(number)
            if event not in ("created", "dispatched", "signed")
        ]
        assert cards == ["reminded", "yellow_card", "red_card", "overdue_told", "circulated"]


async def test_a_draft_that_lies_is_told_at_the_desk_and_information_that_never_comes_expires(
    sql_url: str,
) -> None:
    async with house_on(sql_url) as house:
        number = await house.ticket()
        await house.tell(number, "info_asked", REVIEWER, question="哪一栋?")
        house.now = local("2026-11-30 18:00")
        await watch(house).look()
        assert (await house.events(number))[-1] == "info_expired"
        assert (await house.lives.life(TENANT, number)).state == "MANUAL_REVIEW"
        clocks = await house.clocks(number)
        assert (clocks["desk"].state, clocks["desk"].stopped_at) == ("MANUAL_REVIEW", 0)


async def test_a_long_term_matter_comes_back_on_the_day_of_its_review(sql_url: str) -> None:
    """Nobody has to remember it: its clock goes on with what was left, and its unit is told."""
    async with house_on(sql_url) as house:
        number = await house.dispatched(Kind.HELP)
        await house.tell(number, "signed", WATER)
        house.now = local("2026-11-24 18:00")
        await house.tell(number, "long_term_set", SUPERVISOR, reason="待", review_on="2026-12-10")
        house.now = local("2026-12-10 17:59")
        assert await watch(house).look() == 0
        house.now = local("2026-12-10 23:00")
        assert await watch(house).look() == 0
        house.now = local("2026-12-11 09:00")
        for given in (1, 0):
            assert await watch(house).look() == given
        assert (await house.events(number))[-1] == "long_term_ended"
        finish = (await house.clocks(number))["finish"]
        assert (finish.paused_at, finish.due) == (None, seconds(local("2026-12-14 18:00")))
        life = await house.lives.life(TENANT, number)
        assert not life.long_term
        notices = await SqlNotices(house.database).of(TENANT, "water")
        assert notices[0].message == "long-term-ended"


async def test_nothing_is_told_at_night_but_what_runs_round_the_clock(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        slow = await house.dispatched(Kind.CONSULTATION)
        house.now = local("2026-11-25 22:00")
        danger = await house.dispatched(Kind.HELP, always="danger")
        house.now = local("2026-11-25 23:59")
        await watch(house).look()
        assert {ticket for ticket, _, _ in await house.marks()} == {danger}
        house.now = local("2026-11-26 08:59")
        assert await watch(house).look() == 0
        house.now = local("2026-11-26 09:00")
        await watch(house).look()
        told = [(clock, mark) for ticket, clock, mark in await house.marks() if ticket == slow]
        assert ("finish", "red_card") in told


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=6))
async def test_killed_anywhere_each_card_is_given_once(sql_url: str, deaths: list[int]) -> None:
    """An engine that dies before, in or after the commit, as often as it likes."""
    async with house_on(sql_url) as house:
        before = len(await house.marks())
        numbers = [await house.dispatched(Kind.CONSULTATION) for _ in range(4)]
        house.later(days=60)
        tell, now = told_by(house.lives), seconds(house.now)
        for death in deaths:
            with pytest.raises(Killed):
                await house.database.write(
                    lambda c, death=death: _dying(c, house, now, tell, death)  # type: ignore[misc]
                )
            assert len(await house.marks()) == before
        await watch(house).look()
        await watch(house).look()
        given_marks = [m for m in await house.marks() if m[0] in numbers]
        assert len(given_marks) == len(set(given_marks))
        assert len([m for m in given_marks if m[1] == "finish"]) == 4 * len(ALL_FIVE)
        for number in numbers:
            events = await house.events(number)
            assert events.count("red_card") == 2, "one for signing, one for finishing"
            assert events.count("circulated") == 1


def _dying(connection: Connection, house: House, now: int, tell: Tell, after: int) -> None:
    """A look that dies when it has told `after` events."""
    left = after

    def dying(connection: Connection, tenant: str, numbers: Sequence[str]) -> Telling:
        telling = tell(connection, tenant, numbers)

        def telling_some(events: Sequence[tuple[str, Told]]) -> None:
            nonlocal left
            done = events[:left]
            left -= len(done)
            if done:
                telling(done)
            if left <= 0:
                raise Killed

        return telling_some

    give_due(connection, TENANT, house.rules, now, dying)
    raise Killed


async def test_two_workers_at_once_give_each_card_once(postgres_url: str) -> None:
    async with house_on(postgres_url) as one, house_on(postgres_url) as other:
        numbers = [await one.dispatched(Kind.HELP) for _ in range(40)]
        one.later(days=60)
        other.now = one.now
        looks = [_small_looks(house) for house in (one, other)]
        counts = await asyncio.gather(*looks)
        marks = [m for m in await one.marks() if m[1] == "finish"]
        assert len(marks) == len(set(marks)) == len(ALL_FIVE) * len(numbers)
        assert sum(counts) == len(await one.marks())
        for number in numbers[:5]:
            assert (await one.events(number)).count("circulated") == 1


async def _small_looks(house: House) -> int:
    """Looks of three clocks each until nothing is left."""
    given_marks, now = 0, seconds(house.now)
    tell = told_by(house.lives)
    while True:
        done = await house.database.write(
            lambda c: give_due(c, TENANT, house.rules, now, tell, limit=3)
        )
        given_marks += len(done.given)
        if not done.looked:
            return given_marks


async def test_a_clock_that_cant_be_worked_with_keeps_nobody_else_waiting(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        numbers = [await house.dispatched(Kind.CONSULTATION) for _ in range(5)]
        house.later(days=60)
        tell = told_by(house.lives)

        def stumbling(connection: Connection, tenant: str, due: Sequence[str]) -> Telling:
            telling = tell(connection, tenant, due)

            def telling_others(events: Sequence[tuple[str, Told]]) -> None:
                if any(number == numbers[2] for number, _ in events):
                    raise ZeroDivisionError
                telling(events)

            return telling_others

        book = RuleBook({TENANT: house.rules})
        watcher = ClockWatch(house.database, book, [TENANT], stumbling, Hands(house))
        await watcher.look()
        told = {ticket for ticket, clock, _ in await house.marks() if clock == "finish"}
        assert told == set(numbers) - {numbers[2]}
        house.later(hours=1)
        await watch(house).look()
        assert numbers[2] in {ticket for ticket, _, _ in await house.marks()}


async def test_it_runs_on_one_timer_and_counts_anew_when_told(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        number = await house.dispatched(Kind.COMPLAINT)
        book = RuleBook({TENANT: house.rules})
        seen: list[GivenMark] = []
        done = asyncio.Event()

        def on_given(given_mark: GivenMark) -> None:
            seen.append(given_mark)
            if given_mark.clock.name is ClockName.FINISH:
                done.set()

        watcher = ClockWatch(house.database, book, [TENANT], silent(), Hands(house), on_given)
        task = asyncio.create_task(watcher.run())
        try:
            shorter = rules_of(preset("shandong"), GUANGXI.calendar)
            book.use(RuleBook({TENANT: shorter}))
            house.now = local("2026-11-30 18:00")
            watcher.rules_changed()
            async with asyncio.timeout(30):
                await done.wait()
            finish = (await house.clocks(number))["finish"]
            assert finish.due == seconds(local("2026-11-30 18:00"))
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        count = await house.database.read(
            lambda c: c.execute(select(func.count()).select_from(clock_marks)).scalar()
        )
        assert count == len(seen) > 0
