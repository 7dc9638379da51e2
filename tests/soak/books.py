"""What the hotline wrote down about the crowd, asked at the end; each question has one answer."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from storage.database import Database
from tests.e2e.installation import Installation
from tests.soak.crowd import Kind, Made

WITH_TICKET = frozenset({"answered", "abandoned", "voice_request", "callback"})
EXPECTED: Mapping[Kind, frozenset[str]] = {
    Kind.TALKS: frozenset({"answered"}),
    Kind.GIVES_UP: frozenset({"abandoned", "answered", "left_early"}),
    Kind.REQUEST: frozenset({"voice_request"}),
    Kind.EARLY: frozenset({"left_early", "abandoned"}),
}
"""An early one who left while no engine was there may have been in the queue for all anyone knows:
he gets a ticket rather than none."""
FAULTS = frozenset({
    "task_failed", "talk_task_failed", "intake_failed", "writer_failed", "ticket_draft_failed",
    "journal_line_rejected", "live_state_writer_failed", "database_unusable", "figures_dropped",
    "spool_item_rejected", "ami_event_not_taken", "ghost_call_ended",
})  # fmt: skip
_ROWS = """SELECT caller_raw AS caller, call_id, outcome, queued_at IS NOT NULL AS queued,
           answered_at IS NOT NULL AS talked FROM calls"""
_TICKETS = "SELECT caller_raw AS caller, call_id, number, origin FROM tickets"
_FIGURES = """SELECT SUM(offered) AS offered, SUM(answered) AS answered,
              SUM(abandoned) AS abandoned, SUM(talks) AS talks, SUM(wrap_ups) AS wrap_ups
              FROM call_figures WHERE dimension = 'queue'"""
_PENDING = "SELECT status, COUNT(*) AS n FROM recordings GROUP BY status"


@dataclass(frozen=True, slots=True)
class Books:
    """Rows as they stand."""

    calls: Sequence[Mapping[str, Any]]
    tickets: Sequence[Mapping[str, Any]]
    figures: Mapping[str, int]
    recordings: Mapping[str, int]


async def read_books(url: str) -> Books:
    """All of it in one reading."""
    database = Database(url, deadline_s=20)
    try:
        return await database.read(_read)
    finally:
        await database.close()


def _read(connection: Connection) -> Books:
    def rows(query: str) -> list[dict[str, Any]]:
        return [dict(row) for row in connection.execute(text(query)).mappings()]

    (figures,) = rows(_FIGURES)
    return Books(
        rows(_ROWS),
        rows(_TICKETS),
        {name: int(value or 0) for name, value in figures.items()},
        {str(row["status"]): int(row["n"]) for row in rows(_PENDING)},
    )


def settled(books: Books, made: Sequence[Made], hotline: Installation) -> bool:
    """Whether everything that will come has come."""
    written = books.figures["wrap_ups"] >= sum(bool(row["talked"]) for row in books.calls)
    return (
        len(books.calls) >= sum(call.answered for call in made)
        and written
        and not waiting_facts(hotline)
        and "pending" not in books.recordings
    )


def waiting_facts(hotline: Installation) -> list[str]:
    """Files of facts that haven't reached SQL."""
    home = hotline.home
    left = [*home.glob("journal/*.jsonl"), *home.glob("journal/rejected/*")]
    left += [*home.glob("spool/incoming/*")]
    return [str(file.relative_to(home)) for file in left if file.stat().st_size]


def wrong_rows(books: Books, made: Sequence[Made]) -> list[str]:
    """Calls that have no row, or two, or an outcome that can't be."""
    found = Counter(str(row["caller"]) for row in books.calls)
    outcome = {str(row["caller"]): str(row["outcome"]) for row in books.calls}
    wrong = [f"{c.caller}: {found[c.caller]} rows" for c in made if found[c.caller] != 1]
    wrong += [
        f"{c.caller} {c.kind}: {outcome[c.caller]}"
        for c in made
        if c.caller in outcome and outcome[c.caller] not in EXPECTED[c.kind]
    ]
    known = {call.caller for call in made}
    return wrong + [f"{caller}: a row of nobody's call" for caller in found.keys() - known]


def wrong_tickets(books: Books) -> list[str]:
    """Calls whose tickets aren't exactly what their outcome asks for."""
    found = Counter(str(row["call_id"]) for row in books.tickets)
    wrong = []
    for row in books.calls:
        wanted = int(row["outcome"] in WITH_TICKET)
        if (there := found.pop(str(row["call_id"]), 0)) != wanted:
            wrong.append(f"{row['caller']} {row['outcome']}: {there} tickets")
    return wrong + [f"{call_id}: {n} tickets without a row" for call_id, n in found.items()]


def wrong_figures(books: Books) -> list[str]:
    """Counters that differ from what the rows add up to."""
    rows = [row for row in books.calls if row["queued"]]
    wanted = {
        "offered": len(rows),
        "answered": sum(row["outcome"] == "answered" for row in rows),
        "abandoned": sum(row["outcome"] == "abandoned" for row in rows),
    }
    # of a talk that ended while no engine was there nobody knows how long it was
    wanted["talks"] = wanted["wrap_ups"] = sum(bool(row["talked"]) for row in rows)
    seen = books.figures
    return [f"{n} {seen[n]}, rows say {wanted[n]}" for n in wanted if seen[n] != wanted[n]]


def log_lines(hotline: Installation) -> list[Mapping[str, Any]]:
    """The engine's log, all lives of it."""
    found: list[Mapping[str, Any]] = []
    for file in sorted(hotline.home.glob("log/engine.log*"), reverse=True):
        for line in file.read_text(errors="replace").splitlines():
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if isinstance(told, dict):
                found.append(told)
    return found


def faults(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """What no outage may bring about: tasks that failed, facts that were refused."""
    bad = [line for line in lines if line.get("event") in FAULTS or "exception" in line]
    return [f"{event} ({n})" for event, n in Counter(str(b["event"]) for b in bad).items()]


async def until_settled(
    url: str, made: Sequence[Made], hotline: Installation, within_s: float
) -> Books:
    """The books once nothing more is to come, or as they are after `within_s`."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        books = await read_books(url)
        if settled(books, made, hotline) or loop.time() > deadline:
            return books
        await asyncio.sleep(1)
