"""A writer that is killed in the middle: what it said was kept is there, every chain is whole."""

import asyncio
import signal
import sys

from sqlalchemy import func, select

from storage.life_tables import ticket_states
from storage.lives import SqlLives
from storage.seals import Sealer
from storage.tables import tickets
from storage.verify import Looked, verify
from tests.storage.facts import NOON, opened

WRITER = """
import asyncio, sys
import storage.sqlite_log
from storage.lives import Command, SqlLives
from storage.seals import Sealer
from storage.tickets import SqlTickets
from tests.storage.facts import NOON, ZONES, new_ticket, opened
from tests.tickets.lives import told
from tickets.life import Role
from tickets.model import Origin

storage.sqlite_log.ROWS = 30  # the log is being taken over all the time: then, too, it may die

async def one(tickets, lives, n):
    new = new_ticket(f"c{n}", origin=Origin.VOICE_REQUEST)
    number = (await tickets.create(new)).number
    for event in ("dispatched", "noted", "noted", "noted"):
        life = await lives.tell(Command("default", number, told(event, Role.REVIEWER)))
        print("kept", number, life.seq, flush=True)

async def main(url):
    async with opened(url, deadline_s=20.0) as database:
        sealing = asyncio.create_task(Sealer(database, lambda: NOON).run(0.05))
        tickets, lives = SqlTickets(database, ZONES), SqlLives(database)
        for n in range(0, 100_000, 10):
            await asyncio.gather(*(one(tickets, lives, m) for m in range(n, n + 10)))

asyncio.run(main(sys.argv[1]))
"""


async def test_what_was_acknowledged_survives_the_death_of_its_writer(sql_url: str) -> None:
    async with opened(sql_url):
        pass  # the schema is there
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, sql_url, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    said = [await process.stdout.readline() for _ in range(150)]
    process.send_signal(signal.SIGKILL)
    said += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    acknowledged: dict[str, int] = {}
    for line in said:
        if line.startswith(b"kept ") and line.endswith(b"\n"):
            _, number, seq = line.split()
            acknowledged[number.decode()] = int(seq)
    async with opened(sql_url) as database:
        lives = SqlLives(database)
        for number, seq in acknowledged.items():
            history = await lives.history("default", number)
            assert len(history) >= seq, number
        await Sealer(database, lambda: NOON).seal()
        looked = Looked()
        assert [finding async for finding in verify(database, "default", looked)] == []
        assert looked.tickets >= len(acknowledged) > 20
        assert looked.seals >= 1
        counts = [
            await database.read(
                lambda c, t=table: c.execute(select(func.count()).select_from(t)).scalar_one()
            )
            for table in (tickets, ticket_states)
        ]
        assert counts[0] == counts[1]
