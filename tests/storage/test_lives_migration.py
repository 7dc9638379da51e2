"""Tickets from before there were chains get theirs, and go on living; both stores."""

from sqlalchemy import Connection, MetaData, Table, insert

from storage.codec import dump_new_ticket
from storage.rows import ticket_row
from storage.seals import Sealer
from storage.verify import Looked, verify
from tests.storage.facts import NOON, new_ticket, opened
from tests.storage.migrated import migrated_from
from tests.storage.test_lives import Desk
from tickets.merge import merged
from tickets.model import Origin, TicketState


def _as_it_was(connection: Connection) -> None:
    """A ticket of two facts, as it was kept then."""
    facts = [
        new_ticket(origin=Origin.ABANDONED),
        new_ticket(origin=Origin.VOICE_REQUEST, voice_path="v.wav", seat_id="801"),
    ]
    metadata = MetaData()
    tickets, events = (
        Table(name, metadata, autoload_with=connection) for name in ("tickets", "ticket_events")
    )
    row = ticket_row(merged("261121000001", facts))
    if connection.dialect.name == "sqlite":
        row |= {"notes": list(row["notes"])}
    connection.execute(insert(tickets), row)
    for seq, (event, new) in enumerate(zip(("created", "merged"), facts, strict=True), 1):
        told = {
            "tenant": "default", "number": "261121000001", "seq": seq, "at": NOON,
            "event": event, "data": dump_new_ticket(new),
        }  # fmt: skip
        connection.execute(insert(events), told)


async def test_a_ticket_of_before_gets_its_chain_and_lives_on(empty_sql_url: str) -> None:
    await migrated_from(empty_sql_url, "0007", _as_it_was)
    async with opened(empty_sql_url) as database:
        await Sealer(database, lambda: NOON).seal()
        looked = Looked()
        assert [finding async for finding in verify(database, "default", looked)] == []
        assert (looked.tickets, looked.events, looked.seals) == (1, 2, 1)
        desk = Desk(database)
        ticket = await desk.tickets.get("default", "261121000001")
        assert (ticket.state, ticket.version) == (TicketState.PENDING_REVIEW, 2)
        life = await desk.through("261121000001", "dispatched", "signed")
        assert (life.state, life.seq) == (TicketState.IN_PROGRESS, 4)
