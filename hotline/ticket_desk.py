"""Desks' work on tickets: `console.desk.TicketDesk` over SQL, policies, units and understanding.

Rules are elsewhere: what may happen in `tickets.lifecycle`, who sees what in `tickets.rights`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from functools import partial
from hashlib import sha256
from uuid import uuid4

from sqlalchemy import Connection

from console.desk import Arriving, Compared, Telling
from hotline.deadlines import Deadlines
from ivr.caller import caller_id
from ivr.ports import Clock
from storage.clock_rows import clocks_of
from storage.database import Database
from storage.events import Kept, history
from storage.life_book import MAIN, PART
from storage.life_tables import ticket_links
from storage.likely_tickets import SqlLikelyTickets
from storage.lives import Command
from storage.notices import SqlNotices
from storage.ticket_finding import SqlTicketFinding
from storage.ticket_intake import SqlIntake
from storage.tickets import SqlTickets
from storage.verify import findings_of
from tickets.calendar import seconds
from tickets.clock_told import clocks_told
from tickets.clocks import TicketClock
from tickets.codes import check_codes
from tickets.content import Content, content
from tickets.desk_values import Chain, FoundPage, Likely, Notice, Past, Suggested, Wanted, Whole
from tickets.dispatch import Asked, suggest
from tickets.duplicates import LikelySame, Matter
from tickets.errors import EventRefused, UnknownTicket
from tickets.event_fields import from_outside
from tickets.grams import plain
from tickets.life import Actor, Life, Role, Told
from tickets.lifecycle import owner, replay
from tickets.model import CallFacts, Kind, NewTicket, Origin, Ticket, TicketState
from tickets.number import local_day
from tickets.possible import Possible, possible
from tickets.rights import Sight, sight
from tickets.understanding.rules import load_rules
from tickets.understanding.understand import Context, understand
from tickets.units import UnitsFile

GUESSED = 2
"""So many classes are tried for a matter that nobody has classed yet."""


class TicketDesk:
    """`console.desk.TicketDesk` of all tenants."""

    def __init__(
        self,
        database: Database,
        deadlines: Deadlines,
        tickets: SqlTickets,
        zones: Mapping[str, tzinfo],
        clock: Clock,
        context: Context,
        on_origin: Callable[[Ticket, Origin | None], None] = lambda ticket, was: None,
    ) -> None:
        self._database = database
        self._deadlines = deadlines
        self._tickets = tickets
        self._zones = zones
        self._clock = clock
        self._context = context
        self._intake = SqlIntake(database, zones, deadlines.lives, deadlines.clockwork, on_origin)
        self._finding = SqlTicketFinding(database)
        self._likely = SqlLikelyTickets(database)
        self._notices = SqlNotices(database)

    async def take(self, tenant: str, actor: Actor, arriving: Arriving, key: str) -> str:
        """Make a ticket; its number. The same key makes one."""
        new, events = _arrived(tenant, actor, arriving, _call_id(actor, key), self._clock.now())
        for told in events:
            from_outside(told.event, told.data)
            await self._codes_are_known(tenant, told.data)
        return (await self._intake.take(new, events)).number

    async def tell(self, tenant: str, number: str, actor: Actor, telling: Telling) -> None:
        """Tell a ticket an event, durable on return."""
        from_outside(telling.event, telling.data)
        await self._codes_are_known(tenant, telling.data)
        told = Told(telling.event, actor, self._clock.now(), dict(telling.data))
        key = f"{_person(actor)}/{telling.key}" if telling.key else ""
        await self._deadlines.lives.tell(Command(tenant, number, told, telling.version, key))

    async def whole(self, tenant: str, number: str, actor: Actor | None, *, seq: int = 0) -> Whole:
        """A ticket now, or after its event `seq`."""
        ticket = await self._tickets.get(tenant, number)
        read = await self._database.read(partial(_read, tenant=tenant, number=number))
        events = [kept for kept in read.events if not seq or kept.seq <= seq]
        if seq > len(read.events):
            raise EventRefused("unknown-seq", f"it has {len(read.events)} events, not {seq}")
        life = _life(tenant, number, events)
        seen = await self._sight(tenant, actor, _life(tenant, number, read.events))
        clocks = clocks_told(
            read.clocks, self._deadlines.rules.of(tenant), seconds(self._clock.now())
        )
        return Whole(
            replace(ticket, state=life.state, version=life.seq), life, owner(life),
            await self._content(tenant, life, events), tuple(clocks), seen, read.parts,
            read.linked,
        )  # fmt: skip

    async def find(self, tenant: str, actor: Actor | None, wanted: Wanted) -> FoundPage:
        """A page of tickets; a department's are its own unit's, led or helped with."""
        if actor is not None and actor.role is Role.DEPARTMENT:
            helped = f"co:{actor.unit}"
            if helped not in wanted.keys:
                wanted = replace(wanted, unit=actor.unit)
        return await self._finding.find(tenant, wanted)

    async def chain(self, tenant: str, number: str, actor: Actor) -> Chain:
        """Everything that happened to a ticket, and whether that is as it was written."""
        events, findings = await self._database.read(
            lambda c: (history(c, tenant, (number,))[number], findings_of(c, tenant, number))
        )
        seen = await self._sight(tenant, actor, _life(tenant, number, events))
        return Chain([_past(kept) for kept in events], findings, seen)

    async def possible(
        self, tenant: str, number: str, actor: Actor
    ) -> tuple[int, Sequence[Possible]]:
        """A ticket's version, and what an actor may tell it now."""
        life = await self._deadlines.lives.life(tenant, number)
        await self._sight(tenant, actor, life)
        now = self._clock.now()
        (limits,) = await self._database.read(
            lambda c: self._deadlines.clockwork.limits(c, (life,), now)
        )
        return life.seq, list(possible(life, actor, limits, now))

    async def like(self, tenant: str, actor: Actor, compared: Compared) -> Sequence[Likely]:
        """Open tickets that are likely the same matter."""
        caller = caller_id(compared.phone).e164
        new = Matter(
            "", plain(compared.text), self._clock.now(), plain(compared.place)[:40],
            compared.place_code, compared.class_code, caller,
        )  # fmt: skip
        return await self._like(tenant, new, compared.text)

    async def like_ticket(self, tenant: str, number: str, actor: Actor) -> Sequence[Likely]:
        """The same for a ticket that is there."""
        whole = await self.whole(tenant, number, actor)
        new = await self._likely.matter(tenant, number)
        return () if new is None else await self._like(tenant, new, whole.content.text)

    async def suggest(self, tenant: str, number: str, actor: Actor) -> Suggested:
        """Lead and co-units for a ticket, with reasons."""
        whole = await self.whole(tenant, number, actor)
        said = whole.content
        code, place = said.class_code, said.place_code
        if (not code or not place) and said.text:
            found = await asyncio.to_thread(understand, said.text, context=self._context)
            code = code or (found.classes[0].code if found.classes else "")
            place = place or (found.place.division if found.place else "")
        units, today = await self.units(tenant)
        asked = Asked(code, self._office(code), place, whole.ticket.facts.unit)
        return Suggested(code, place, suggest(units, asked, today))

    async def units(self, tenant: str) -> tuple[UnitsFile, date]:
        """The tenant's units, and its day: who is on duty depends on it."""
        today = local_day(self._clock.now(), self._zones[tenant])
        return self._deadlines.units.of(tenant), today

    async def notices(
        self, tenant: str, unit: str, actor: Actor, *, open_only: bool, limit: int, before: int
    ) -> Sequence[Notice]:
        """A unit's inbox, the newest first."""
        self._of_unit(tenant, unit, actor)
        return await self._notices.of(tenant, unit, open_only=open_only, limit=limit, before=before)

    async def acknowledge(self, tenant: str, unit: str, notice: int, actor: Actor) -> bool:
        """Somebody of the unit has seen it; False: there is no such notice."""
        self._of_unit(tenant, unit, actor)
        now = self._clock.now()
        return await self._notices.acknowledge(tenant, unit, notice, by=actor.id, at=now)

    async def _codes_are_known(self, tenant: str, data: Mapping[str, object]) -> None:
        if data.get("class_code") or data.get("place_code"):
            rules = await asyncio.to_thread(load_rules, self._context.rules)
            leaves = [leaf.code for leaf in rules.classes.leaves]
            check_codes(data, leaves, self._deadlines.units.of(tenant).divisions)

    def _of_unit(self, tenant: str, unit: str, actor: Actor) -> None:
        if not self._deadlines.units.has(tenant, unit):
            raise EventRefused("unknown-unit", f"there is no unit {unit[:60]!r}")
        if actor.role is Role.DEPARTMENT and actor.unit != unit:
            raise EventRefused("not-your-unit", f"this token is of {actor.unit}")

    async def _sight(self, tenant: str, actor: Actor | None, life: Life) -> Sight:
        """What an actor sees of a ticket; `EventRefused` when that is nothing."""
        parent = None
        if life.parent and actor is not None and actor.role is Role.DEPARTMENT:
            parent = await self._deadlines.lives.life(tenant, life.parent)
        seen = sight(actor, life, parent)
        if not seen.ticket:
            raise EventRefused("not-your-unit", "a department sees its own unit's tickets only")
        return seen

    async def _content(self, tenant: str, life: Life, events: Sequence[Kept]) -> Content:
        """What it says; a part says what its whole does, until it says something itself."""
        said = content(kept.told for kept in events)
        if life.parent and not said.text:
            whole = await self._deadlines.lives.history(tenant, life.parent)
            above = content(kept.told for kept in whole)
            said = replace(above, replies=said.replies, added=(*above.added, *said.added))
        return said

    async def _like(self, tenant: str, new: Matter, text: str) -> Sequence[Likely]:
        """What nobody has said is guessed from the text; places by name compare as they are."""
        classes: tuple[str, ...] = ()
        if text and not (new.class_code and (new.place or new.division)):
            found = await asyncio.to_thread(understand, text, context=self._context)
            classes = tuple(dict.fromkeys(one.code[:4] for one in found.classes[:GUESSED]))
            if found.place and not new.place:
                division = new.division or found.place.division
                new = replace(new, place=plain(found.place.name)[:40], division=division)
        same = await self._likely.like(tenant, new, classes)
        by_number: dict[str, LikelySame] = {one.number: one for one in same}
        listed = await self._finding.of(tenant, list(by_number))
        return [
            Likely(
                by_number[one.ticket.number], one.title, one.ticket.state, one.lead,
                one.life.repeats if one.life else 0,
            )
            for one in listed
        ]  # fmt: skip

    def _office(self, code: str) -> str:
        """The office that the classification names for a leaf."""
        leaves = load_rules(self._context.rules).classes.leaves
        return next((leaf.unit for leaf in leaves if leaf.code == code), "")


