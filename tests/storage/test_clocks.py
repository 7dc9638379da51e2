"""Clocks in the transactions of events: begun, handed over, paused, ended, counted anew."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from storage.clock_recount import OTHERS, recount_chunk
from storage.clock_rows import clocks_of
from storage.clock_tables import clock_bases
from storage.ticket_lists import SqlTicketLists
from tests.storage.clock_house import (
    CALENDAR,
    GUANGXI,
    REVIEWER,
    SUPERVISOR,
    TENANT,
    WATER,
    House,
    house_on,
    local,
    preset,
)
from tests.storage.facts import new_ticket
from tickets.calendar import WorkCalendar, moment, seconds
from tickets.errors import EventRefused, TicketError
from tickets.life import Actor, Role
from tickets.model import Kind, Origin
from tickets.spoken import Review, SpokenRequest
from tickets.timetable import Rules, rules_of
from tickets.workdays import CalendarFile, LocalDay

HOLIDAY = WorkCalendar(
    ZoneInfo("Asia/Shanghai"),
    CalendarFile(days=(LocalDay(date=date(2026, 11, 25), working=False, name="台风停工"),)),
    (2026, 2027),
)


def told(instant: int) -> str:
    return f"{moment(instant).astimezone(CALENDAR.zone):%m-%d %H:%M}"


async def test_dispatch_starts_both_clocks_and_signing_ends_one(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        number = await house.dispatched(Kind.HELP)
        clocks = await house.clocks(number)
        assert told(clocks["sign"].due) == "11-24 18:00"
        assert told(clocks["finish"].due) == "11-26 18:00"
        assert clocks["finish"].unit == "water"
        assert clocks["desk"].stopped_at
        house.later(hours=2)
        await house.tell(number, "signed", WATER)
        clocks = await house.clocks(number)
        assert clocks["sign"].in_time
        assert not clocks["finish"].stopped_at


async def test_the_list_knows_when_it_is_due(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        number = await house.dispatched(Kind.CONSULTATION)
        assert await _due_in_list(house, number) == "11-25 18:00"


async def test_a_reassignment_takes_no_time_from_the_citizen(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        number = await house.dispatched(Kind.HELP)
        before = (await house.clocks(number))["finish"]
        house.later(days=1)
        await house.tell(number, "reassigned", REVIEWER, lead="gas", reason="管网属燃气公司")
        clocks = await house.clocks(number)
        assert clocks["finish"].due == before.due
        assert clocks["finish"].unit == "gas"
        assert (clocks["sign"].seq, told(clocks["sign"].due)) == (2, "11-25 18:00")


async def test_water_by_its_class_is_signed_for_within_half_an_hour_at_night(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        house.now = local("2026-11-22 02:00")
        number = await house.dispatched(Kind.HELP, class_code="040101")
        assert told((await house.clocks(number))["sign"].due) == "11-22 02:30"


async def test_a_word_of_danger_at_night_wakes_the_desk_in_a_quarter_of_an_hour(
    sql_url: str,
) -> None:
    async with house_on(sql_url) as house:
        house.now = local("2026-11-22 02:00")
        spoken = SpokenRequest("cmn", danger="煤气泄漏", review=(Review.DANGER,))
        new = new_ticket("n-9.9", origin=Origin.VOICE_REQUEST, at=house.now, spoken=spoken)
        number = (await house.tickets.create(new)).number
        desk = (await house.clocks(number))["desk"]
        assert (desk.matter.always, told(desk.next_at)) == ("danger", "11-22 02:15")


async def test_a_clock_set_wrong_costs_no_ticket(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        house.now = local("2199-01-01 10:00")
        number = await house.ticket()
        desk = (await house.clocks(number))["desk"]
        assert desk.due == seconds(house.now), "overdue at once: somebody looks at it"


async def test_an_extension_is_for_who_may_have_one_and_asks_in_time(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        asked = await house.dispatched(Kind.CONSULTATION)
        await house.tell(asked, "signed", WATER)
        with pytest.raises(EventRefused, match="never extended"):
            await house.tell(asked, "extension_asked", WATER, days=1, reason="难")
        number = await house.dispatched(Kind.HELP)
        await house.tell(number, "signed", WATER)
        await house.tell(number, "extension_asked", WATER, days=5, reason="需开挖")
        await house.tell(number, "extension_granted", SUPERVISOR, days=5)
        assert told((await house.clocks(number))["finish"].due) == "12-03 18:00"
        late = await house.dispatched(Kind.HELP)
        await house.tell(late, "signed", WATER)
        house.later(days=10)
        with pytest.raises(EventRefused, match="it was due"):
            await house.tell(late, "extension_asked", WATER, days=1, reason="忘了")


async def test_a_return_comes_within_two_working_days(sql_url: str) -> None:
    reason = {"reason": "不属职责", "basis": "三定方案", "suggested": "gas"}
    async with house_on(sql_url) as house:
        early, late = await house.dispatched(), await house.dispatched()
        house.now = local("2026-11-25 18:00")
        await house.tell(early, "return_asked", WATER, **reason)
        house.later(seconds=1)
        with pytest.raises(EventRefused, match="returns ended"):
            await house.tell(late, "return_asked", WATER, **reason)


async def test_a_filed_case_is_due_by_law_and_a_day_outside_the_calendar_changes_nothing(
    sql_url: str,
) -> None:
    async with house_on(sql_url) as house:
        number = await house.dispatched(Kind.REPORT)
        await house.tell(number, "signed", WATER)
        before = await house.clocks(number)
        with pytest.raises(TicketError):
            await house.tell(number, "case_filed", WATER, due_on="2099-01-01", basis="行政处罚法")
        assert await house.clocks(number) == before
        assert (await house.events(number))[-1] == "signed"
        await house.tell(number, "case_filed", WATER, due_on="2027-02-20", basis="行政处罚法")
        finish = (await house.clocks(number))["finish"]
        assert finish.statutory == date(2027, 2, 20)
        assert told(finish.due) == "02-22 18:00", "a Saturday: the next working day"


async def test_a_long_term_matter_rests_and_goes_on_with_what_was_left(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        number = await house.dispatched(Kind.HELP)
        await house.tell(number, "signed", WATER)
        house.now = local("2026-11-24 18:00")
        await house.tell(
            number, "long_term_set", SUPERVISOR, reason="待规划", review_on="2026-12-10"
        )
        clocks = await house.clocks(number)
        assert clocks["finish"].paused_at
        assert (clocks["desk"].state, told(clocks["desk"].due)) == ("LONG_TERM", "12-10 18:00")
        await house.tell(number, "long_term_set", SUPERVISOR, reason="再", review_on="2026-12-14")
        assert told((await house.clocks(number))["desk"].due) == "12-14 18:00"
        house.now = local("2026-12-10 09:00")
        await house.tell(number, "long_term_ended", SUPERVISOR, reason="已规划")
        clocks = await house.clocks(number)
        assert told(clocks["finish"].due) == "12-11 18:00"
        assert clocks["desk"].stopped_at


@pytest.mark.parametrize("event", ["reassigned", "withdrawn", "case_filed", "replied"])
async def test_nobody_is_reminded_of_a_long_term_matter_that_went_on(
    sqlite_url: str, event: str
) -> None:
    who, data = {
        "reassigned": (REVIEWER, {"lead": "gas", "reason": "职责"}),
        "withdrawn": (Actor("c", Role.CITIZEN), {"code": "1"}),
        "case_filed": (WATER, {"due_on": "2026-12-20", "basis": "行政处罚法"}),
        "replied": (WATER, {"reply": "已列入计划"}),
    }[event]
    async with house_on(sqlite_url) as house:
        number = await house.dispatched(Kind.HELP)
        await house.tell(number, "signed", WATER)
        await house.tell(number, "contacted", WATER, how="电话")
        await house.tell(number, "long_term_set", SUPERVISOR, reason="待", review_on="2026-12-10")
        await house.tell(number, event, who, **data)
        found = await house.database.read(lambda c: clocks_of(c, TENANT, [number]))
        assert not [one for one in found[number] if one.state == "LONG_TERM" and not one.stopped_at]


async def test_a_part_is_due_with_its_whole_and_comes_forward_with_it(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        number = await house.dispatched(Kind.COMPLAINT)
        await house.tell(number, "signed", WATER)
        house.now = local("2026-12-01 10:00")
        await house.tell(number, "handed_down", WATER, units=["gas"])
        part = f"{number[:-6]}{int(number[-6:]) + 1:06}"
        whole_due = (await house.clocks(number))["finish"].due
        assert (await house.clocks(part))["finish"].due == whole_due
        await house.tell(number, "case_filed", WATER, due_on="2026-12-03", basis="行政处罚法")
        assert told((await house.clocks(part))["finish"].due) == "12-03 18:00"
        assert await _due_in_list(house, part) == "12-03 18:00"


async def test_a_new_calendar_moves_due_dates_by_chunks_and_a_restart_goes_on(
    sql_url: str,
) -> None:
    async with house_on(sql_url) as house:
        numbers = [await house.dispatched(Kind.HELP) for _ in range(7)]
        rules = rules_of(GUANGXI.policy, HOLIDAY)
        assert await _counted(house, rules, limit=3) == 3
        due = [told((await house.clocks(n))["finish"].due) for n in numbers]
        assert due == ["11-27 18:00"] * 3 + ["11-26 18:00"] * 4
    async with house_on(sql_url, rules) as again:
        chunks = []
        while (n := await _counted(again, rules, limit=3)) >= 0:
            chunks.append(n)
        assert chunks == [3, 1]
        assert await _counted(again, rules, limit=3) == -1, "nothing is left to do"
        assert {told((await again.clocks(n))["finish"].due) for n in numbers} == {"11-27 18:00"}
        assert {await _due_in_list(again, n) for n in numbers} == {"11-27 18:00"}


async def test_a_new_policy_keeps_pauses_extensions_and_parts(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        number = await house.dispatched(Kind.COMPLAINT)
        await house.tell(number, "signed", WATER)
        await house.tell(number, "handed_down", WATER, units=["gas"])
        part = f"{number[:-6]}{int(number[-6:]) + 1:06}"
        house.now = local("2026-11-24 18:00")
        await house.tell(number, "long_term_set", SUPERVISOR, reason="待", review_on="2026-12-10")
        house.now = local("2026-11-26 18:00")
        await house.tell(number, "long_term_ended", SUPERVISOR, reason="好")
        before = (await house.clocks(number))["finish"]
        for name, due in (("shandong", "12-02 18:00"), ("guangdong", "12-16 18:00")):
            house.rules = rules_of(preset(name), CALENDAR)
            while await _counted(house, house.rules) >= 0:
                pass
            finish = (await house.clocks(number))["finish"]
            assert finish.spans == before.spans
            assert told(finish.due) == due
            assert (await house.clocks(part))["finish"].due <= finish.due


async def test_a_tenant_nobody_counted_is_counted_once(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        assert await _counted(house, GUANGXI) == -1
        rows = await house.database.read(lambda c: c.execute(clock_bases.select()).all())
        assert [(row.tenant, row.basis, row.upto) for row in rows] == [
            (TENANT, GUANGXI.basis, "done")
        ]


async def test_counting_ends_though_tickets_are_made_meanwhile(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        first = await house.dispatched(Kind.HELP)
        house.rules = rules_of(GUANGXI.policy, HOLIDAY)
        assert await _counted(house, house.rules) == 1
        second = await house.dispatched(Kind.HELP)
        assert await _counted(house, house.rules) == -1
        for number in (first, second):
            assert told((await house.clocks(number))["finish"].due) == "11-27 18:00"


async def test_of_two_engines_with_different_rules_the_one_that_began_first_gives_way(
    sql_url: str,
) -> None:
    async with house_on(sql_url) as house:
        numbers = [await house.dispatched(Kind.HELP) for _ in range(4)]
        other = rules_of(GUANGXI.policy, HOLIDAY)
        assert await _counted(house, GUANGXI, limit=1) == 1
        assert await _counted(house, other, limit=1) == 1
        assert await _counted(house, GUANGXI, limit=1, begin=False) == OTHERS
        while await _counted(house, other, limit=1, begin=False) >= 0:
            pass
        assert await _counted(house, GUANGXI, begin=False) == OTHERS
        assert {told((await house.clocks(n))["finish"].due) for n in numbers} == {"11-27 18:00"}


async def test_what_an_engine_made_by_its_old_rules_is_counted_when_it_has_the_new(
    sql_url: str,
) -> None:
    async with house_on(sql_url) as house:
        new = rules_of(GUANGXI.policy, HOLIDAY)
        for node in ("a", "b"):
            assert await _counted(house, GUANGXI, node=node) == -1
        while await _counted(house, new, node="a") >= 0:
            pass
        late = await house.dispatched(Kind.HELP)  # by b, which has still the old ones
        assert told((await house.clocks(late))["finish"].due) == "11-26 18:00"
        assert await _counted(house, new, node="a") == -1, "it has counted already"
        while await _counted(house, new, node="b") >= 0:
            pass
        assert told((await house.clocks(late))["finish"].due) == "11-27 18:00"
        assert await _counted(house, new, node="b") == -1, "each comes to new rules once"


async def test_an_engine_that_is_new_lets_nothing_be_counted_again(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        await house.dispatched(Kind.HELP)
        while await _counted(house, GUANGXI, node="a") >= 0:
            pass
        assert await _counted(house, GUANGXI, node="b") == -1


async def _counted(
    house: House, rules: Rules, limit: int = 500, *, begin: bool = True, node: str = ""
) -> int:
    return await house.database.write(
        lambda c: recount_chunk(c, TENANT, rules, limit, begin=begin, node=node)
    )


async def _due_in_list(house: House, number: str) -> str:
    lists = SqlTicketLists(house.database)
    [of_all] = [line for line in await lists.newest(TENANT) if line.number == number]
    [of_unit] = [line for line in await lists.due(TENANT, of_all.unit) if line.number == number]
    assert of_all == of_unit
    assert of_unit.due is not None
    return told(seconds(of_unit.due))
