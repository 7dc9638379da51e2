"""Phoning citizens: who is rung by which trunk, what a dead engine or an outage leaves."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hotline import follow_ups
from hotline.follow_ups import FollowUps, Outside, is_follow_up
from ivr.follow_up import MARK
from ivr.prompt_texts import load_catalogue
from ivr.reply_sound import ReplySounds
from storage.follow_up_told import ToldFollowUp
from storage.follow_ups import SqlFollowUps
from storage.spool_item import SpoolItem
from telephony.originate import Answer
from telephony.originate import Leg as Call
from tests.hotline.test_clock_watch import Hands
from tests.storage.clock_house import CALENDAR, TENANT, preset
from tests.storage.test_follow_ups import CONTENT, Asked, asked_on, other_phones
from tickets.errors import StoreAway
from tickets.follow_up import Heard, Leg
from tickets.model import TicketState
from tickets.timetable import rules_of

PHONE = "13800138000"


@dataclass
class Phones:
    """Asterisk: how each ring ends; who answers stays on the line until he is let go."""

    answer: Answer = Answer.NO_ANSWER
    rung: list[tuple[str, str, Call]] = field(default_factory=list)
    living: set[str] = field(default_factory=set)
    ringing: asyncio.Event = field(default_factory=asyncio.Event)

    async def ring_number(self, number: str, trunk: str, leg: Call) -> Answer:
        self.rung.append((number, trunk, leg))
        self.ringing.set()
        if self.answer is Answer.ANSWERED:
            self.living.add(leg.leg_id)
        return self.answer

    async def lives(self, call_id: str) -> bool:
        return call_id in self.living


@dataclass
class Kept:
    """Journal and counter in one."""

    told: list[ToldFollowUp] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    async def keep_follow_up(self, told: ToldFollowUp) -> None:
        self.told.append(told)

    def follow_up_tried(self, tenant: str, result: str) -> None:
        self.tried.append(result)

    def follow_up_ended(self, tenant: str, outcome: str) -> None:
        self.ended.append(outcome)


class Away(SqlFollowUps):
    """SQL that goes away."""

    away = False

    async def conclude(self, leg: Leg, heard: Heard, at: Any) -> Any:
        if self.away:
            raise StoreAway("away")
        return await super().conclude(leg, heard, at)

    async def wanted(self, leg: Leg) -> bool:
        if self.away:
            raise StoreAway("away")
        return await super().wanted(leg)


@dataclass
class Engine:
    """One engine's follow-ups; `all_done` waits for the calls it has begun."""

    house: Asked
    store: Away
    phones: Phones
    kept: Kept
    board: FollowUps
    tasks: list[asyncio.Task[None]]

    async def all_done(self) -> None:
        await asyncio.wait_for(asyncio.gather(*self.tasks), 20)

    def die(self) -> None:
        for task in self.tasks:
            task.cancel()


def engine(
    house: Asked, folder: Path, phones: Phones, *, trunk: str = "carrier", up: bool = True
) -> Engine:
    tasks: list[asyncio.Task[None]] = []

    def spawn(work: Coroutine[Any, Any, None]) -> None:
        tasks.append(asyncio.ensure_future(work))

    store, kept = Away(house.database, house.lives, lambda tenant: house.rules), Kept()
    outside = Outside(
        tenants=[TENANT],
        rules=lambda tenant: house.rules.policy.follow_up,
        lines=phones,
        connected=lambda: up,
        trunk=lambda number: trunk,
        sounds=ReplySounds(folder / "followups", load_catalogue()),
        clock=Hands(house),
    )
    return Engine(house, store, phones, kept, FollowUps(store, kept, outside, kept, spawn), tasks)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a call lives is asked at once, not every ten seconds."""
    monkeypatch.setattr(follow_ups, "ASK_S", 0.01)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Asked]:
    async with asked_on(f"sqlite:///{tmp_path}/hotline.db") as house:
        yield house


@asynccontextmanager
async def on_the_line(house: Asked, folder: Path) -> AsyncIterator[tuple[Engine, Leg]]:
    """A citizen who has picked up."""
    await house.replied()
    one = engine(house, folder, Phones(Answer.ANSWERED))
    await one.board.look()
    await asyncio.wait_for(one.phones.ringing.wait(), 20)
    leg = Leg.parse(one.phones.rung[0][2].leg_id)
    assert leg is not None
    yield one, leg


async def test_he_is_rung_from_the_hotlines_number_and_his_reply_is_ready(
    house: Asked, tmp_path: Path
) -> None:
    async with on_the_line(house, tmp_path) as (one, leg):
        (number, trunk, call) = one.phones.rung[0]
        assert (number, trunk, call.caller_id) == (PHONE, "carrier", "12345")
        assert is_follow_up(call.variables)
        assert call.variables["CALLBACK"] == MARK
        assert call.variables["ORIGIN"] != leg.id, "what he leaves belongs to his ticket"
        assert one.board.reply_sound(leg) == f"/hotline/state/followups/{leg.id}"
        await one.board.conclude(leg, CONTENT)
        await one.all_done()
        assert one.board.reply_sound(leg) == ""
        assert (one.kept.tried, one.kept.ended) == (["answered"], ["satisfied"])
        assert await house.state(leg.number) is TicketState.ARCHIVED


async def test_nobody_there_is_a_try_and_one_call_is_enough(house: Asked, tmp_path: Path) -> None:
    number = await house.replied()
    one = engine(house, tmp_path, Phones(Answer.BUSY))
    for _ in range(3):
        await one.board.look()
        await one.all_done()
    assert len(one.phones.rung) == 1
    assert one.kept.tried == ["busy"]
    assert await house.state(number) is TicketState.CALLBACK


@pytest.mark.parametrize(
    ("phone", "trunk", "why"), [("", "carrier", "no_number"), (PHONE, "", "no_rule")]
)
async def test_whom_nobody_may_ring_goes_to_a_person(
    house: Asked, tmp_path: Path, phone: str, trunk: str, why: str
) -> None:
    number = await house.replied()
    if not phone:
        await house.database.write(lambda c: c.exec_driver_sql("UPDATE tickets SET caller_e164=''"))
    one = engine(house, tmp_path, Phones(), trunk=trunk)
    await one.board.look()
    await one.all_done()
    assert one.phones.rung == []
    assert one.kept.tried == [why]
    assert await house.state(number) is TicketState.MANUAL_REVIEW


async def test_a_full_trunk_and_an_asterisk_away_cost_no_try(house: Asked, tmp_path: Path) -> None:
    """Live callers need lines; who isn't rung keeps all his tries."""
    number = await house.replied()
    one = engine(house, tmp_path, Phones(), up=False)
    await one.board.look()
    await one.all_done()
    (kept,) = await house.of(number)
    assert (one.phones.rung, kept.state, kept.attempts) == ([], "waiting", 0)
    follow_up = {"at_once": 9, "of_trunk": 1}
    house.rules = rules_of(preset("guangxi", follow_up=follow_up), CALENDAR)
    house.later(minutes=1)
    await house.database.write(other_phones)
    async with on_the_line(house, tmp_path) as (other, leg):
        await house.database.write(other_phones)
        await other.board.look()
        await other.board.conclude(leg, CONTENT)
        await other.all_done()
        assert len(other.phones.rung) == 1
        (kept,) = [one for one in await house.store.list(TENANT) if one.number != leg.number]
        assert (kept.state, kept.attempts) == ("waiting", 0)