@dataclass(frozen=True, slots=True)
class _Read:
    events: Sequence[Kept]
    clocks: Sequence[TicketClock]
    parts: Sequence[str]
    linked: Sequence[str]


def _read(connection: Connection, tenant: str, number: str) -> _Read:
    linked: dict[str, list[str]] = {PART: [], MAIN: []}
    links = ticket_links.c
    rows = connection.execute(
        ticket_links.select()
        .where(links.tenant == tenant, links.whole == number, links.kind.in_((PART, MAIN)))
        .order_by(links.number)
    )
    for row in rows:
        linked[row.kind].append(row.number)
    clocks = clocks_of(connection, tenant, (number,))
    return _Read(
        history(connection, tenant, (number,))[number], clocks.get(number, ()), linked[PART],
        linked[MAIN],
    )  # fmt: skip


def _life(tenant: str, number: str, events: Sequence[Kept]) -> Life:
    if not events:
        raise UnknownTicket(f"{tenant} has no ticket {number}")
    return replay(tenant, number, [(kept.told, kept.state) for kept in events])


def _past(kept: Kept) -> Past:
    return Past(kept.seq, kept.told, kept.state, kept.key, kept.hash or b"")


def _person(actor: Actor) -> str:
    """Short and without meaning: keys of two people never meet."""
    return sha256(actor.id.encode()).hexdigest()[:12]


def _call_id(actor: Actor, key: str) -> str:
    """What a ticket without a call is known by: one for each key of a person."""
    return f"web/{_person(actor)}/{key or uuid4().hex}"


def _arrived(
    tenant: str, actor: Actor, arriving: Arriving, call_id: str, now: datetime
) -> tuple[NewTicket, Sequence[Told]]:
    """The ticket, and what it is told at once."""
    words, phone = dict(arriving.words), arriving.phone
    kind = words.get("kind")
    facts = CallFacts(
        tenant=tenant, call_id=call_id, line_id="", unit="", called_number="", dialled="",
        caller_raw=phone, caller_e164=caller_id(phone).e164, anonymous=not phone,
        language=arriving.language, kind=Kind(str(kind)) if kind else None, keys="",
        started_at=now, recording="",
    )  # fmt: skip
    new = NewTicket(facts, Origin.WEB, TicketState.DRAFT, now, seat_id=arriving.seat_id)
    first = (
        Told("answered", actor, now, {**words, "answer": arriving.answer})
        if arriving.answer
        else Told("submitted", actor, now, words)
    )
    hidden = (Told("confided", actor, now),) if arriving.confidential else ()
    return new, (*hidden, first)
