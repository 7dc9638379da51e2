"""The outages: how a part is taken away, and where that must show meanwhile."""

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from recordings.disk import LOW_BYTES
from tests.e2e.installation import Installation
from tests.servers import PostgresServer, free_port
from tests.telephony.wire import Wire

KILL_EVERY_S = 20.0
DISK_BYTES = LOW_BYTES + 160 * 2**20
"""A little more than what counts as low, once an installation lies there."""
FILLER = "soak.filler"
TOLD_S = 20.0
CONNECTED = "manager show connected"


@dataclass(frozen=True, slots=True)
class House:
    """What is broken: an installation, the PostgreSQL it stores in (None: SQLite), and the wire to
    its manager (None: nothing is in between)."""

    hotline: Installation
    postgres: PostgresServer | None
    wire: Wire | None

    @property
    def sql(self) -> PostgresServer:
        """Its PostgreSQL."""
        assert self.postgres is not None
        return self.postgres

    @property
    def manager(self) -> Wire:
        """The wire to its manager."""
        assert self.wire is not None
        return self.wire


@asynccontextmanager
async def redis_away(house: House) -> AsyncIterator[None]:
    """Redis is stopped, and started again."""
    await asyncio.to_thread(house.hotline.supervisorctl, "stop", "redis")
    yield
    await asyncio.to_thread(house.hotline.supervisorctl, "start", "redis")


@asynccontextmanager
async def sql_away(house: House) -> AsyncIterator[None]:
    """PostgreSQL is stopped, and started again."""
    await asyncio.to_thread(house.sql.stop)
    yield
    await asyncio.to_thread(house.sql.start)


@asynccontextmanager
async def both_frozen(house: House) -> AsyncIterator[None]:
    """PostgreSQL and Redis keep their connections and answer nothing."""
    redis = house.hotline.part("redis")
    redis.suspend()
    house.sql.freeze()
    try:
        yield
    finally:
        house.sql.thaw()
        redis.resume()


@asynccontextmanager
async def disk_full(house: House) -> AsyncIterator[None]:
    """Not a byte is free where the home lies."""
    filler = house.hotline.home / FILLER
    await asyncio.to_thread(_fill, filler, 64 * 2**20)  # low: there is room to say so
    await asyncio.to_thread(
        house.hotline.wait,
        lambda: _logged(house.hotline, "disk_low"),
        "a word of it",
        seconds=TOLD_S,
    )
    await asyncio.to_thread(_fill, filler, 0)
    try:
        yield
    finally:
        filler.unlink()


@asynccontextmanager
async def engine_killed(house: House) -> AsyncIterator[None]:
    """The engine is killed, and killed again each time it has settled."""

    async def again() -> None:
        while True:
            try:
                await asyncio.to_thread(house.hotline.kill, "engine")
            except (psutil.NoSuchProcess, ValueError):
                await asyncio.sleep(1)  # it is just being started
            else:
                await asyncio.sleep(KILL_EVERY_S)

    killing = asyncio.create_task(again())
    try:
        yield
    finally:
        killing.cancel()
        await asyncio.wait({killing})


@asynccontextmanager
async def ami_cut(house: House) -> AsyncIterator[None]:
    """The manager's connections end, and no other is taken."""
    await house.manager.cut()
    yield
    await house.manager.mend()


@asynccontextmanager
async def ami_hung(house: House) -> AsyncIterator[None]:
    """The manager keeps its connections, takes every other, and says nothing."""
    house.manager.hang()
    yield
    await house.manager.mend()


@asynccontextmanager
async def manager_wire(hotline: Installation) -> AsyncIterator[Wire]:
    """The engine reaches Asterisk's manager over a wire from now on. To be done before the first
    call: reloading the manager under calls may lock Asterisk up (decision 0339)."""
    port, elsewhere = int(hotline.environment["HOTLINE_AMI_PORT"]), free_port()
    conf = hotline.home / "etc" / "asterisk" / "manager.conf"
    conf.write_text(conf.read_text().replace(f"port = {port}\n", f"port = {elsewhere}\n", 1))
    await asyncio.to_thread(hotline.asterisk, "module reload manager")
    async with Wire(elsewhere, port) as wire:
        for line in (await asyncio.to_thread(hotline.asterisk, CONNECTED)).splitlines():
            words = line.split()
            if words[:1] == ["hotline"] and len(words) > 4:
                await asyncio.to_thread(hotline.asterisk, f"manager kick session {words[4]}")
        await asyncio.to_thread(hotline.wait, lambda: _heard(hotline, wire), "the manager")
        yield wire


@dataclass(frozen=True, slots=True)
class Outage:
    """`down` are the parts that /readyz must call away meanwhile ("engine": it doesn't answer) and
    then back, each `told_within_s`; `told` the log's words for the beginning and the end."""

    name: str
    says: str
    breaks: Callable[[House], AbstractAsyncContextManager[None]]
    down: tuple[str, ...]
    told: tuple[tuple[str, str], ...]
    postgres: bool = True
    small_disk: bool = False
    wire: bool = False
    told_within_s: float = 15.0

    @property
    def possible(self) -> bool:
        """Whether this user can bring it about: a small disk is mounted by root only."""
        return not self.small_disk or os.geteuid() == 0


REDIS_TOLD = ("live_state_away", "live_state_up")
SQL_TOLD = ("database_away", "database_back")
AMI_TOLD = ("ami_link_down", "ami_link_up")
OUTAGES = (
    Outage("redis", "Redis away", redis_away, ("redis",), (REDIS_TOLD,)),
    Outage("sql", "PostgreSQL away", sql_away, ("sql",), (SQL_TOLD,)),
    Outage("both", "Redis and PostgreSQL frozen", both_frozen, ("redis", "sql"),
           (REDIS_TOLD, SQL_TOLD)),
    Outage("disk", "disk of the home full (SQLite)", disk_full, ("disk",),
           (("disk_low", "disk_has_room"),), postgres=False, small_disk=True),
    Outage("engine", "engine killed every 20 s", engine_killed, ("engine",),
           (("engine_started", "figures_restored"),)),
    Outage("ami", "AMI cut", ami_cut, ("ami",), (AMI_TOLD,), wire=True),
    Outage("hung", "AMI takes connections and says nothing", ami_hung, ("ami",), (AMI_TOLD,),
           wire=True, told_within_s=25.0),
)  # fmt: skip


@asynccontextmanager
async def small_disk(folder: Path, bytes_: int = DISK_BYTES) -> AsyncIterator[None]:
    """A small file system of its own where a new home lies; what is there already stays."""
    kept = {file.name: file.read_bytes() for file in folder.iterdir()}
    mount = ["mount", "-t", "tmpfs", "-o", f"size={bytes_},mode=755", "tmpfs", str(folder)]
    await asyncio.to_thread(subprocess.run, mount, check=True)
    for name, content in kept.items():
        (folder / name).write_bytes(content)
    try:
        yield
    finally:
        await asyncio.to_thread(subprocess.run, ["umount", "-l", str(folder)], check=True)


def _fill(file: Path, left: int) -> None:
    """Leave so many bytes free."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        while (free := shutil.disk_usage(file.parent).free - left) > 0:
            with contextlib.suppress(OSError):  # somebody else was faster: less is left
                os.write(handle, bytes(min(free, 2**20)))
    finally:
        os.close(handle)


def _logged(hotline: Installation, event: str) -> bool:
    return f'"{event}"' in (hotline.home / "log" / "engine.log").read_text(errors="replace")


def _heard(hotline: Installation, wire: Wire) -> bool:
    return wire.taken > 1 and bool(hotline.readiness()["parts"]["ami"]["up"])
