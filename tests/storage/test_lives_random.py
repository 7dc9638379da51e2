"""Whatever happens to tickets and their parts, in SQL with real clocks: no part is due after its
whole, clocks only go forward, and every ticket is in exactly one state."""

from collections import Counter
from random import Random

import pytest
from sqlalchemy import select

from storage.clock_recount import DONE, recount_chunk
from storage.clock_rows import clocks_of
from storage.clock_tables import clock_bases
from storage.due_dates import finish_due
from storage.life_tables import ticket_states
from storage.tables import tickets
from storage.ticket_lists import LONGEST_PAGE, SqlTicketLists
from tests.storage.clock_house import CALENDAR, TENANT, WATER, House, house_on, preset
from tests.tickets.lives import DATA, PEOPLE
from tickets.calendar import seconds
from tickets.effects import ClockName
from tickets.errors import EventRefused
from tickets.life import Actor, Life, Role
from tickets.lifecycle import CLOSED, OVERLAYS, TABLE, Event
from tickets.model import Kind
from tickets.timetable import rules_of

UNITS = ("water", "gas", "roads")
FEW = frozenset({Event.WITHDRAWN, Event.VOIDED, Event.REFUSED, Event.TRANSFERRED, Event.LINKED})
OVER = (Event.NOTED, Event.CONTACTED, Event.LONG_TERM_SET, Event.LONG_TERM_ENDED, Event.URGED)
POLICIES = ("guangxi", "baoji", "shandong", "shanghai")
Clocks = dict[tuple[str, str, int], tuple[int, int, float]]


async def one_event(house: House, random: Random, life: Life) -> bool:
    """Something that may happen to this ticket; False when it was refused after all."""
    steps = [event for state, event in TABLE if state is life.state and event not in FEW]
    event = random.choice([*steps, *OVER])
    step = TABLE.get((life.state, event)) or OVERLAYS[event]
    actor = PEOPLE[random.choice(step.who)]
    if actor.role is Role.DEPARTMENT:
        actor = Actor("d", Role.DEPARTMENT, life.lead)
    data = dict(DATA.get(event, {}))
    if "lead" in data:
        data |= {"lead": random.choice(UNITS), "co_units": []}
    if "units" in data:
        data["units"] = random.sample(UNITS, random.choice((1, 2)))
    if event is Event.NOTED:
        data["urgency"] = random.choice(("normal", "urgent"))
    if event is Event.CASE_FILED:
        data["due_on"] = random.choice(("2026-12-01", "2027-02-20"))
    try:
        await house.tell(life.number, event, actor, **data)
    except EventRefused:
        return False
    return True


async def other_rules(house: House, random: Random) -> None:
    """Another policy, counted to its end."""
    house.rules = rules_of(preset(random.choice(POLICIES)), CALENDAR)
    query = select(clock_bases.c.upto).where(clock_bases.c.tenant == TENANT)
    await house.database.write(lambda c: recount_chunk(c, TENANT, house.rules, 2))
    while await house.database.read(lambda c: c.execute(query).scalar()) != DONE:
        await house.database.write(lambda c: recount_chunk(c, TENANT, house.rules, 2))


async def checked(house: House, numbers: list[str], before: Clocks) -> Clocks:
    """Raises when a property doesn't hold; the clocks as they are now."""
    listed = select(ticket_states, finish_due(ticket_states.c))
    rows = await house.database.read(lambda c: c.execute(listed).all())
    known = {row.number: row for row in rows}
    made = await house.database.read(lambda c: c.execute(select(tickets.c.number)).scalars().all())
    lives = {number: await house.lives.life(TENANT, number) for number in numbers}
    assert sorted(known) == sorted(made) == sorted(numbers)
    assert Counter(row.state for row in rows) == Counter(str(one.state) for one in lives.values())
    for number, life in lives.items():
        due = known[number].due
        assert (life.state in CLOSED) <= (due is None)
        whole = known[life.parent].due if life.parent else None
        if due is not None and whole is not None:
            assert due <= whole, (number, life.parent)
    await lists_tell_the_clocks(house, lives)
    return await clocks(house, numbers, before)


async def lists_tell_the_clocks(house: House, lives: dict[str, Life]) -> None:
    """Who has to finish something has it in its list, by the clock that runs, and nothing else."""
    found = await house.database.read(lambda c: clocks_of(c, TENANT, list(lives)))
    running = {
        (life.lead, number): clock.due
        for number, life in lives.items()
        for clock in found[number]
        if clock.name is ClockName.FINISH and not clock.stopped_at
    }
    lists = SqlTicketLists(house.database)
    told = {
        (unit, line.number): seconds(line.due)
        for unit in {life.lead for life in lives.values()}
        for line in await lists.due(TENANT, unit, limit=LONGEST_PAGE)
        if line.due is not None and line.unit == unit
    }
    assert told == running


async def clocks(house: House, numbers: list[str], before: Clocks) -> Clocks:
    now: Clocks = {}
    at = int(house.now.timestamp())
    found = await house.database.read(lambda c: clocks_of(c, TENANT, numbers))
    for clock in (clock for many in found.values() for clock in many):
        ran = sum((end or at) - begin for begin, end in clock.spans)
        now[clock.number, clock.name, clock.seq] = (clock.started_at, clock.stopped_at, ran)
    for key, (started, stopped, ran) in before.items():
        assert now[key][0] == started, "a clock began once"
        assert not stopped or now[key][1:] == (stopped, ran), "one that has ended runs no more"
        assert now[key][2] >= ran, "no time that has gone by is lost"
    return now


@pytest.mark.parametrize("seed", range(2))
async def test_parts_clocks_and_states_hold_whatever_happens(sql_url: str, seed: int) -> None:
    random = Random(seed)
    async with house_on(sql_url) as house:
        numbers = [await house.dispatched(kind) for kind in (Kind.HELP, Kind.COMPLAINT)]
        for number in numbers:
            await house.tell(number, "signed", WATER)
            await house.tell(number, "handed_down", WATER, units=["gas", "roads"])
        seen: Clocks = {}
        every = select(ticket_states.c.number).order_by(ticket_states.c.number)
        numbers = list(await house.database.read(lambda c: c.execute(every).scalars()))
        for _ in range(70):
            life = await house.lives.life(TENANT, random.choice(numbers))
            if await one_event(house, random, life):
                numbers = list(await house.database.read(lambda c: c.execute(every).scalars()))
            if random.random() < 0.06:
                await other_rules(house, random)
            house.later(hours=random.choice((0, 1, 5, 20)))
            seen = await checked(house, numbers, seen)
