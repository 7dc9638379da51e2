"""Follow-ups in SQL: planned with the reply, claimed by one engine, concluded with their event."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, literal, update

from storage.codec import dump_follow_up, load_follow_up
from storage.drain import Drain
from storage.follow_up_told import ToldFollowUp
from storage.follow_ups import Due, SqlFollowUps
from storage.journal import Journal
from storage.tables import tickets
from tests.storage.clock_house import (
    CALENDAR,
    GUANGXI,
    REVIEWER,
    TENANT,
    WATER,
    House,
    house_on,
    local,
    preset,
)
from tickets.errors import EventRefused, UnknownTicket
from tickets.follow_up import LEASE_S, FollowUp, FollowUpState, Heard
from tickets.life import Actor, Role
from tickets.model import Kind, Origin, TicketState
from tickets.timetable import rules_of

CONTENT = Heard("answered", solved=True, satisfied=True, whole=True)
NOT_CONTENT = Heard("answered", solved=True, satisfied=False, whole=True)
VAIN = Heard("no_answer")
SEAT = Actor("801", Role.SEAT)


class Asked(House):
    """A house whose citizens are phoned."""

    @property
    def store(self) -> SqlFollowUps:
        return SqlFollowUps(self.database, self.lives, lambda tenant: self.rules)

    async def replied(self, number: str = "") -> str:
        """A ticket whose reply has passed review."""
        number = number or await self.dispatched(Kind.COMPLAINT)
        await self.tell(number, "signed", WATER)
        await self.tell(number, "contacted", WATER, how="phone")
        await self.tell(number, "replied", WATER, reply="路灯已经修好。")
        await self.tell(number, "reply_passed", REVIEWER)
        return number

    async def claim(self) -> Due:
        due = await self.store.claim(TENANT, self.now)
        assert due is not None
        return due

    async def state(self, number: str) -> TicketState:
        return (await self.lives.life(TENANT, number)).state

    async def of(self, number: str) -> list[FollowUp]:
        """A ticket's follow-ups, the oldest first."""
        found = [one for one in await self.store.list(TENANT) if one.number == number]
        return sorted(found, key=lambda one: one.n)


@asynccontextmanager
async def asked_on(url: str) -> AsyncIterator[Asked]:
    async with house_on(url) as house:
        yield Asked(house.database)


async def test_a_reply_that_passed_is_told_its_citizen_who_archives_it(sql_url: str) -> None:
    async with asked_on(sql_url) as house:
        number = await house.replied()
        due = await house.claim()
        assert (due.leg.number, due.leg.attempt, due.reply) == (number, 1, "路灯已经修好。")
        assert due.phone == due.facts.caller_e164
        assert await house.store.claim(TENANT, house.now) is None
        ended = await house.store.conclude(due.leg, CONTENT, house.now)
        assert ended is not None
        assert ended.ticket_state == "ARCHIVED"
        assert await house.store.conclude(due.leg, CONTENT, house.now) is None
        (one,) = await house.of(number)
        assert (one.state, one.solved, one.satisfied) == ("satisfied", True, True)
        assert (await house.events(number)).count("satisfied") == 1


async def test_not_satisfied_is_the_next_round_supervised_and_asked_again(sql_url: str) -> None:
    async with asked_on(sql_url) as house:
        number = await house.replied()
        due = await house.claim()
        await house.store.conclude(due.leg, NOT_CONTENT, house.now)
        life = await house.lives.life(TENANT, number)
        assert (life.state, life.round, life.supervised) == ("DISPATCHED", 2, True)
        await house.replied(number)
        again = await house.claim()
        assert (again.leg.n, again.leg.attempt) == (2, 1)
        assert [one.state for one in await house.of(number)] == ["unsatisfied", "calling"]


async def test_in_vain_three_times_within_the_hours_is_left_to_a_person(sql_url: str) -> None:
    async with asked_on(sql_url) as house:
        house.now = local("2026-11-23 21:30")
        number = await house.replied()
        assert await house.store.claim(TENANT, house.now) is None, "at night nobody is phoned"
        rung = []
        for _ in range(GUANGXI.policy.follow_up.tries):
            (one,) = await house.of(number)
            house.now = local("2026-11-23 00:00") + timedelta(
                seconds=one.next_at - local("2026-11-23 00:00").timestamp()
            )
            rung.append(f"{house.now:%d %H:%M}")
            due = await house.claim()
            await house.store.conclude(due.leg, VAIN, house.now)
        assert rung == ["24 09:00", "24 14:30", "25 14:30"]
        assert await house.state(number) is TicketState.MANUAL_REVIEW
        (one,) = await house.of(number)
        assert (one.state, one.attempts, one.next_at) == ("unreached", 3, 0)
        assert await house.store.next_due() == {}


