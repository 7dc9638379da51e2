"""Takes what a peer tells: nonce, answer and what becomes of it are one transaction.

A message is taken once: told again, by whatever signature, it gets the answer it got. A nonce is
good for one message. What is refused changes nothing, and is asked anew when it is told again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from storage.clock_locks import hold_tenant
from storage.clockwork import Clockwork
from storage.database import Database
from storage.exchange_tables import crossings, exchange_seen, exchange_taken
from storage.life_book import LifeBook
from storage.lives import Command, SqlLives
from storage.ticket_making import Making, make_all
from storage.tickets import OnOrigin
from tickets.crossing import OUTWARD, Say, Way, Word, taken
from tickets.errors import TicketError
from tickets.life import SYSTEM, Told
from tickets.messages import Message
from tickets.model import CallFacts, Kind, NewTicket, Origin, Ticket, TicketState
from tickets.number import local_day


@dataclass(frozen=True, slots=True)
class Taken:
    """What a peer is answered: an HTTP status, and the answer or the error in it."""

    status: int
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Proven:
    """A message whose signature was good: the nonce, until when it is to be remembered (seconds
    since 1970), and the SHA-256 (hex) of what was said."""

    message: Message
    nonce: str
    until: int
    digest: str


def refused(status: int, error_id: str, words: str) -> Taken:
    """An answer that nothing was done, with a stable id."""
    return Taken(status, {"error": {"id": error_id, "message": words}})


class SqlExchange:
    """What peers tell, on a `Database`. `on_origin` is told of each new ticket once it is durable
    (`storage.tickets`)."""

    def __init__(
        self,
        database: Database,
        clockwork: Clockwork,
        lives: SqlLives,
        zones: Mapping[str, tzinfo],
        on_origin: OnOrigin = lambda ticket, was: None,
    ) -> None:
        self._database = database
        self._clockwork = clockwork
        self._lives = lives
        self._zones = zones
        self._on_origin = on_origin

    async def take(self, tenant: str, peer: str, proven: Proven, now: datetime) -> Taken:
        """Take a message; the answer is durable when this returns. Raises `StoreAway`."""
        taking = _Taking(self, tenant, peer, proven, now)
        answer = await self._database.write(taking.run, order=tenant)
        if taking.made is not None:
            self._on_origin(taking.made, None)
        return answer

    async def crossed(self, tenant: str, number: str) -> Sequence[Mapping[str, Any]]:
        """Where a ticket is, or came from, with the number it has there."""
        ours = crossings.c
        query = (
            select(ours.peer, ours.way, ours.their_number, ours.their_state, ours.open)
            .where(ours.tenant == tenant, ours.number == number)
            .order_by(ours.peer)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [dict(row._mapping) for row in rows]


class _Taking:
    """One message, in one transaction (which may run twice)."""

    def __init__(
        self, house: SqlExchange, tenant: str, peer: str, proven: Proven, now: datetime
    ) -> None:
        self._house = house
        self._tenant = tenant
        self._peer = peer
        self._proven = proven
        self._message = proven.message
        self._now = now
        self.made: Ticket | None = None

    def run(self, connection: Connection) -> Taken:
        self.made = None
        hold_tenant(connection, self._tenant)
        if self._nonce_known(connection):
            return refused(409, "message-replayed", "this signed message was sent before")
        self._keep_nonce(connection)
        known = connection.execute(self._kept()).first()
        if known is not None:
            if known.digest != self._proven.digest:
                return refused(409, "message-id-reused", "this id was used for another message")
            return Taken(known.status, known.answer)
        with connection.begin_nested() as together:
            answer = self._do(connection)
            if answer.status != 200:
                together.rollback()
                self.made = None
                return answer  # sent again by a person, it may be right then
        self._keep(connection, answer)
        return answer

    def _nonce_known(self, connection: Connection) -> bool:
        seen = exchange_seen.c
        query = select(seen.nonce).where(
            seen.tenant == self._tenant, seen.peer == self._peer, seen.nonce == self._proven.nonce
        )
        return connection.execute(query).first() is not None

    def _keep_nonce(self, connection: Connection) -> None:
        row = {
            "tenant": self._tenant, "peer": self._peer, "nonce": self._proven.nonce,
            "until": self._proven.until,
        }  # fmt: skip
        connection.execute(insert(exchange_seen), row)

    def _kept(self) -> Any:
        ours = exchange_taken.c
        return select(exchange_taken).where(
            ours.tenant == self._tenant, ours.peer == self._peer, ours.message == self._message.id
        )

    def _keep(self, connection: Connection, answer: Taken) -> None:
        row = {
            "tenant": self._tenant, "peer": self._peer, "message": self._message.id,
            "digest": self._proven.digest, "status": answer.status, "answer": answer.answer,
            "at": int(self._now.timestamp()),
        }  # fmt: skip
        connection.execute(insert(exchange_taken), row)

    def _do(self, connection: Connection) -> Taken:
        crossing = self._crossing(connection)
        if self._message.word is Word.TICKET:
            if crossing is None:
                return self._make(connection)
            return Taken(200, {"number": crossing.number})
        if crossing is None:
            return refused(409, "not-crossed", "no ticket of this number is between us")
        return self._tell(connection, crossing)

    def _crossing(self, connection: Connection) -> Row[Any] | None:
        """The crossing that a message is about: by the sender's number, or by ours."""
        ours, message = crossings.c, self._message
        query = select(crossings).where(ours.tenant == self._tenant, ours.peer == self._peer)
        if message.word in OUTWARD:
            query = query.where(
                ours.way == Way.IN.value, ours.their_number == message.number, ours.n == message.n
            )
        else:
            query = query.where(
                ours.way == Way.OUT.value, ours.number == message.yours, ours.n == message.n,
                ours.their_number.in_(("", message.number)),
            )  # fmt: skip
        return connection.execute(query).first()

    def _make(self, connection: Connection) -> Taken:
        """A ticket of ours for theirs, at the reviewers' desk."""
        message, day = self._message, local_day(self._now, self._house._zones[self._tenant])
        making = Making(self._new(), day)
        ((ticket, _),) = make_all(connection, self._house._clockwork, [making])
        self.made = ticket
        row = {
            "tenant": self._tenant, "number": ticket.number, "peer": self._peer,
            "n": message.n, "way": Way.IN.value, "their_number": message.number,
            "their_state": message.state, "open": True, "made_at": int(self._now.timestamp()),
        }  # fmt: skip
        connection.execute(insert(crossings), row)
        data = message.data
        told: dict[str, object] = {
            "title": data.title, "text": data.text, "kind": data.kind, "urgency": data.urgency,
            "class_code": data.class_code, "place": data.place, "place_code": data.place_code,
            "peer": self._peer, "their_number": message.number,
            "their_due": data.due.isoformat() if data.due else "",
            "attachments": [one.model_dump() for one in data.attachments],
        }  # fmt: skip
        commands = [Told("submitted", SYSTEM, self._now, told)]
        if data.confidential:
            commands.append(Told("confided", SYSTEM, self._now, {}))
        if data.supervised:
            commands.append(Told("supervised", SYSTEM, self._now, {"reason": self._peer}))
        return self._told(connection, ticket.number, commands)

    def _new(self) -> NewTicket:
        message = self._message
        phone = message.data.requester.phone
        facts = CallFacts(
            tenant=self._tenant, call_id=f"peer/{self._peer}/{message.number}/{message.n}",
            line_id="", unit="", called_number="", dialled="", caller_raw=phone,
            caller_e164=phone if phone.startswith("+") else "", anonymous=not phone,
            language=message.data.language or "cmn",
            kind=Kind(message.data.kind) if message.data.kind else None, keys="",
            started_at=min(message.made_at, self._now), recording="",
        )  # fmt: skip
        return NewTicket(facts, Origin.PEER, TicketState.DRAFT, self._now)

    def _tell(self, connection: Connection, crossing: Row[Any]) -> Taken:
        """What the message does to our ticket: all of it, or nothing."""
        message = self._message
        said = Say(message.word, message.data.model_dump(mode="json"))
        book = LifeBook(connection, self._tenant, self._house._clockwork)
        life = book.page(crossing.number).life
        answer = self._told(connection, crossing.number, taken(self._peer, life, said, self._now))
        if answer.status != 200:
            return answer
        ours = crossings.c
        connection.execute(
            update(crossings)
            .where(ours.tenant == self._tenant, ours.number == crossing.number)
            .where(ours.peer == self._peer)
            .values(
                their_state=message.state,
                their_number=message.number if crossing.way == Way.OUT else crossing.their_number,
            )
        )
        return answer

    def _told(self, connection: Connection, number: str, events: Sequence[Told]) -> Taken:
        """Our ticket's answer to these events: the first that it doesn't take decides."""
        commands = [Command(self._tenant, number, told) for told in events]
        results = self._house._lives.tell_within(connection, commands) if commands else ()
        for result in results:
            if isinstance(result, TicketError):
                return refused(409, result.id, "the ticket doesn't take this now")
        return Taken(200, {"number": number})
