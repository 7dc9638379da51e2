"""Follow-ups in SQL: which citizen is phoned next, by one engine alone, and what he has said.

An attempt is written down before anybody is rung. What came of it, the event of his ticket and
whatever follows of that are one transaction; so is the plan of a new one with the event that asks
for it (`storage.follow_up_rows.ask_citizens`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog
from sqlalchemy import Connection, func, select

from storage.clock_locks import hold_tenant
from storage.database import Database
from storage.follow_up_facts import (
    any_due,
    as_it_stands,
    citizen_of,
    expect_call,
    kept_of,
    phones_rung,
    reply_of,
    still_asked,
)
from storage.follow_up_rows import follow_up_of, save
from storage.follow_up_tables import follow_ups
from storage.lives import Command, SqlLives
from tickets.calendar import moment, seconds
from tickets.errors import EventRefused, TicketError, UnknownTicket
from tickets.follow_up import (
    Concluded,
    FollowUp,
    FollowUpState,
    Heard,
    Leg,
    after_event,
    claimed,
    concluded,
    put_back,
    superseded,
)
from tickets.life import SYSTEM, Told
from tickets.model import CallFacts, TicketState
from tickets.timetable import Rules

ASIDE_S = 60
"""So long a citizen waits whose telephone is being rung for another ticket of his."""
_ROWS = follow_ups.c
LOST = Heard("lost")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """A citizen to be rung now: by which call, who he is, what he is told."""

    leg: Leg
    facts: CallFacts
    phone: str
    reply: str


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that is over: what became of the follow-up, and where its ticket is now."""

    follow_up: FollowUp
    ticket_state: str