async def test_linked_tickets_each_have_their_own_call(sql_url: str) -> None:
    async with asked_on(sql_url) as house:
        main = await house.dispatched(Kind.COMPLAINT)
        linked = [await house.ticket(Kind.COMPLAINT) for _ in range(2)]
        for number in linked:
            await house.tell(number, "linked", REVIEWER, main=main)
        await house.replied(main)
        house.rules = rules_of(preset("guangxi", follow_up={"at_once": 9}), CALENDAR)
        await house.database.write(other_phones)
        dues = {due.leg.number: due for due in [await house.claim() for _ in range(3)]}
        assert set(dues) == {main, *linked}
        assert dues[linked[0]].reply == "路灯已经修好。"
        for number in (linked[0], main):
            await house.store.conclude(dues[number].leg, CONTENT, house.now)
        assert await house.state(main) is TicketState.ARCHIVED
        assert await house.state(linked[0]) is TicketState.ARCHIVED
        assert await house.state(linked[1]) is TicketState.MERGED, "nobody has asked him yet"
        await house.store.conclude(dues[linked[1]].leg, NOT_CONTENT, house.now)
        assert await house.state(linked[1]) is TicketState.PENDING_REVIEW


async def test_who_was_told_and_content_is_not_told_of_the_next_round(sql_url: str) -> None:
    async with asked_on(sql_url) as house:
        main = await house.dispatched(Kind.COMPLAINT)
        linked = await house.ticket(Kind.COMPLAINT)
        waits = await house.ticket(Kind.COMPLAINT)
        for number in (linked, waits):
            await house.tell(number, "linked", REVIEWER, main=main)
        await house.replied(main)
        await house.database.write(other_phones)
        house.rules = rules_of(preset("guangxi", follow_up={"at_once": 9}), CALENDAR)
        dues = {due.leg.number: due for due in [await house.claim() for _ in range(2)]}
        await house.store.conclude(dues[main].leg, NOT_CONTENT, house.now)
        await house.store.conclude(dues[linked].leg, CONTENT, house.now)
        house.later(minutes=1)
        assert await house.store.claim(TENANT, house.now) is None, "its matter is worked on again"
        assert [one.state for one in await house.of(waits)] == ["superseded"]
        await house.replied(main)
        asked = {(await house.claim()).leg.number for _ in range(2)}
        assert asked == {main, waits}


async def test_only_what_passed_review_is_told_the_public_words_before_the_units(
    sql_url: str,
) -> None:
    async with asked_on(sql_url) as house:
        number = await house.dispatched(Kind.COMPLAINT)
        await house.tell(number, "signed", WATER)
        await house.tell(number, "contacted", WATER, how="phone")
        await house.tell(number, "replied", WATER, reply="不予公开。")
        await house.tell(number, "reply_sent_back", REVIEWER, reason="说清楚")
        await house.tell(number, "replied", WATER, reply="内部", public_reply="已修好。")
        await house.tell(number, "reply_passed", REVIEWER, public_reply="路灯已修好。")
        assert (await house.claim()).reply == "路灯已修好。"


async def test_two_engines_ring_nobody_twice(sql_url: str) -> None:
    async with asked_on(sql_url) as house, house_on(sql_url) as other:
        await house.replied()
        second = SqlFollowUps(other.database, other.lives, lambda tenant: other.rules, "south")
        found = await asyncio.gather(
            *(store.claim(TENANT, house.now) for store in (house.store, second) * 3)
        )
        assert len([due for due in found if due is not None]) == 1


async def test_so_many_at_once_and_one_telephone_once(sql_url: str) -> None:
    """The same citizen's second ticket waits until his first call is over."""
    async with asked_on(sql_url) as house:
        house.rules = rules_of(preset("guangxi", follow_up={"at_once": 2}), CALENDAR)
        numbers = [await house.replied() for _ in range(3)]
        first = await house.claim()
        assert await house.store.claim(TENANT, house.now) is None, "it is his own telephone"
        await house.database.write(other_phones)
        house.later(minutes=2)
        assert {first.leg.number, (await house.claim()).leg.number} <= set(numbers)
        assert await house.store.claim(TENANT, house.now) is None, "two are being rung"


