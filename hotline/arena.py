"""The benchmark's private installation: one Asterisk, two ways to distribute its calls.

`simulator.bench_calls` says what is called and measured; here the parts are started and stopped.
Only what a side needs runs while it is measured: at a change of sides Asterisk is started anew,
with app_queue and its CDR or without, and the engine with its Redis is stopped or started.
"""

import asyncio
import contextlib
import json
import os
import random
import secrets
import shutil
import signal
import socket
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import psutil

from asterisk_conf.model import SeatEndpoint
from asterisk_conf.render import render
from hotline import api, arena_bare, arena_files, huge_pages, parts, secrets_kept, supervision
from hotline.errors import EngineAway, PartsFailed
from hotline.layout import lay_out
from hotline.loading import load_settings
from hotline.parts import Part
from hotline.prepare import digest, installation, prepare
from hotline.settings import PROJECT, Settings
from queue_manager.model import Seat
from simulator.bench_plan import Plan, Side
from simulator.load import Crowd
from simulator.seats import Account, register
from simulator.sipp import Address, free_port
from storage.database import Database
from storage.seats import SqlSeats

TENANT, NUMBER = "bench", "12345"
ENGINE_TRUNK_IP, SEATS_IP = "127.0.0.2", "127.0.0.3"
FIRST_SEAT = 1001
REGISTERED_S = 7200
RTP_START, RTP_END = 20480, 24575
SKILLS = {"lang:cmn": 5, "svc:general": 5}
NAMES = ("SIP", "HTTP", "AMI", "AGI")
PORTS = range(10_500, 15_000)
UP_S = 60.0
STOP_S = 15.0
MB = 1_000_000
RECOGNISER = "ivr.speech.worker"
"""A recogniser's process: its memory is counted by `bench speech`, for each caller who speaks."""