async def test_a_call_that_is_gone_without_a_word_is_lost_and_made_again(
    house: Asked, tmp_path: Path
) -> None:
    async with on_the_line(house, tmp_path) as (one, leg):
        one.phones.living.clear()
        await one.all_done()
        assert one.kept.tried == ["lost"]
        (kept,) = await house.of(leg.number)
        assert (kept.state, kept.attempts) == ("waiting", 1)


async def test_the_next_engine_goes_on_with_a_call_that_lives(house: Asked, tmp_path: Path) -> None:
    """Killed while he is asked: he isn't rung again, his sound is still there, his word counts."""
    async with on_the_line(house, tmp_path) as (one, leg):
        await asyncio.sleep(0.05)
        one.die()
        following = engine(house, tmp_path, one.phones)
        watch = asyncio.ensure_future(following.board.run(_healthy))
        async with asyncio.timeout(20):
            while not following.tasks:
                await asyncio.sleep(0.01)
        assert following.board.reply_sound(leg)
        assert await following.board.wanted(leg)
        await following.board.conclude(leg, CONTENT)
        await following.all_done()
        watch.cancel()
        assert len(one.phones.rung) == 1
        assert await house.state(leg.number) is TicketState.ARCHIVED


async def test_what_he_says_while_sql_is_away_is_journalled(house: Asked, tmp_path: Path) -> None:
    async with on_the_line(house, tmp_path) as (one, leg):
        one.store.away = True
        assert await one.board.wanted(leg), "he is on the line: ask him"
        await one.board.conclude(leg, CONTENT)
        await one.all_done()
        (told,) = one.kept.told
        assert (told.leg, told.heard) == (leg, CONTENT)


async def test_a_call_that_ended_without_an_engine_is_told_by_the_spool(
    house: Asked, tmp_path: Path
) -> None:
    """He had answered both questions when the engine died, and hung up before the next came."""
    async with on_the_line(house, tmp_path) as (one, leg):
        for other in ("hl3f2a-17.7", leg.id):
            await one.board.spooled(_item(other, KEYS="1yn", CALLBACK=MARK))
        await one.all_done()
        life = await house.lives.life(TENANT, leg.number)
        assert (life.state, life.round) == (TicketState.DISPATCHED, 2)


async def _healthy() -> None:
    return None


def _item(call_id: str, **variables: str) -> SpoolItem:
    return SpoolItem.model_validate_json(
        _ITEM % (call_id, ", ".join(f'"{name}": "{value}"' for name, value in variables.items()))
    )


_ITEM = """{"version": 1, "call_id": "%s", "trunk": "carrier", "called": "12345",
 "first_called": "", "caller": "", "asserted": "", "stage": "called_back", "queued_at": "",
 "seat": "", "dialstatus": "", "started_at": "", "recording": "", "voice": "", "voice_s": 0,
 "reason": "orphan", "taken_at": "2026-11-23T02:00:00+00:00", "variables": {%s}}"""
