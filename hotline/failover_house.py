"""Two nodes for the failover bench: two `hotline run` side by side, with all that keeps them alive,
one Redis and one PostgreSQL between them."""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import psutil
from sqlalchemy import select

from hotline import api, failover_stores, secrets_kept
from hotline.errors import BadRequest, EngineAway, PartsFailed
from hotline.loading import load_settings
from hotline.parts import asterisk_command
from hotline.prepare import digest
from hotline.settings import PROJECT, Settings
from queue_manager.model import Seat
from simulator.bench_failover import FailoverPlan, Row
from simulator.load import Crowd
from simulator.seats import Account, register
from simulator.sipp import Address, free_port
from storage.database import Database
from storage.seats import SqlSeats
from storage.tables import calls

TENANT, NUMBER = "bench", "12345"
HOSTS = {"a": "127.0.0.21", "b": "127.0.0.22"}
CITIZENS = {"a": "127.0.0.2", "b": "127.0.0.4"}
SEATS_IP = "127.0.0.3"
RTP = {"a": 20480, "b": 24576}
RTP_PORTS = 4096
FIRST_SEAT = 1001
REGISTERED_S = 290
SKILLS = {"lang:cmn": 5, "svc:general": 5}
UP_S = 90.0
STOP_S = 30.0


class Node:
    """One installation, run as everybody runs it."""

    def __init__(self, name: str, environment: Mapping[str, str], settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.environment = dict(environment)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def sip(self) -> Address:
        return Address(self.settings.sip_bind, self.settings.sip_port)

    async def start(self) -> None:
        """`hotline run`, until calls can be taken."""
        output = self.settings.folders.root.parent / f"run-{self.name}.log"
        with output.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "hotline", "run", "--no-demo"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                cwd=PROJECT,
                start_new_session=True,
            )
        deadline = asyncio.get_running_loop().time() + UP_S
        while not (await self.parts()).get("cluster", {}).get("up"):
            late = asyncio.get_running_loop().time() > deadline
            if late or self._process.returncode is not None:
                raise PartsFailed(f"node {self.name}: {output.read_text()[-500:]}")
            await asyncio.sleep(0.2)

    async def stop(self) -> None:
        """Ctrl-C."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def parts(self) -> dict[str, dict[str, object]]:
        """What readiness says of each part; empty while nobody answers."""
        with contextlib.suppress(EngineAway):
            told = await asyncio.to_thread(api.readiness, self.settings)
            return dict(told[1].get("parts", {}))
        return {}

    async def ask(self, path: str, method: str = "GET", body: object = None) -> dict[str, object]:
        return await asyncio.to_thread(api.ask, self.settings, path, method=method, body=body)

    def kill_engine(self) -> float:
        """SIGKILL to the engine that works (the one that listens for the console); when. To find
        it takes tenths of a second on a busy machine, in which it still leads."""
        for link in psutil.net_connections("tcp"):
            listens = link.status == psutil.CONN_LISTEN and link.pid
            if listens and link.laddr and link.laddr[1] == self.settings.http_port:
                engine = psutil.Process(link.pid)
                killed_at = time.time()
                engine.kill()
                return killed_at
        raise PartsFailed(f"node {self.name}: no engine listens")

    async def channels(self) -> int:
        words = asterisk_command(self.settings, ["-rx", "core show channels count"])
        done = await asyncio.to_thread(
            subprocess.run, words, capture_output=True, text=True, check=False, timeout=15
        )
        lines = [line for line in done.stdout.splitlines() if "active channel" in line]
        if not lines:
            raise PartsFailed(f"node {self.name}: Asterisk doesn't answer: {done.stderr[-200:]}")
        return int(lines[0].split()[0])


class FailoverHouse:
    """`simulator.bench_failover.House` on real parts; made by `failover_house`."""

    def __init__(self, nodes: Sequence[Node], plan: FailoverPlan, folder: Path) -> None:
        self._nodes = tuple(nodes)
        self._folder = folder
        self._phones = Address(SEATS_IP, free_port(SEATS_IP))
        self._accounts = [
            Account(str(FIRST_SEAT + index), secrets.token_hex(8)) for index in range(plan.seats)
        ]

    async def start(self) -> None:
        """Both nodes up, every seat set up and wishing to be ready."""
        first, *others = self._nodes
        await first.start()
        await self._add_seats(first.settings)
        for node in others:
            await node.start()
        always = {"line": "", "mode": "open"}
        await first.ask(f"/api/v1/tenants/{TENANT}/hours", "PUT", always)
        await self._tell_first()
        for account in self._accounts:
            path = f"/api/v1/tenants/{TENANT}/seats/{account.endpoint}/state"
            await first.ask(path, "POST", {"state": "ready"})

    def crowds(self) -> Sequence[Crowd]:
        """See `House.crowds`."""
        return [Crowd(CITIZENS[node.name], NUMBER, node.sip, self._phones) for node in self._nodes]

    async def register(self) -> None:
        """See `House.register`."""
        share = len(self._accounts) // len(self._nodes)
        for index, node in enumerate(self._nodes):
            some = self._accounts[index * share : (index + 1) * share]
            folder = self._folder / f"register-{node.name}"
            folder.mkdir(exist_ok=True)
            await register(some, self._phones, node.sip, folder, expires_s=REGISTERED_S)

    async def until_ready(self) -> None:
        """See `House.until_ready`."""
        deadline = asyncio.get_running_loop().time() + UP_S
        states: list[object] = []
        while not states or any(state != "ready" for state in states):
            if asyncio.get_running_loop().time() > deadline:
                raise PartsFailed(f"seats aren't ready: {sorted(set(map(str, states)))}")
            await asyncio.sleep(0.3)
            told = await self._nodes[0].ask(f"/api/v1/tenants/{TENANT}/seats")
            states = [seat["state"] for seat in told["seats"]]  # type: ignore[attr-defined]  # JSON

    async def kill_leader(self) -> tuple[str, float]:
        """See `House.kill_leader`."""
        name = await self.leads()
        node = next((node for node in self._nodes if node.name == name), None)
        if node is None:
            raise PartsFailed("no engine says that it leads")
        return name, node.kill_engine()

    async def leads(self) -> str:
        """See `House.leads`."""
        for node in self._nodes:
            detail = str((await node.parts()).get("cluster", {}).get("detail", ""))
            if detail.startswith("leads"):
                return node.name
        return ""

    async def rows(self) -> Sequence[Row]:
        """See `House.rows`."""
        database = Database(self._nodes[0].settings.sql_url)
        await database.start()
        try:
            query = select(calls.c.call_id, calls.c.outcome, calls.c.answered_at)
            found = await database.read(lambda connection: connection.execute(query).all())
        finally:
            await database.close()
        return [
            Row(call_id.partition("-")[0], outcome, answered.timestamp() if answered else None)
            for call_id, outcome, answered in found
        ]

    async def channels(self) -> int:
        """See `House.channels`."""
        return sum([await node.channels() for node in self._nodes])

    async def _add_seats(self, settings: Settings) -> None:
        realm = secrets_kept.sip_realm(settings.folders)
        database = Database(settings.sql_url)
        await database.start()
        try:
            for account in self._accounts:
                number = account.endpoint
                seat = Seat(TENANT, number, f"seat {number}", number, SKILLS)
                await SqlSeats(database).add(seat, digest(number, realm, account.password))
        finally:
            await database.close()

    async def _tell_first(self) -> None:
        """The first node came up before there were seats: a reload at another is told to it, and it
        and its Asterisk read them."""
        await self._nodes[-1].ask(f"/api/v1/tenants/{TENANT}/reload", "POST")
        deadline = asyncio.get_running_loop().time() + UP_S
        conf = self._nodes[0].settings.folders.asterisk_etc / "pjsip_seats.conf"
        while self._accounts[-1].endpoint not in await asyncio.to_thread(conf.read_text):
            if asyncio.get_running_loop().time() > deadline:
                raise PartsFailed("the first node wasn't told of the seats")
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def failover_house(plan: FailoverPlan) -> AsyncIterator[tuple[FailoverHouse, Path]]:
    """Two started nodes and a folder for the run's files; all of it is gone afterwards."""
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="hotline-failover-"))
    await asyncio.to_thread(folder.chmod, 0o755)
    given = load_settings()
    try:
        async with contextlib.AsyncExitStack() as stack:
            for name in ("redis", "postgres"):
                (folder / name).mkdir()
            redis = await stack.enter_async_context(failover_stores.redis(folder / "redis"))
            sql = await stack.enter_async_context(failover_stores.postgres(folder / "postgres"))
            nodes = _nodes(given, folder, redis, sql)
            for node in nodes:
                stack.push_async_callback(node.stop)
            house = FailoverHouse(nodes, plan, folder)
            try:
                await house.start()
            except (BadRequest, EngineAway) as error:
                raise PartsFailed(f"the nodes didn't come up: {error}") from error
            yield house, folder / "run"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _nodes(given: Settings, folder: Path, redis: str, sql: str) -> list[Node]:
    """What set-up made is the caller's, all else the nodes' own."""
    secret = folder / "cluster.secret"
    secret.write_text(secrets.token_hex(32))
    secret.chmod(0o644)  # in a folder that is gone in a moment; the parts' user must read it
    sip = {name: free_port(host) for name, host in HOSTS.items()}
    doors = _free_ports(4 * len(HOSTS))
    told = [
        {"id": n, "sip": f"{HOSTS[n]}:{sip[n]}", "link": f"127.0.0.1:{doors.pop()}"} for n in HOSTS
    ]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HOTLINE_")}
    nodes = []
    for name, host in HOSTS.items():
        environment = kept | {
            "HOTLINE_HOME": str(folder / f"home-{name}"),
            "HOTLINE_CACHE": str(given.cache.resolve()),
            "HOTLINE_ASTERISK_ROOT": str(given.asterisk_root.resolve()),
            "HOTLINE_USER": given.user,
            "HOTLINE_SIP_BIND": host,
            "HOTLINE_SIP_PORT": str(sip[name]),
            "HOTLINE_RTP_START": str(RTP[name]),
            "HOTLINE_RTP_END": str(RTP[name] + RTP_PORTS - 1),
            "HOTLINE_REDIS_URL": redis,
            "HOTLINE_DATABASE_URL": sql,
            "HOTLINE_CLUSTER_SECRET_FILE": str(secret),
            "HOTLINE_NODE": name,
            "HOTLINE_NODES": json.dumps(told),
            "HOTLINE_TENANTS": json.dumps(
                [{"id": TENANT, "name": "bench", "wrap_up_s": 0, "languages": ["cmn", "en"]}]
            ),
            "HOTLINE_TRUNKS": json.dumps([{"id": "load", "match": [CITIZENS[name]]}]),
            **{f"HOTLINE_{door}_PORT": str(doors.pop()) for door in ("HTTP", "AMI", "AGI")},
        }
        nodes.append(Node(name, environment, _settings_of(environment)))
    return nodes


def _free_ports(count: int) -> list[int]:
    """So many different ones."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port("127.0.0.1"))
    return list(found)


def _settings_of(environment: Mapping[str, str]) -> Settings:
    """What `hotline run` will read from this environment."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        return load_settings()
    finally:
        os.environ.clear()
        os.environ.update(before)