class BenchArena:
    """`simulator.bench_calls.Arena` on real parts; made by `arena`."""

    def __init__(self, settings: Settings, plan: Plan) -> None:
        self._settings = settings
        self._plan = plan
        self._side: Side | None = None
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._log_from: dict[str, int] = {}
        self._phones = Address(SEATS_IP, free_port(SEATS_IP))
        self._seats = [str(FIRST_SEAT + index) for index in range(plan.seats)]
        self._accounts = [Account(number, secrets.token_hex(8)) for number in self._seats]

    async def start(self) -> None:
        """Make the home, its database with all seats, and register the seats' telephones."""
        await asyncio.to_thread(lay_out, self._settings)
        await prepare(self._settings)
        await self._add_seats()
        home = self._settings.folders
        cdr = home.log / "asterisk" / "master.db"  # where cdr_sqlite3_custom always writes
        await asyncio.to_thread(cdr.symlink_to, home.inside(home.database))
        await self._start_asterisk(())
        sip = Address(self._settings.sip_bind, self._settings.sip_port)
        folder = self._settings.folders.root.parent
        await register(self._accounts, self._phones, sip, folder, expires_s=REGISTERED_S)

    async def stop(self) -> None:
        """End every part, by its process id."""
        for name in reversed(list(self._running)):
            await self._stop(name)

    async def switch(self, side: Side, seats: int) -> Crowd:
        """See `Arena.switch`."""
        if side is not self._side:
            await self._to(side)
            self._side = side
        sip = Address(self._settings.sip_bind, self._settings.sip_port)
        match side:
            case Side.ENGINE:
                await asyncio.to_thread(self._let_work, seats)
            case Side.APP_QUEUE | Side.BARE_APP_QUEUE:
                return Crowd(arena_files.TRUNK_IP, self._queue(seats), sip, self._phones)
        return Crowd(ENGINE_TRUNK_IP, NUMBER, sip, self._phones)

    def start_over(self) -> None:
        """See `Arena.start_over`."""
        self._side = None

    def _queue(self, seats: int) -> str:
        """app_queue's queue with so many members."""
        if seats == 0:
            return arena_files.EMPTY_QUEUE
        return arena_files.ALL_QUEUE if seats == self._plan.seats else arena_files.FEW_QUEUE

    def cpu_s(self, side: Side) -> Mapping[str, float]:
        """Asterisk's CPU; for the engine's sides with the engine's and its Redis's."""
        names = {
            Side.ENGINE: ("asterisk", "engine", "redis"),
            Side.BARE_ENGINE: ("asterisk", "engine"),
        }.get(side, ("asterisk",))
        return {name: sum(_cpu_s(p) for p in self._family(name)) for name in names}

    def engine_rss_mb(self) -> float:
        """See `Arena.engine_rss_mb`."""
        ours = (p for p in self._family("engine") if RECOGNISER not in p.cmdline())
        return sum(process.memory_info().rss for process in ours) / MB

    async def rows(self, side: Side) -> int:
        """Calls in the engine's call log, or app_queue's answered CDRs."""
        calls = "SELECT count(*) FROM calls"
        cdrs = f"SELECT count(DISTINCT call_id) FROM {arena_files.CDR_TABLE}"  # noqa: S608 - our constant
        return await asyncio.to_thread(self._count, calls if side is Side.ENGINE else cdrs)

    async def channels(self) -> int:
        """See `Arena.channels`."""
        lines = (await self._asterisk("core show channels count")).splitlines()
        return next(int(line.split()[0]) for line in lines if "active channel" in line)

    async def waiting(self) -> int:
        """See `Arena.waiting`."""
        told = await asyncio.to_thread(api.ask, self._settings, "/api/v1/status")
        return next(int(t["waiting"]) for t in told["tenants"] if t["tenant"] == TENANT)

    async def _to(self, side: Side) -> None:
        for name in ("engine", "redis", "asterisk"):
            await self._stop(name)
        match side:
            case Side.ENGINE:
                await self._to_engine()
            case Side.BARE_ENGINE:
                await self._to_bare_engine()
            case _:
                await self._to_app_queue(bare=side is Side.BARE_APP_QUEUE)

    async def _to_bare_engine(self) -> None:
        """Doors and matcher alone: no Redis, no database, no pages."""
        await self._start_asterisk(())
        await self._start(parts.bare_engine(self._settings))
        if not await self._says("engine", arena_bare.READY, within_s=UP_S):
            raise PartsFailed(f"the bare engine isn't ready: {self._last_words('engine')}")

    async def _to_engine(self) -> None:
        await self._start_asterisk(())
        await self._start(parts.redis(self._settings))
        await self._start(parts.engine(self._settings))
        await self._until_ready()
        always = {"line": "", "mode": "open"}
        path = f"/api/v1/tenants/{TENANT}/hours"
        await asyncio.to_thread(api.ask, self._settings, path, method="PUT", body=always)
        await self._says("engine", huge_pages.SETTLED, within_s=self._plan.settle_s)

    async def _says(self, name: str, words: str, *, within_s: float) -> bool:
        """Wait until a part has said these words since it was started; whether it has in time."""
        deadline = asyncio.get_running_loop().time() + within_s
        while words not in await asyncio.to_thread(self._said, name):
            self._family(name)
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(0.2)
        return True

    def _said(self, name: str) -> str:
        with self._log(name).open("rb") as log:
            log.seek(self._log_from[name])
            return log.read().decode(errors="replace")

    def _log(self, name: str) -> Path:
        return self._settings.folders.log / f"{name}.log"

    async def _to_app_queue(self, *, bare: bool) -> None:
        await self._start_asterisk(arena_files.extra_files(self._seats, self._plan.few, bare=bare))
        queue = await self._asterisk(f"queue show {arena_files.ALL_QUEUE}")
        if f"PJSIP/{self._seats[-1]}" not in queue:
            raise PartsFailed(f"app_queue doesn't know the seats: {queue[:200]}")

    async def _start_asterisk(self, extra: tuple[tuple[str, str], ...]) -> None:
        """The same Asterisk with what a side needs beside (unloading app_queue crashes it)."""
        await asyncio.to_thread(self._configure, extra)
        await asyncio.to_thread(self._hand_over)
        await self._start(parts.asterisk(self._settings))
        await self._asterisk("core waitfullybooted")

    async def _add_seats(self) -> None:
        realm = secrets_kept.sip_realm(self._settings.folders)
        database = Database(self._settings.sql_url)
        await database.start()
        try:
            for account in self._accounts:
                number = account.endpoint
                credential = digest(number, realm, account.password)
                seat = Seat(TENANT, number, f"seat {number}", number, SKILLS)
                await SqlSeats(database).add(seat, credential)
        finally:
            await database.close()

    def _configure(self, extra: tuple[tuple[str, str], ...]) -> None:
        """Render Asterisk anew: all seats, `extra` beside; the seats' telephones stay registered
        for hours and aren't asked whether they live (SIPp can't renew, and OPTIONS
        would count as calls)."""
        home = self._settings.folders
        realm = secrets_kept.sip_realm(home)
        endpoints = tuple(
            SeatEndpoint(a.endpoint, digest(a.endpoint, realm, a.password), tenant=TENANT)
            for a in self._accounts
        )
        render(replace(installation(self._settings, endpoints), extra=extra), home.asterisk_etc)
        seats = home.asterisk_etc / "pjsip_seats.conf"
        seats.write_text(arena_files.lasting(seats.read_text()))

    def _hand_over(self) -> None:
        """What was made here as root belongs to the parts' user (nobody else knew the folder).

        Prompts stay: they may be links to the cache, and are only read.
        """
        user = parts.run_user(self._settings)
        home = self._settings.folders
        for path in home.root.rglob("*"):
            if not path.is_relative_to(home.prompts):
                os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)

    def _let_work(self, seats: int) -> None:
        """The first `seats` are ready, the others paused."""
        path = f"/api/v1/tenants/{TENANT}/seats"
        states = {s["id"]: s["state"] for s in api.ask(self._settings, path)["seats"]}
        for index, number in enumerate(self._seats):
            wanted = "ready" if index < seats else "paused"
            if states[number] != wanted:
                wish = {"state": wanted}
                api.ask(self._settings, f"{path}/{number}/state", method="POST", body=wish)

    async def _start(self, part: Part) -> None:
        with self._log(part.name).open("ab") as output:
            self._log_from[part.name] = output.tell()
            self._running[part.name] = await asyncio.create_subprocess_exec(
                *parts.patient(part),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=supervision.environment(self._settings),
                cwd=PROJECT,
                start_new_session=True,
            )

    async def _stop(self, name: str) -> None:
        process = self._running.pop(name, None)
        if process is None:
            return
        for how in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, how)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), STOP_S)
                return

    def _family(self, name: str) -> list[psutil.Process]:
        process = self._running.get(name)
        if process is None or process.returncode is not None:
            raise PartsFailed(f"{name} doesn't run any more: {self._last_words(name)}")
        top = psutil.Process(process.pid)
        return [top, *top.children(recursive=True)]

    async def _until_ready(self) -> None:
        deadline = asyncio.get_running_loop().time() + UP_S
        while True:
            self._family("engine")
            with contextlib.suppress(EngineAway):
                if (await asyncio.to_thread(api.readiness, self._settings))[0]:
                    return
            if asyncio.get_running_loop().time() > deadline:
                words = self._last_words("engine")
                raise PartsFailed(f"the engine isn't ready after {UP_S:g} s: {words}")
            await asyncio.sleep(0.2)

    async def _asterisk(self, command: str) -> str:
        """One command of Asterisk's command line; waits for a starting Asterisk."""
        deadline = asyncio.get_running_loop().time() + UP_S
        while True:
            self._family("asterisk")
            words = parts.asterisk_command(self._settings, ["-rx", command])
            code, output = await self._run(words)
            if code == 0:
                return output
            if asyncio.get_running_loop().time() > deadline:
                raise PartsFailed(f"Asterisk didn't answer {command!r}: {output.strip()[-300:]}")
            await asyncio.sleep(0.1)

    async def _run(self, words: tuple[str, ...]) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=supervision.environment(self._settings),
            cwd=PROJECT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), UP_S)
        return process.returncode or 0, output.decode(errors="replace")

    def _last_words(self, name: str) -> str:
        log = self._log(name)
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return lines[-1][:300] if lines else "no words left"

    def _count(self, query: str) -> int:
        with contextlib.closing(sqlite3.connect(self._settings.folders.database)) as database:
            return int(database.execute(query).fetchone()[0])


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


