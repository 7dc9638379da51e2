"""Who waits, on the disk: so that a power cut that takes Asterisk and engine together loses nobody.

A dead engine alone loses no caller: his channel knows all, Asterisk holds him. When the channel is
gone, too, nobody tells of him but this file: every few seconds, while anybody waits, those who have
been put on hold are written down, each with the ticket and the row that his giving up would leave.
The next engine looks at Asterisk's first snapshot: who isn't there, and has no ticket, gets them,
and is called back. Who is served at once is never written.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from ivr.ending import record_of, ticket_of
from ivr.ports import CallLog, Clock, Tickets
from ivr.story import Story
from storage.codec import dump_call_record, dump_new_ticket, load_call_record, load_new_ticket
from storage.files import write_whole
from telephony.events import Event, SnapshotTaken
from tickets.errors import StoreAway, UnknownTicket
from tickets.model import CallRecord, NewTicket, Ticket

WRITE_EVERY_S = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Left:
    """What a caller leaves if nothing is heard of him any more."""

    ticket: NewTicket
    record: CallRecord


class WhoWaits:
    """`waiting` are the stories of those on hold, by call id; `ticket_of_call` finds the ticket of
    a call (UnknownTicket, StoreAway)."""

    def __init__(
        self,
        file: Path,
        waiting: Mapping[str, Story],
        clock: Clock,
        tickets: Tickets,
        call_log: CallLog,
        ticket_of_call: Callable[[str, str], Awaitable[Ticket]],
    ) -> None:
        self._file = file
        self._waiting = waiting
        self._clock = clock
        self._tickets = tickets
        self._call_log = call_log
        self._ticket_of_call = ticket_of_call
        self._lines: dict[str, bytes] = {}
        self._written: frozenset[str] = frozenset()
        self._before = self._read()
        self._asked = False

    async def run(self) -> None:
        """Write down who waits, for ever."""
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            await self.write()

    async def write(self) -> None:
        """Once, when somebody came or went since the last time. Those of the engine before us stay
        in it until it is known what became of them."""
        now_there = frozenset(self._waiting)
        if now_there == self._written:
            return
        fresh = {
            call_id: left
            for call_id in now_there - self._lines.keys()
            if (left := self._left(self._waiting[call_id])) is not None
        }
        try:
            await asyncio.to_thread(self._put, now_there, fresh)
            self._written = now_there
        except OSError as error:
            log.warning("waiting_not_written", reason=str(error))

    def taken(self, event: Event) -> Coroutine[Any, Any, None] | None:
        """What is to be done about an event of `telephony`, if anything is."""
        if not isinstance(event, SnapshotTaken) or self._asked:
            return None
        self._asked = True
        return self.restore({channel.call_id for channel in event.channels})

    async def restore(self, alive: Collection[str]) -> None:
        """Of those who waited when the last engine died: who isn't `alive` in Asterisk, and has no
        ticket, gets one to be called back. Until all have, they stay in the file."""
        for call_id, (left, seen_at) in self._before.items():
            if call_id in alive or await self._has_ticket(left.ticket):
                continue
            ticket = await self._tickets.create(left.ticket)
            await self._call_log.record(replace(left.record, ended_at=seen_at, ticket=ticket))
            log.warning("waiting_caller_lost", call_id=call_id, ticket=ticket)
        self._before = {}
        self._written = frozenset({""})  # whoever waits: those of before are written no more

    def _left(self, story: Story) -> Left | None:
        """None for one who leaves no ticket of his own (a callback goes on by itself)."""
        now = self._clock.now()
        ticket = ticket_of(story, now)
        return None if ticket is None else Left(ticket, record_of(story, now))

    async def _has_ticket(self, ticket: NewTicket) -> bool:
        try:
            await self._ticket_of_call(ticket.facts.tenant, ticket.facts.call_id)
        except (UnknownTicket, StoreAway):
            return False
        return True

    def _put(self, there: Collection[str], fresh: Mapping[str, Left]) -> None:
        """In a thread: encoding is most of the work."""
        for call_id in self._lines.keys() - there:
            del self._lines[call_id]
        for call_id, left in fresh.items():
            self._lines[call_id] = _line(left)
        kept = [_line(left) for left, _ in self._before.values()]
        write_whole(self._file, b"\n".join([*kept, *self._lines.values()]))

    def _read(self) -> dict[str, tuple[Left, datetime]]:
        """What the engine before us wrote, and when; a line that can't be read is told."""
        found: dict[str, tuple[Left, datetime]] = {}
        try:
            text = self._file.read_text(encoding="utf-8")
            seen_at = datetime.fromtimestamp(self._file.stat().st_mtime, UTC)
        except FileNotFoundError:
            return found
        except OSError as error:
            log.error("waiting_not_read", reason=str(error))
            return found
        for line in text.splitlines():
            try:
                told: dict[str, Any] = json.loads(line)
                left = Left(load_new_ticket(told["ticket"]), load_call_record(told["record"]))
                found[left.record.facts.call_id] = (left, seen_at)
            except (ValueError, KeyError, TypeError) as error:
                log.error("waiting_line_unreadable", reason=type(error).__name__)
        return found


def _line(left: Left) -> bytes:
    """Encoded at once: it is kept as long as he waits, and as text takes twice as much."""
    ticket, record = dump_new_ticket(left.ticket), dump_call_record(left.record)
    return json.dumps({"ticket": ticket, "record": record}, ensure_ascii=False).encode()
