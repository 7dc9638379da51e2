"""Tickets from before they were found by keys are found by class, area, place and co-unit; both
stores."""

from typing import Any

from sqlalchemy import Connection, MetaData, Table, insert, select

from storage.codec import dump_new_ticket
from storage.desk_tables import ticket_keys
from storage.rows import ticket_row
from storage.ticket_finding import SqlTicketFinding
from tests.storage.facts import NOON, new_ticket, opened
from tests.storage.migrated import migrated_from
from tickets.desk_values import Wanted
from tickets.merge import merged

WEB, SPOKEN, PLAIN = "261121000001", "261121000002", "261121000003"
SUBMITTED = {
    "title": "停水",
    "class_code": "010101",
    "place": "翠竹园 3 栋",
    "place_code": "450103",
}
DISPATCHED = {"lead": "water", "co_units": ["roads"], "class_code": "040201"}
SAID = {
    "tenant": "default", "call_id": "n-2.2", "number": SPOKEN, "made_at": NOON, "language": "cmn",
    "kind": "help", "place": "西乡塘区", "place_code": "450107004", "topic": "050101",
    "topic_score": 0.9, "text": "", "callback": "", "danger": "", "confirmed": True, "review": [],
    "answers": [], "voice_path": "", "open": False, "version": 1, "reviewed_by": "",
}  # fmt: skip


def _as_it_was(connection: Connection) -> None:
    """Three tickets, as they were kept before 0015."""
    names = ("tickets", "ticket_events", "ticket_states", "ticket_lives", "spoken_requests")
    metadata = MetaData()
    tables = {name: Table(name, metadata, autoload_with=connection) for name in names}

    def put(name: str, **row: Any) -> None:
        connection.execute(insert(tables[name]), {"tenant": "default", **row})

    for n, number in enumerate((WEB, SPOKEN, PLAIN), 1):
        fact = new_ticket(f"n-{n}.{n}")
        put("tickets", **ticket_row(merged(number, [fact])))
        events = [("created", dump_new_ticket(fact))]
        if number == WEB:
            events += [("submitted", SUBMITTED), ("dispatched", DISPATCHED), ("signed", {})]
            life = {"state": "IN_PROGRESS", "lead": "water", "co_units": ["roads"], "seq": 4}
            put("ticket_lives", number=number, life=life)
        for seq, (event, data) in enumerate(events, 1):
            put("ticket_events", number=number, seq=seq, at=NOON, event=event, data=data)
        put("ticket_states", number=number, state="DRAFT", unit="", version=len(events), head=b"x")
    put("spoken_requests", **SAID)


async def test_tickets_of_before_are_found_by_what_was_said_of_them(empty_sql_url: str) -> None:
    """The last word on the class holds; a ticket nothing was said of is found by nothing."""
    await migrated_from(empty_sql_url, "0014", _as_it_was)
    async with opened(empty_sql_url) as database:
        finding = SqlTicketFinding(database)

        async def found(*keys: str) -> list[str]:
            page = await finding.find("default", Wanted(keys=keys))
            return [one.ticket.number for one in page.tickets]

        assert await found("class:04") == await found("class:0402", "class:040201") == [WEB]
        assert await found("class:01") == []
        assert await found("class:050101") == [SPOKEN]
        assert await found("area:450103") == [WEB]
        assert await found("area:450107") == await found("area:450107004") == [SPOKEN]
        assert await found("place:翠竹园3栋") == [WEB]
        assert await found("place:西乡塘区") == [SPOKEN]
        assert await found("co:roads") == [WEB]
        query = select(ticket_keys.c.number).distinct()
        numbers = await database.read(lambda c: c.execute(query).scalars().all())
        assert sorted(numbers) == [WEB, SPOKEN]