@contextlib.asynccontextmanager
async def arena(plan: Plan) -> AsyncIterator[tuple[BenchArena, Path]]:
    """A started arena and a folder for the bursts' files; all of it is gone afterwards.

    This process's HOTLINE_* settings are replaced by the arena's own: its parts inherit them.
    """
    folder = await asyncio.to_thread(_folder)
    kept = {name: value for name, value in os.environ.items() if name.startswith("HOTLINE_")}
    given = load_settings()
    try:
        for name in kept:
            del os.environ[name]
        os.environ.update(_environment(given, folder / "home"))
        built = BenchArena(load_settings(), plan)
        try:
            await built.start()
            yield built, folder / "bursts"
        finally:
            await built.stop()
    finally:
        for name in [name for name in os.environ if name.startswith("HOTLINE_")]:
            del os.environ[name]
        os.environ.update(kept)
        shutil.rmtree(folder, ignore_errors=True)


def _environment(given: Settings, home: Path) -> dict[str, str]:
    """The arena's settings: what set-up made is the caller's, all else its own."""
    tenant = {"id": TENANT, "name": "bench", "wrap_up_s": 0, "languages": ["cmn", "en"]}
    trunk = {"id": "load", "match": [ENGINE_TRUNK_IP]}
    free = _free_ports(len(NAMES))
    return {
        "HOTLINE_HOME": str(home),
        "HOTLINE_CACHE": str(given.cache.resolve()),
        "HOTLINE_ASTERISK_ROOT": str(given.asterisk_root.resolve()),
        "HOTLINE_USER": given.user,
        **{f"HOTLINE_{name}_PORT": str(port) for name, port in zip(NAMES, free, strict=True)},
        "HOTLINE_RTP_START": str(RTP_START),
        "HOTLINE_RTP_END": str(RTP_END),
        "HOTLINE_TENANTS": json.dumps([tenant]),
        "HOTLINE_TRUNKS": json.dumps([trunk]),
        "HOTLINE_LOG_LEVEL": "info",
    }


def _folder() -> Path:
    """A temporary folder the parts' user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="hotline-bench-"))
    folder.chmod(0o755)
    return folder


def _free_ports(count: int) -> list[int]:
    """Held together until all are known: none comes twice. None of those the system gives outgoing
    connections: one of them could have it before our part listens there."""
    with contextlib.ExitStack() as stack:
        free: list[int] = []
        for port in random.sample(PORTS, len(PORTS)):
            probe = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                free.append(port)
            if len(free) == count:
                return free
    raise PartsFailed(f"no {count} free ports between {PORTS[0]} and {PORTS[-1]}")
