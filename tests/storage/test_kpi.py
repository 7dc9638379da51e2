"""Figures counted in SQL: hand-counted tickets on both stores, and parts that sum to the whole."""

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from queue_manager.cells import Dimension
from queue_manager.counts import CallCounts, quarter_of
from storage.figures import SqlFigures
from storage.kpi import ticket_counts
from storage.kpi_calls import call_counts
from storage.kpi_sql import COUNTS
from storage.kpi_tables import kpi_days
from tests.storage.clock_house import CALLS, REVIEWER, TENANT, WATER, House, house_on, local
from tests.storage.facts import call_facts, new_ticket, opened
from tickets.calendar import seconds
from tickets.errors import EventRefused
from tickets.kpi import By, added
from tickets.kpi_book import KpiBook
from tickets.kpi_list import OUTCOMES, TICKET_COUNTS, TICKET_KPIS
from tickets.life import SYSTEM, Actor, Role
from tickets.model import Kind, Origin, TicketState
from tickets.periods import Period, month
from tickets.spoken import Question, SpokenAnswer, SpokenRequest

EVERY = tuple(By)
SEAT = Actor("801", Role.SEAT)
GAS = Actor("g1", Role.DEPARTMENT, "gas")


async def counted(house: House) -> KpiBook:
    """What is counted, now, of the month in which the house's time begins."""
    book = KpiBook(month("2026-11"), by=EVERY)
    async for day, counts in ticket_counts(
        house.database, TENANT, book.period, EVERY, seconds(house.now)
    ):
        book.take_tickets(day, counts)
    return book


async def shares(house: House, by: By = By.ALL, key: str = "") -> dict[str, tuple[int, int]]:
    """Every figure that has something to be measured by."""
    counts = (await counted(house)).groups(by).get(key, {})
    found = {kpi.id: kpi.share(counts) for kpi in TICKET_KPIS}
    return {name: (s.numerator, s.denominator) for name, s in found.items() if s.denominator}


async def handled(house: House, number: str, who: Actor = WATER) -> None:
    """From the unit's signature to the citizen's callback."""
    await house.tell(number, "signed", who)
    await again(house, number, who)


async def again(house: House, number: str, who: Actor = WATER) -> None:
    """From the work to the citizen's callback."""
    await house.tell(number, "contacted", who, how="phone")
    await house.tell(number, "replied", who, reply="修好了")
    await house.tell(number, "reply_passed", REVIEWER)


async def draft(house: House) -> str:
    """A ticket of a talk, nothing done with it yet."""
    call_id = f"talk-{next(CALLS)}"
    new = new_ticket(call_id, at=house.now, facts=call_facts(call_id))
    return (await house.tickets.create(new)).number


def test_every_count_has_its_words() -> None:
    assert set(COUNTS) == TICKET_COUNTS.keys()


