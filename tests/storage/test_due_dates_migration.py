"""Due dates that the lists' own table had are found with the clocks; both stores."""

from typing import Any

from sqlalchemy import Connection, MetaData, Table, insert

from storage.ticket_lists import After, SqlTicketLists
from tests.storage.facts import opened
from tests.storage.migrated import migrated_from
from tickets.calendar import moment

LATER, SOONER, ANSWERED, CLOSED = (f"26112100000{n}" for n in range(1, 5))
DAY = 86_400
WAS = {
    LATER: ("IN_PROGRESS", 20 * DAY, 0),
    SOONER: ("DISPATCHED", 10 * DAY, 0),
    ANSWERED: ("CALLBACK", 15 * DAY, 14 * DAY),
    CLOSED: ("ARCHIVED", 12 * DAY, 11 * DAY),
}
"""State, due date of the finish clock, and when that ended."""


def _as_it_was(connection: Connection) -> None:
    metadata = MetaData()
    names = ("ticket_states", "ticket_clocks")
    states, clocks = (Table(name, metadata, autoload_with=connection) for name in names)
    for number, (state, due, stopped) in WAS.items():
        key: dict[str, Any] = {"tenant": "default", "number": number, "unit": "water"}
        listed = None if state == "ARCHIVED" else due
        row = {**key, "state": state, "due": listed, "version": 3, "head": number.encode()}
        connection.execute(insert(states), row)
        clock = {
            **key, "matter": "", "round": 1, "state": "", "started_at": DAY, "spans": "",
            "extended_days": 0, "statutory": "", "parent": "", "cap": 0, "term": 0, "fired": 0,
            "next_at": 0,
        }  # fmt: skip
        for name, at, ended in (("sign", 2 * DAY, DAY), ("finish", due, stopped)):
            mine = {"clock": name, "seq": 1, "due": at, "stopped_at": ended}
            connection.execute(insert(clocks), {**clock, **mine})


async def test_due_dates_of_before_are_listed(empty_sql_url: str) -> None:
    """Who waits for the citizen's word has nothing to finish; that it was due is still told."""
    await migrated_from(empty_sql_url, "0025", _as_it_was)
    async with opened(empty_sql_url) as database:
        lists = SqlTicketLists(database)
        every = {line.number: line for line in await lists.newest("default")}
        assert {number: line.due for number, line in every.items()} == {
            number: None if number == CLOSED else moment(due) for number, (_, due, _) in WAS.items()
        }
        assert {(line.unit, line.version) for line in every.values()} == {("water", 3)}
        pressing = await lists.due("default", "water")
        assert pressing == [every[SOONER], every[LATER]]
        after = After(SOONER, every[SOONER].due)
        assert await lists.due("default", "water", after=after) == [every[LATER]]
        assert await lists.newest("default", unit="water") == list(every.values())
