"""Whoever changes, removes or cuts off what was written is found, and where; both stores."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from storage.database import Database
from storage.events import event_row
from storage.life_tables import ticket_lives, ticket_seals, ticket_states
from storage.lives import SqlLives
from storage.seals import Sealer
from storage.tables import ticket_events, tickets
from storage.verify import Finding, Looked, verify
from tests.storage.facts import NOON, opened
from tests.storage.test_lives import Desk
from tests.tickets.lives import PEOPLE, WATER
from tickets.life import Role
from tickets.model import Origin

PEOPLE_OF_UNIT = (PEOPLE[Role.DEPARTMENT].id, f"unit:{WATER}")
EVENTS, STATES = ticket_events.c, ticket_states.c


async def _found(database: Database, **noted: Any) -> list[tuple[str, int, str]]:
    looked = Looked()
    findings = [f async for f in verify(database, "default", looked, **noted)]
    assert all(isinstance(finding, Finding) for finding in findings)
    return [(finding.number, finding.seq, finding.what) for finding in findings]


async def _written(database: Database) -> tuple[str, str]:
    """Two tickets with some events, all sealed; their numbers."""
    desk, sealer = Desk(database), Sealer(database, lambda: NOON + timedelta(hours=1))
    one, two = await desk.made("a"), await desk.made("b", origin=Origin.VOICE_REQUEST)
    await desk.through(one, "submitted", "dispatched", "signed")
    await sealer.seal()
    await desk.through(two, "dispatched", "signed", "contacted")
    await sealer.seal()
    await sealer.seal()
    return one, two


async def test_what_nobody_touched_is_found_whole(sql_url: str) -> None:
    async with opened(sql_url) as database:
        await _written(database)
        looked = Looked()
        assert [f async for f in verify(database, "default", looked)] == []
        assert (looked.tickets, looked.events, looked.seals) == (2, 8, 2)
        n, _, digest = looked.last_seal.partition(":")
        assert await _found(database, noted=[(int(n), digest)]) == []
        assert await _found(database, noted=[(2, "00")]) == [
            ("", 2, "the seal isn't the one that was noted")
        ]


@pytest.mark.parametrize(
    "values", [{"data": {"lead": "x"}}, {"at": NOON}, {"actor": "x"}, {"state": "VOID"}], ids=str
)
async def test_a_changed_event_is_named(sql_url: str, values: dict[str, Any]) -> None:
    async with opened(sql_url) as database:
        one, _ = await _written(database)
        forged = update(ticket_events).where(EVENTS.number == one, EVENTS.seq == 3).values(values)
        await database.write(lambda c: c.execute(forged) and None)
        what = "the event, or the hash of the one before, was changed"
        assert (one, 3, what) in await _found(database)


async def test_a_removed_event_is_named(sql_url: str) -> None:
    async with opened(sql_url) as database:
        one, _ = await _written(database)
        gone = delete(ticket_events).where(EVENTS.number == one, EVENTS.seq == 2)
        await database.write(lambda c: c.execute(gone) and None)
        assert await _found(database) == [(one, 2, "event 2 is gone")]


async def test_an_end_cut_off_is_told_by_the_state_and_else_by_the_seal(sql_url: str) -> None:
    async with opened(sql_url) as database:
        one, _ = await _written(database)
        gone = delete(ticket_events).where(EVENTS.number == one, EVENTS.seq == 4)
        await database.write(lambda c: c.execute(gone) and None)
        assert (one, 3, "it ends with event 3, its state was made by event 4") in await _found(
            database
        )
        history = await SqlLives(database).history("default", one)
        head = update(ticket_states).where(STATES.number == one)
        head = head.values(version=3, head=history[-1].hash, state="DISPATCHED")
        await database.write(lambda c: c.execute(head) and None)
        life = delete(ticket_lives).where(ticket_lives.c.number == one)
        await database.write(lambda c: c.execute(life) and None)
        assert await _found(database) == [
            (one, 4, "it is not as sealed at 2026-11-21T05:00:00+00:00 (1)")
        ]


async def test_a_history_made_anew_is_told_by_the_seal(sql_url: str) -> None:
    """Somebody who knows how hashes are made forges an event and all that follow."""
    async with opened(sql_url) as database:
        _, two = await _written(database)
        history = await SqlLives(database).history("default", two)
        head = history[0].hash or b""
        for kept in history[1:]:
            kept.told.data["note"] = "forged"  # type: ignore[index]  # a forger asks no types
            row = event_row("default", two, kept.seq, kept.told, kept.state, kept.key, head)
            head = row["hash"]
            forged = update(ticket_events).where(EVENTS.number == two, EVENTS.seq == kept.seq)
            forged = forged.values(data=row["data"], hash=head)
            await database.write(lambda c, f=forged: c.execute(f) and None)
        state = update(ticket_states).where(STATES.number == two).values(head=head)
        await database.write(lambda c: c.execute(state) and None)
        assert await _found(database) == [
            (two, 4, "it is not as sealed at 2026-11-21T05:00:00+00:00 (2)")
        ]


async def test_a_ticket_removed_whole_is_told_by_the_seal(sql_url: str) -> None:
    async with opened(sql_url) as database:
        one, _ = await _written(database)
        for table in (ticket_events, ticket_states, ticket_lives, tickets):
            gone = delete(table).where(table.c.number == one)
            await database.write(lambda c, g=gone: c.execute(g) and None)
        assert [(number, seq) for number, seq, _ in await _found(database)] == [(one, 4)]


async def test_seals_changed_or_removed_are_named(sql_url: str) -> None:
    async with opened(sql_url) as database:
        await _written(database)
        first = delete(ticket_seals).where(ticket_seals.c.n == 1)
        await database.write(lambda c: c.execute(first) and None)
        assert await _found(database) == [("", 1, "seal 1 is gone")]
        last = delete(ticket_seals)
        await database.write(lambda c: c.execute(last) and None)
        assert await _found(database, noted=[(2, "ab")]) == [
            ("", 2, "the seal that was noted is gone")
        ]


async def test_a_state_that_its_events_did_not_make_is_named(sql_url: str) -> None:
    async with opened(sql_url) as database:
        one, _ = await _written(database)
        closed = update(ticket_states).where(STATES.number == one).values(state="ARCHIVED")
        await database.write(lambda c: c.execute(closed) and None)
        assert await _found(database) == [(one, 0, "its state isn't what its events made of it")]


async def test_a_life_kept_by_earlier_rules_is_no_finding(sqlite_url: str) -> None:
    """A reviewer who added co-units was a handler once, a reassigned long-term matter still one."""
    async with opened(sqlite_url) as database:
        desk = Desk(database)
        one = await desk.made("a", origin=Origin.VOICE_REQUEST)
        await desk.through(one, "dispatched", "signed")
        await desk.tell(one, "units_added", Role.REVIEWER)
        await desk.through(one, "long_term_set", "reassigned")
        lives = ticket_lives.c

        async def kept(**changed: Any) -> list[tuple[str, int, str]]:
            life = await database.read(
                lambda c: c.execute(select(lives.life).where(lives.number == one)).scalar_one()
            )
            now = update(ticket_lives).where(lives.number == one).values(life={**life, **changed})
            await database.write(lambda c: c.execute(now) and None)
            return await _found(database)

        handlers = [*PEOPLE_OF_UNIT, PEOPLE[Role.REVIEWER].id]
        assert await kept(handlers=handlers, long_term=True) == []
        assert await kept(handlers=[*handlers, "somebody"]) == [
            (one, 0, "its state isn't what its events made of it")
        ]


async def test_what_an_engine_left_unsealed_the_next_one_seals(sql_url: str) -> None:
    async with opened(sql_url) as database:
        await Desk(database).made()
    async with opened(sql_url) as database:
        await Sealer(database, lambda: NOON).seal()
        looked = Looked()
        assert [f async for f in verify(database, "default", looked)] == []
        assert looked.seals == 1
