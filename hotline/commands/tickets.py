"""`hotline tickets`: reads SQL itself, with or without a running engine."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from hotline.commands.common import JsonOption, TenantOption, chosen, print_json, print_table
from hotline.errors import BadRequest, NotAsWritten
from hotline.store import with_store
from storage.database import Database
from storage.events import Kept
from storage.life_rows import dump_life
from storage.lives import SqlLives
from storage.tickets import SqlTickets
from storage.verify import Finding, Looked, verify
from tickets.errors import UnknownTicket
from tickets.life import Life
from tickets.model import Ticket
from tickets.number import is_number

app = typer.Typer(help="Tickets (工单).", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `list` a word of its own, however few commands there are."""


@app.command("list")
def list_tickets(
    tenant: TenantOption = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="how many, newest first")] = 50,
    before: Annotated[str, typer.Option(help="only numbers below this one (next page)")] = "",
    as_json: JsonOption = False,
) -> None:
    """The newest tickets."""
    settings, city = chosen(tenant)
    if before and not is_number(before):
        raise BadRequest(f"--before {before!r} is no ticket number, such as 261121000042")
    zones = {t.id: ZoneInfo(t.time_zone) for t in settings.tenants}

    async def read(database: Database) -> list[Ticket]:
        store = SqlTickets(database, zones)
        return list(await store.list(city.id, limit=limit, before=before))

    found = with_store(settings, read)
    if as_json:
        print_json([_plain(ticket) for ticket in found])
        return
    columns = ("number", "made", "origin", "state", "line", "unit", "called", "caller", "seat")
    print_table(columns, [_row(ticket, zones[city.id]) for ticket in found])


@app.command("history")
def show_history(
    number: Annotated[str, typer.Argument(help="the ticket's number")],
    tenant: TenantOption = "",
    as_of: Annotated[
        int, typer.Option("--as-of", min=0, help="show what held after this event; 0: now")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Everything that happened to a ticket, and what it has come to."""
    settings, city = chosen(tenant)
    zone = ZoneInfo(city.time_zone)

    async def read(database: Database) -> tuple[Sequence[Kept], Life]:
        lives = SqlLives(database)
        return await lives.history(city.id, number), await lives.life(city.id, number, seq=as_of)

    try:
        events, life = with_store(settings, read)
    except UnknownTicket as error:
        raise BadRequest(str(error)) from error
    if as_json:
        print_json({"life": dump_life(life), "events": [_event(kept) for kept in events]})
        return
    columns = ("", "at", "event", "by", "role", "unit", "state", "data")
    print_table(columns, [_event_row(kept, zone) for kept in events])
    print_table(("after event", "holds"), [(str(life.seq), k) for k in _told_life(life)])


def _event(kept: Kept) -> dict[str, Any]:
    told = kept.told
    return {
        "seq": kept.seq, "at": told.at.isoformat(), "event": told.event, "by": told.actor.id,
        "role": told.actor.role, "unit": told.actor.unit, "state": kept.state, "key": kept.key,
        "data": told.data, "hash": (kept.hash or b"").hex(),
    }  # fmt: skip


def _event_row(kept: Kept, zone: ZoneInfo) -> tuple[str, ...]:
    told = kept.told
    data = {} if told.event in ("created", "merged") else told.data
    return (
        str(kept.seq), f"{told.at.astimezone(zone):%Y-%m-%d %H:%M:%S}", told.event,
        told.actor.id, told.actor.role, told.actor.unit or "-", kept.state,
        " ".join(f"{name}={value}" for name, value in data.items()) or "-",
    )  # fmt: skip


def _told_life(life: Life) -> list[str]:
    known = dump_life(life).items()
    return [f"{name} = {_listed(value)}" for name, value in known if name != "seq"]


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


@app.command("verify")
def verify_tickets(
    tenant: TenantOption = "",
    noted: Annotated[
        list[str] | None, typer.Option(help="a seal noted earlier, N:HASH; may be repeated")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look whether all tickets' histories and seals are as they were written; 1 when not."""
    settings, city = chosen(tenant)
    looked, known = Looked(), [_seal(one) for one in noted or ()]

    async def read(database: Database) -> list[Finding]:
        return [finding async for finding in verify(database, city.id, looked, known)]

    findings = with_store(settings, read)
    if as_json:
        print_json({**asdict(looked), "findings": [asdict(finding) for finding in findings]})
    else:
        rows: list[tuple[str, ...]] = [
            (f.number or "seal", str(f.seq or "-"), f.what) for f in findings
        ]
        if rows:
            print_table(("ticket", "event", "finding"), rows)
        print_table(
            ("tickets", "events", "seals", "last seal"),
            [(str(looked.tickets), str(looked.events), str(looked.seals), looked.last_seal or "-")],
        )
    if findings:
        raise NotAsWritten(
            f"{len(findings)} findings: histories of {city.id} are not as they were written"
        )


def _seal(text: str) -> tuple[int, str]:
    n, _, digest = text.partition(":")
    if not n.isdecimal() or len(digest) != 64:
        raise BadRequest(f"{text!r} is no seal: give its number, a colon and its hash")
    return int(n), digest.lower()


def _plain(ticket: Ticket) -> dict[str, Any]:
    return asdict(ticket, dict_factory=lambda pairs: {k: _value(v) for k, v in pairs})


def _value(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _row(ticket: Ticket, zone: ZoneInfo) -> tuple[str, ...]:
    facts = ticket.facts
    return (
        ticket.number,
        f"{ticket.created_at.astimezone(zone):%m-%d %H:%M:%S}",
        ticket.origin,
        ticket.state,
        facts.line_id,
        facts.unit,
        facts.called_number,
        facts.caller_raw or "anonymous",
        ticket.seat_id or "-",
    )


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="tickets")