async def test_a_ticket_that_went_well_counts_once_in_each_figure(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        number = await house.dispatched(Kind.HELP, class_code="040201", place_code="450103004")
        await handled(house, number)
        await house.tell(number, "satisfied", SYSTEM)
        expected = {
            "direct_answer": (0, 1), "signed_in_time": (1, 1), "finished_in_time": (1, 1),
            "returned": (0, 1), "dispatched_right": (1, 1), "reached": (1, 1), "called": (1, 1),
            "solved": (1, 1), "satisfied": (1, 1), "unrated": (0, 1), "closed": (1, 1),
            "second_round": (0, 1), "yellow_carded": (0, 1), "red_carded": (0, 1),
        }  # fmt: skip
        for by, key in (
            (By.ALL, ""), (By.UNIT, "water"), (By.CLASS, "040201"), (By.AREA, "450103"),
            (By.LINE, "12345"), (By.KIND, "help"),
        ):  # fmt: skip
            assert await shares(house, by, key) == expected, by
        book = await counted(house)
        assert book.groups(By.HEAT) == {"04|450103": {"received": 1}}


async def test_what_was_received_is_the_sum_of_what_became_of_it(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        await draft(house)
        answered = await draft(house)
        await house.tell(answered, "answered", SEAT, answer="九点开门")
        refused = await draft(house)
        await house.tell(refused, "refused", SEAT, code="insult")
        void = await draft(house)
        await house.tell(void, "voided", SEAT, code="empty")
        moved = await draft(house)
        await house.tell(moved, "transferred", SEAT, to="110")
        gone = await house.dispatched(Kind.HELP)
        await house.tell(gone, "withdrawn", SEAT, code="1234")
        whole = (await counted(house)).whole
        assert {name: whole.get(name, 0) for name in COUNTS[:9]} == {
            "received": 6, "draft": 1, "not_accepted": 1, "transferred": 1, "void": 1,
            "accepted": 2, "withdrawn": 1, "to_close": 1, "closed": 1,
        }  # fmt: skip
        found = await shares(house)
        assert found["direct_answer"] == (1, 2)
        assert found["closed"] == (1, 1)
        assert "reached" not in found, "who was answered on the call needs no callback"


async def test_an_answer_of_the_reviewer_is_none_on_the_call_and_nobody_was_asked(
    sql_url: str,
) -> None:
    async with house_on(sql_url) as house:
        number = await house.ticket(Kind.CONSULTATION)
        await house.tell(number, "answered", REVIEWER, answer="九点开门")
        found = await shares(house)
        assert found["direct_answer"] == (0, 1)
        assert found["closed"] == (1, 1)
        assert (found["called"], found["reached"], found["unrated"]) == ((0, 1), (0, 1), (1, 1))


async def test_who_was_never_reached_is_default_satisfied_and_in_no_rate_of_satisfaction(
    sql_url: str,
) -> None:
    async with house_on(sql_url) as house:
        number = await house.dispatched(Kind.HELP)
        await handled(house, number)
        for _ in range(3):
            await house.tell(number, "unreachable", SYSTEM)
        await house.tell(number, "closed", REVIEWER, reason="三次未接通")
        found = await shares(house)
        assert "satisfied" not in found
        assert "solved" not in found
        assert (found["called"], found["reached"], found["unrated"]) == ((1, 1), (0, 1), (1, 1))


async def test_a_second_round_has_its_own_limit_and_each_word_counts_for_who_was_in_charge(
    sql_url: str,
) -> None:
    async with house_on(sql_url) as house:
        number = await house.dispatched(Kind.HELP)
        await handled(house, number)
        await house.tell(number, "unsatisfied", SYSTEM, solved=False, satisfied=False)
        await house.tell(number, "reassigned", REVIEWER, lead="gas", reason="属燃气公司")
        house.later(days=30)
        await handled(house, number, GAS)
        await house.tell(number, "satisfied", SYSTEM, solved=True, satisfied=True)
        found = await shares(house)
        assert found["finished_in_time"] == (1, 2)
        assert found["satisfied"] == (1, 2)
        assert found["solved"] == (1, 2)
        assert found["second_round"] == (1, 1)
        assert found["returned"] == (0, 2)
        water, gas = await shares(house, By.UNIT, "water"), await shares(house, By.UNIT, "gas")
        assert (water["finished_in_time"], gas["finished_in_time"]) == ((1, 1), (0, 1))
        assert (water["satisfied"], gas["satisfied"]) == ((0, 1), (1, 1))
        assert "closed" not in water, "the ticket itself is its last unit's"
        assert gas["closed"] == (1, 1)


async def test_a_reopened_ticket_is_not_closed_until_it_is_archived_anew(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        number = await house.dispatched(Kind.HELP)
        await handled(house, number)
        await house.tell(number, "satisfied", SYSTEM)
        await house.tell(number, "appealed", SEAT, reason="又坏了")
        found = await shares(house)
        assert found["closed"] == (0, 1)
        assert found["second_round"] == (1, 1)
        assert found["satisfied"] == (1, 1), "what the citizen said stays said"


async def test_a_return_counts_for_who_asked_and_only_an_upheld_one_against_the_dispatch(
    sql_url: str,
) -> None:
    async with house_on(sql_url) as house:
        asked = {"reason": "不属我司", "basis": "三定方案", "suggested": "gas"}
        kept = await house.dispatched(Kind.HELP)
        await house.tell(kept, "return_asked", WATER, **asked)
        await house.tell(kept, "return_refused", REVIEWER, reason="属其职责")
        moved = await house.dispatched(Kind.HELP)
        await house.tell(moved, "return_asked", WATER, **asked)
        await house.tell(moved, "return_granted", REVIEWER)
        await house.tell(moved, "dispatched", REVIEWER, lead="gas")
        assert (await shares(house))["returned"] == (2, 3)
        assert (await shares(house))["dispatched_right"] == (2, 3)
        water, gas = await shares(house, By.UNIT, "water"), await shares(house, By.UNIT, "gas")
        assert (water["returned"], water["dispatched_right"]) == ((2, 2), (1, 2))
        assert (gas["returned"], gas["dispatched_right"]) == ((0, 1), (1, 1))


async def test_a_clock_past_due_counts_and_one_that_rests_doesnt(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        late, resting = await house.dispatched(Kind.HELP), await house.dispatched(Kind.HELP)
        await house.tell(resting, "signed", WATER)
        await house.tell(resting, "contacted", WATER, how="phone")
        await house.tell(resting, "replied", WATER, reply="修好了")
        assert "finished_in_time" not in await shares(house)
        house.later(days=6)
        found = await shares(house)
        assert found["signed_in_time"] == (1, 2)
        assert found["finished_in_time"] == (0, 1)
        await house.tell(late, "red_card", SYSTEM)
        await house.tell(late, "red_card", SYSTEM)
        assert (await shares(house))["red_carded"] == (1, 2), "tickets, not cards"


async def test_a_part_of_a_ticket_is_its_units_work_but_no_ticket_of_its_own(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        number = await house.dispatched(Kind.HELP)
        await house.tell(number, "signed", WATER)
        await house.tell(number, "handed_down", WATER, units=["gas"])
        whole = (await counted(house)).whole
        assert (whole["received"], whole["handled"], whole["dispatches"]) == (1, 1, 2)
        house.later(days=20)
        gas = await shares(house, By.UNIT, "gas")
        assert gas["finished_in_time"] == (0, 1)
        assert "closed" not in gas


async def test_a_word_that_was_not_heard_is_in_no_figure(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        number = await house.dispatched(Kind.HELP)
        await handled(house, number)
        await house.tell(number, "mixed", SYSTEM, solved=True, satisfied="true")
        found = await shares(house)
        assert found["solved"] == (1, 1)
        assert "satisfied" not in found, "a text isn't a yes"


async def test_a_spoken_request_lies_where_it_said_until_a_person_says_otherwise(
    sql_url: str,
) -> None:
    async with house_on(sql_url) as house:
        said = SpokenAnswer(Question.PLACE, value="450103", label="青秀区", keys="1")
        spoken = SpokenRequest("cmn", (said,))
        facts = call_facts("n-77", kind=Kind.HELP)
        new = new_ticket(
            "n-77", origin=Origin.VOICE_REQUEST, at=house.now, facts=facts, spoken=spoken
        )
        number = (await house.tickets.create(new)).number
        assert list((await counted(house)).groups(By.AREA)) == ["450103"]
        await house.tell(number, "dispatched", REVIEWER, lead="water", place_code="450105")
        assert list((await counted(house)).groups(By.AREA)) == ["450105"]


async def test_the_class_is_what_was_last_said(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        number = await house.dispatched(Kind.HELP, class_code="040201")
        await house.tell(number, "signed", WATER)
        await house.tell(number, "noted", REVIEWER, text="改类", class_code="010101")
        assert list((await counted(house)).groups(By.CLASS)) == ["010101"]


async def test_days_lie_apart_and_other_tenants_and_months_dont_count(sql_url: str) -> None:
    async with house_on(sql_url) as house:
        await house.ticket()
        house.later(days=1)
        await house.ticket()
        await house.ticket()
        day = house.now.date()
        found = {}
        period = Period(day - timedelta(days=1), day)
        async for one, counts in ticket_counts(house.database, TENANT, period, EVERY, 0):
            found[one] = counts[By.ALL, ""]["received"]
        assert found == {period.first: 1, day: 2}
        others = ticket_counts(house.database, "other", period, EVERY, 0)
        assert [one async for one in others] == []


async def test_calls_are_counted_by_line_and_local_day(sql_url: str) -> None:
    async with opened(sql_url) as database:
        zone = ZoneInfo("Asia/Shanghai")
        store = SqlFigures(database, "a")
        late, early = datetime(2026, 11, 20, 15, 50, tzinfo=UTC), datetime(
            2026, 11, 20, 16, 0, tzinfo=UTC
        )  # fmt: skip
        counts = CallCounts(
            offered=10, answered=8, answered_in_time=6, abandoned=2, abandoned_short=1, waits=8,
            wait_ms=40_000, menu_ms=8_000, talks=8, talk_ms=480_000, wrap_ups=4, wrap_up_ms=20_000,
        )  # fmt: skip
        await store.write_calls(
            "default",
            {
                (quarter_of(late), Dimension.LINE, "12345"): CallCounts(offered=1),
                (quarter_of(early), Dimension.LINE, "12345"): counts,
                (quarter_of(early), Dimension.QUEUE, "main"): counts,
            },
            early,
        )
        period = Period(late.astimezone(zone).date(), early.astimezone(zone).date())
        found = {day: lines async for day, lines in call_counts(database, "default", period, zone)}
        assert found[period.first]["12345"]["offered"] == 1
        line = found[period.last]["12345"]
        assert (line["abandoned_long"], line["offered_long"]) == (1, 9)
        assert (line["wait_with_menu_ms"], line["handling_ms"]) == (48_000, 500_000)


STEPS = (
    ("answered", SEAT, {"answer": "九点开门"}),
    ("refused", SEAT, {"code": "insult"}),
    ("voided", SEAT, {"code": "empty"}),
    ("transferred", SEAT, {"to": "110"}),
    ("submitted", SEAT, {"kind": "help", "class_code": "040201", "place_code": "450103"}),
    ("dispatched", REVIEWER, {"lead": "water"}),
    ("reassigned", REVIEWER, {"lead": "gas", "reason": "属燃气公司"}),
    ("signed", WATER, {}),
    ("signed", GAS, {}),
    ("contacted", WATER, {"how": "phone"}),
    ("contacted", GAS, {"how": "phone"}),
    ("replied", WATER, {"reply": "修好了"}),
    ("replied", GAS, {"reply": "修好了"}),
    ("reply_passed", REVIEWER, {}),
    ("return_asked", WATER, {"reason": "不属", "basis": "三定", "suggested": "gas"}),
    ("return_granted", REVIEWER, {}),
    ("return_refused", REVIEWER, {"reason": "属其职责"}),
    ("satisfied", SYSTEM, {}),
    ("unsatisfied", SYSTEM, {"solved": True, "satisfied": False}),
    ("mixed", SYSTEM, {"solved": True}),
    ("unreachable", SYSTEM, {}),
    ("closed", REVIEWER, {"reason": "已核实"}),
    ("appealed", SEAT, {"reason": "又坏了"}),
    ("withdrawn", SEAT, {"code": "1234"}),
    ("yellow_card", SYSTEM, {}),
    ("red_card", SYSTEM, {}),
    ("handed_down", WATER, {"units": ["gas"]}),
)


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_happens_parts_sum_to_the_whole_and_no_numerator_is_too_big(
    sql_url: str, seed: int
) -> None:
    random = Random(seed)
    async with house_on(sql_url) as house:
        happened: dict[str, list[str]] = {}
        for _ in range(12):
            number = await draft(house)
            happened[number] = []
            for _ in range(40):
                event, who, data = random.choice(STEPS)
                try:
                    await house.tell(number, event, who, **data)
                except EventRefused:
                    continue
                happened[number].append(event)
                house.later(hours=random.choice((0, 1, 9, 30)))
            house.now = local("2026-11-23 10:00") + timedelta(minutes=len(happened))
        house.later(days=40)
        book = await counted(house)
        whole = {name: n for name, n in book.whole.items() if n}
        assert whole["received"] == 12
        assert sum(whole.get(name, 0) for name in OUTCOMES) == 12
        for by in set(By) - {By.HEAT}:
            assert added(book.groups(by).values()) == whole, by
        assert sum(heat["received"] for heat in book.groups(By.HEAT).values()) == 12
        for by in By:
            for key, counts in book.groups(by).items():
                for kpi in TICKET_KPIS:
                    share = kpi.share(counts)
                    assert 0 <= share.numerator <= share.denominator, (kpi.id, by, key, happened)
        lives = [await house.lives.life(TENANT, number) for number in happened]
        assert whole.get("closed", 0) == sum(life.state is TicketState.ARCHIVED for life in lives)
        told = [event for events in happened.values() for event in events]
        assert whole.get("returns", 0) == told.count("return_asked")
        assert whole.get("rated", 0) == told.count("satisfied") + told.count("unsatisfied")
        assert whole.get("solved", 0) == sum(map(told.count, ("satisfied", "unsatisfied", "mixed")))


async def test_a_day_is_counted_the_same_in_however_many_readings(
    sql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house_on(sql_url) as house:
        for _ in range(7):
            await house.dispatched(Kind.HELP)
        at_once = (await counted(house)).whole
        monkeypatch.setattr("storage.kpi.CHUNK", 2)
        await house.database.write(lambda c: c.execute(kpi_days.delete()))
        assert (await counted(house)).whole == at_once
        assert at_once["dispatches"] == 7