class SqlFollowUps:
    """The follow-ups of all tenants. `rules` are a tenant's policy and calendar, `node` is this
    engine's name ("" when it is the only one). All raise `StoreAway`."""

    def __init__(
        self, database: Database, lives: SqlLives, rules: Callable[[str], Rules], node: str = ""
    ) -> None:
        self._database = database
        self._lives = lives
        self._rules = rules
        self._node = node

    async def next_due(self) -> dict[str, int]:
        """When the next one of each tenant is due, in seconds since 1970."""
        query = (
            select(_ROWS.tenant, func.min(_ROWS.next_at).label("at"))
            .where(_ROWS.next_at > 0)
            .group_by(_ROWS.tenant)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {row.tenant: row.at for row in rows}

    async def claim(self, tenant: str, now: datetime) -> Due | None:
        """The citizen who is to be rung now, longest due first; None: nobody, or enough are being
        rung. From here on the attempt is ours, and counts."""
        return await self._database.write(
            lambda connection: self._claim(connection, tenant, seconds(now)), order=tenant
        )

    async def put_back(self, leg: Leg, at: datetime) -> None:
        """He wasn't rung: no try, once more at `at`."""

        def run(connection: Connection) -> None:
            hold_tenant(connection, leg.tenant)
            one = kept_of(connection, leg)
            if one and one.state is FollowUpState.CALLING and one.attempts == leg.attempt:
                save(connection, put_back(one, seconds(at)))

        await self._database.write(run, order=leg.tenant)

    async def conclude(self, leg: Leg, heard: Heard, at: datetime) -> Ended | None:
        """What came of an attempt, with all that follows; None when it changes nothing (told twice,
        or too late)."""
        return await self._database.write(
            lambda connection: self._conclude(connection, leg, heard, at), order=leg.tenant
        )

    async def wanted(self, leg: Leg) -> bool:
        """Whether the citizen on this call is still to be asked."""
        one = await self._database.read(lambda connection: kept_of(connection, leg))
        return one is not None and not one.over and leg.attempt <= one.attempts

    async def ours(self) -> Sequence[Leg]:
        """The calls that an engine of this node had out when it ended."""
        query = select(follow_ups).where(
            _ROWS.state == FollowUpState.CALLING.value, _ROWS.node == self._node
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_leg(follow_up_of(row)) for row in rows]

    async def list(self, tenant: str, *, number: str = "", limit: int = 100) -> Sequence[FollowUp]:
        """A tenant's follow-ups, or one ticket's, the newest first."""
        query = (
            select(follow_ups)
            .where(_ROWS.tenant == tenant, *([_ROWS.number == number] if number else ()))
            .order_by(_ROWS.made_at.desc(), _ROWS.number.desc(), _ROWS.n.desc())
            .limit(limit)
        )

        def run(connection: Connection) -> Sequence[FollowUp]:
            found = [follow_up_of(row) for row in connection.execute(query)]
            return as_it_stands(connection, tenant, found)

        return await self._database.read(run)

    async def call_off(self, tenant: str, number: str, at: datetime, by: str) -> FollowUp:
        """A person takes it over: nobody is phoned, the ticket goes to manual review. Raises
        `UnknownTicket` when nobody is to be phoned for this ticket, `EventRefused` while he is."""

        def run(connection: Connection) -> FollowUp:
            hold_tenant(connection, tenant)
            row = connection.execute(
                select(follow_ups)
                .where(_ROWS.tenant == tenant, _ROWS.number == number, _ROWS.next_at > 0)
                .order_by(_ROWS.n.desc())
            ).first()
            if row is None:
                raise UnknownTicket(f"nobody is to be phoned for ticket {number} of {tenant}")
            if row.state == FollowUpState.CALLING.value:
                raise EventRefused("follow-up-under-way", "the citizen is being phoned right now")
            one = replace(
                follow_up_of(row), state=FollowUpState.MIXED, result=f"called_off {by}",
                ended_at=seconds(at), next_at=0,
            )  # fmt: skip
            self._tell(connection, Concluded(one, "mixed"), one.attempts, LOST, at)
            return one

        return await self._database.write(run, order=tenant)

    # --- inside a transaction

    def _claim(self, connection: Connection, tenant: str, now: int) -> Due | None:
        if not any_due(connection, tenant, now):
            return None
        hold_tenant(connection, tenant)
        rules = self._rules(tenant)
        follow_up = rules.policy.follow_up
        calling = phones_rung(connection, tenant, now)
        query = (
            select(follow_ups)
            .where(_ROWS.tenant == tenant, _ROWS.next_at > 0, _ROWS.next_at <= now)
            .order_by(_ROWS.next_at, _ROWS.number)
            .with_for_update(skip_locked=True)  # SQLite needs none and is told none
            .limit(50)
        )
        for row in connection.execute(query).all():
            one = follow_up_of(row)
            if one.state is FollowUpState.CALLING:
                self._conclude(connection, _leg(one), LOST, moment(now))
            elif not still_asked(connection, one):
                save(connection, superseded(one, now))
            elif not follow_up.automatic:
                save(connection, replace(one, next_at=now + 3600))
            elif len(calling) >= follow_up.at_once:
                return None
            else:
                found = self._ring(connection, one, now, rules, calling)
                if found is not None:
                    return found
        return None

    def _ring(
        self, connection: Connection, one: FollowUp, now: int, rules: Rules, calling: set[str]
    ) -> Due | None:
        citizen = citizen_of(connection, one.tenant, one.number)
        if citizen is None:
            save(connection, superseded(one, now))
            return None
        facts, phone = citizen
        if phone and phone in calling:
            save(connection, replace(one, next_at=now + ASIDE_S))
            return None
        moved = claimed(one, now, rules.policy.follow_up, rules.calendar, self._node)
        if moved.state is not FollowUpState.CALLING:
            save(connection, moved)
            return None
        save(connection, replace(moved, phone=phone))
        reply = reply_of(connection, one.tenant, one.main or one.number)
        return Due(_leg(moved), facts, phone, reply)

    def _conclude(
        self, connection: Connection, leg: Leg, heard: Heard, at: datetime
    ) -> Ended | None:
        hold_tenant(connection, leg.tenant)
        one = kept_of(connection, leg)
        if one is None:
            return None
        if heard.recording:
            expect_call(connection, leg, heard, at)
        rules = self._rules(leg.tenant)
        made = concluded(
            one, leg.attempt, heard, seconds(at), rules.policy.follow_up, rules.calendar
        )
        return None if made is None else self._tell(connection, made, leg.attempt, heard, at)

    def _tell(
        self, connection: Connection, made: Concluded, attempt: int, heard: Heard, at: datetime
    ) -> Ended:
        """The event, and what it leaves of the follow-up. A ticket that refuses it has gone on by
        itself."""
        one, now = made.follow_up, seconds(at)
        told = Told(made.event, SYSTEM, at.astimezone(UTC), _data(one, attempt, heard))
        key = f"follow-up-{one.n}.{attempt}-{made.event}"
        (life,) = self._lives.tell_within(
            connection, [Command(one.tenant, one.number, told, key=key)]
        )
        if isinstance(life, TicketError):
            log.warning(
                "follow_up_not_told", tenant=one.tenant, ticket=one.number, event_of=made.event,
                reason=life.id,
            )  # fmt: skip
            one = superseded(one, now)
            save(connection, one)
            return Ended(one, "")
        asked = life.state in (TicketState.CALLBACK, TicketState.MERGED)
        if made.event == "unreachable":
            one = after_event(one, now, still_asked=asked)
            if one.over and asked:  # the policy has grown since: a person goes on from here
                rest = Told("mixed", SYSTEM, told.at, {"result": "unreachable"})
                self._lives.tell_within(connection, [Command(one.tenant, one.number, rest)])
        save(connection, one)
        return Ended(one, life.state.value)


def _data(one: FollowUp, attempt: int, heard: Heard) -> dict[str, object]:
    answers = {"solved": one.solved, "satisfied": one.satisfied}
    data: dict[str, object] = {
        "follow_up": one.n, "attempt": attempt, "result": one.result,
        **{name: answer for name, answer in answers.items() if answer is not None},
    }  # fmt: skip
    if heard.recording:
        data["recording"] = heard.recording
    return data


def _leg(one: FollowUp) -> Leg:
    return Leg(one.node, one.tenant, one.number, one.n, one.attempts)