async def test_an_attempt_of_which_nothing_is_heard_counts_and_is_made_again(sql_url: str) -> None:
    async with asked_on(sql_url) as house:
        number = await house.replied()
        first = await house.claim()
        assert [leg.id for leg in await house.store.ours()] == [first.leg.id]
        house.later(seconds=LEASE_S + 1)
        assert await house.store.claim(TENANT, house.now) is None
        (one,) = await house.of(number)
        assert (one.state, one.attempts, one.result) == ("waiting", 1, "lost")
        assert await house.store.wanted(first.leg), "should he be on the line after all"
        ended = await house.store.conclude(first.leg, CONTENT, house.now)
        assert ended is not None
        assert ended.ticket_state == "ARCHIVED"


async def test_who_was_not_rung_after_all_has_lost_no_try(sql_url: str) -> None:
    async with asked_on(sql_url) as house:
        due = await (await _replied(house)).claim()
        await house.store.put_back(due.leg, house.now + timedelta(seconds=30))
        assert await house.store.claim(TENANT, house.now) is None
        house.later(seconds=30)
        assert (await house.claim()).leg == due.leg


async def test_a_person_who_was_faster_is_believed(sql_url: str) -> None:
    """A seat has phoned and told how it went: the call that is out changes nothing any more."""
    async with asked_on(sql_url) as house:
        number = await house.replied()
        due = await house.claim()
        await house.tell(number, "satisfied", SEAT)
        ended = await house.store.conclude(due.leg, NOT_CONTENT, house.now)
        assert ended is not None
        assert (ended.follow_up.state, await house.state(number)) == ("superseded", "ARCHIVED")


async def test_a_ticket_that_was_withdrawn_is_not_phoned_about(sql_url: str) -> None:
    async with asked_on(sql_url) as house:
        number = await house.replied()
        await house.tell(number, "withdrawn", SEAT, code="letter")
        assert [one.state for one in await house.of(number)] == ["superseded"], "told so at once"
        assert await house.store.claim(TENANT, house.now) is None
        assert [one.state for one in await house.of(number)] == ["superseded"]


async def test_called_off_a_person_goes_on(sql_url: str) -> None:
    async with asked_on(sql_url) as house:
        number = await house.replied()
        one = await house.store.call_off(TENANT, number, house.now, "t1")
        assert (one.state, one.result) == (FollowUpState.MIXED, "called_off t1")
        assert await house.state(number) is TicketState.MANUAL_REVIEW
        with pytest.raises(UnknownTicket):
            await house.store.call_off(TENANT, number, house.now, "t1")


async def test_who_is_being_phoned_can_not_be_called_off(sql_url: str) -> None:
    async with asked_on(sql_url) as house:
        number = await house.replied()
        await house.claim()
        with pytest.raises(EventRefused, match="right now"):
            await house.store.call_off(TENANT, number, house.now, "t1")


async def test_a_policy_without_automatic_calls_phones_nobody(sql_url: str) -> None:
    async with asked_on(sql_url) as house:
        house.rules = rules_of(preset("guangxi", follow_up={"automatic": False}), CALENDAR)
        number = await house.replied()
        assert await house.store.claim(TENANT, house.now) is None
        assert await house.state(number) is TicketState.CALLBACK


async def test_what_was_said_while_sql_was_away_comes_out_of_the_journal(
    sql_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal"))
    async with asked_on(sql_url) as house:
        number = await house.replied()
        due = await house.claim()
        told = ToldFollowUp(due.leg, CONTENT, house.now)
        assert load_follow_up(dump_follow_up(told)) == told
        for _ in range(2):
            await journal.keep_follow_up(told)
        drain = Drain(journal, house.tickets, None, None, house.store)  # type: ignore[arg-type] # no call is in it
        assert await drain.drain() == 2
        assert await house.state(number) is TicketState.ARCHIVED
        assert journal.rejected == 0


async def _replied(house: Asked) -> Asked:
    await house.replied()
    return house


def other_phones(connection: Connection) -> None:
    """Every ticket is another citizen's."""
    connection.execute(
        update(tickets).values(caller_e164=literal("+8613") + func.substr(tickets.c.number, 4))
    )


async def test_a_citizen_whose_ticket_another_house_sent_is_phoned_there(sql_url: str) -> None:
    async with asked_on(sql_url) as house:
        number = await house.replied()
        sent = update(tickets).where(tickets.c.number == number).values(origin=Origin.PEER.value)
        await house.database.write(lambda connection: connection.execute(sent))
        assert await house.store.claim(TENANT, house.now) is None
        assert await house.state(number) == "CALLBACK"
        (one,) = await house.of(number)
        assert one.over
