"""Requests of the public web channel: each a ticket, made once, and shown without who asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select

from storage.clock_locks import hold_tenant
from storage.clockwork import Clockwork
from storage.database import Database
from storage.due_dates import finish_due
from storage.life_tables import ticket_lives, ticket_states
from storage.lives import Command, SqlLives
from storage.open311_tables import open311_requests
from storage.tables import ticket_events
from storage.ticket_making import Making, make_all
from storage.tickets import OnOrigin
from tickets.life import SYSTEM, Told
from tickets.lifecycle import CLOSED
from tickets.model import CallFacts, Kind, NewTicket, Origin, Ticket, TicketState
from tickets.number import local_day

LONGEST_NAME = 60
_OURS = open311_requests.c
_CLOSED = sorted(state.value for state in CLOSED)


@dataclass(frozen=True, slots=True)
class WebRequest:
    """What a citizen asks over the web. `phone` is as given, `e164` its normal form or "";
    `contact` who asks otherwise; `token` is by what a repetition is known."""

    token: str
    service_code: str
    title: str
    kind: Kind | None
    description: str
    address: str = ""
    address_id: str = ""
    place_code: str = ""
    lat: float | None = None
    long: float | None = None
    media_url: str = ""
    phone: str = ""
    e164: str = ""
    contact: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class WebTicket:
    """A request as its ticket stands now; times in seconds since 1970."""

    number: str
    service_code: str
    description: str
    address: str
    address_id: str
    lat: float | None
    long: float | None
    media_url: str
    state: TicketState
    unit: str
    requested_at: int
    updated_at: int
    due: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which are asked for: those of `numbers`, or of these services made within `begin` to `end`
    (seconds since 1970), open ones, closed ones or both."""

    begin: int
    end: int
    numbers: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    open: bool = True
    closed: bool = True
    limit: int = 1_000


class SqlOpen311:
    """The web channel on a `Database`; `on_origin` is told of each new, durable ticket."""

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

    async def make(self, tenant: str, request: WebRequest, now: datetime) -> str:
        """Make its ticket, or find the one that its token made; the number. Raises `StoreAway`."""
        number, made = await self._database.write(
            lambda connection: self._make(connection, tenant, request, now), order=tenant
        )
        if made is not None:
            self._on_origin(made, None)
        return number

    async def of_token(self, tenant: str, token: str) -> str | None:
        """The number of the ticket that a token made."""
        return await self._database.read(lambda connection: _of_token(connection, tenant, token))

    async def find(self, tenant: str, wanted: Wanted) -> Sequence[WebTicket]:
        """The newest first. Confidential ones are nobody's business."""
        query = _query(tenant, wanted)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_ticket(row) for row in rows if not (row.life or {}).get("confidential")]

    def _make(
        self, connection: Connection, tenant: str, request: WebRequest, now: datetime
    ) -> tuple[str, Ticket | None]:
        """The number, and the ticket when it is new."""
        day = local_day(now, self._zones[tenant])
        hold_tenant(connection, tenant)
        known = _of_token(connection, tenant, request.token)
        if known is not None:
            return known, None
        making = Making(_new(tenant, request, now), day)
        ((ticket, _),) = make_all(connection, self._clockwork, [making])
        connection.execute(insert(open311_requests), _row(tenant, ticket.number, request, now))
        told = Told(
            "submitted", SYSTEM, now,
            {
                "title": request.title, "text": _whole_text(request),
                "requester": _requester(request),
                "kind": request.kind.value if request.kind else "", "channel": "open311",
                "class_code": request.service_code, "place": request.address,
                "place_code": request.place_code,
            },
        )  # fmt: skip
        self._lives.tell_within(connection, [Command(tenant, ticket.number, told)])
        return ticket.number, ticket


def _whole_text(request: WebRequest) -> str:
    """What is asked, with where it is and its picture: whoever handles it needs both."""
    where = f"{request.lat:.6f}, {request.long:.6f} (WGS84)" if request.lat is not None else ""
    more = {"经纬度": where, "地址编号": request.address_id, "图片": request.media_url}
    lines = [request.description, *(f"{name}:{told}" for name, told in more.items() if told)]
    return "\n".join(line for line in lines if line)


def _requester(request: WebRequest) -> str:
    """Family name first, without a blank where it is Chinese; with the mail address of somebody who
    left no telephone."""
    contact = request.contact or {}
    names = [name for name in (contact.get("last_name"), contact.get("first_name")) if name]
    name = (" " if "".join(names).isascii() else "").join(names)[:LONGEST_NAME]
    mail = "" if request.phone else contact.get("email", "")
    return f"{name} {mail}".strip()


def _of_token(connection: Connection, tenant: str, token: str) -> str | None:
    query = select(_OURS.number).where(_OURS.tenant == tenant, _OURS.token == token)
    return connection.execute(query).scalar()


def _new(tenant: str, request: WebRequest, now: datetime) -> NewTicket:
    facts = CallFacts(
        tenant=tenant, call_id=f"web/{request.token}", line_id="", unit="", called_number="",
        dialled="", caller_raw=request.phone, caller_e164=request.e164,
        anonymous=not request.phone, language="cmn", kind=request.kind, keys="", started_at=now,
        recording="",
    )  # fmt: skip
    return NewTicket(facts, Origin.WEB, TicketState.DRAFT, now)


def _row(tenant: str, number: str, request: WebRequest, now: datetime) -> dict[str, Any]:
    return {
        "tenant": tenant, "number": number, "token": request.token,
        "service_code": request.service_code, "description": request.description,
        "address": request.address, "address_id": request.address_id,
        "media_url": request.media_url, "lat": request.lat, "long": request.long,
        "contact": dict(request.contact or {}), "requested_at": int(now.timestamp()),
    }  # fmt: skip


def _query(tenant: str, wanted: Wanted) -> Select[Any]:
    states, events, lives = ticket_states.c, ticket_events.c, ticket_lives.c
    query = (
        select(
            open311_requests, states.state, states.unit, finish_due(states),
            events.at.label("updated_at"), lives.life,
        )
        .join(ticket_states, (states.tenant == _OURS.tenant) & (states.number == _OURS.number))
        .join(
            ticket_events,
            (events.tenant == _OURS.tenant)
            & (events.number == _OURS.number)
            & (events.seq == states.version),
        )
        .join(
            ticket_lives,
            (lives.tenant == _OURS.tenant) & (lives.number == _OURS.number),
            isouter=True,
        )
        .where(_OURS.tenant == tenant)
    )  # fmt: skip
    if wanted.numbers:
        query = query.where(_OURS.number.in_(wanted.numbers))
    else:
        query = query.where(_OURS.requested_at.between(wanted.begin, wanted.end))
        if wanted.services:
            query = query.where(_OURS.service_code.in_(wanted.services))
        if not wanted.closed:
            query = query.where(states.state.not_in(_CLOSED))
        if not wanted.open:
            query = query.where(states.state.in_(_CLOSED))
    return query.order_by(_OURS.requested_at.desc(), _OURS.number.desc()).limit(wanted.limit)


def _ticket(row: Row[Any]) -> WebTicket:
    return WebTicket(
        row.number, row.service_code, row.description, row.address, row.address_id, row.lat,
        row.long, row.media_url, TicketState(row.state), row.unit, row.requested_at,
        int(row.updated_at.timestamp()), row.due,
    )  # fmt: skip
