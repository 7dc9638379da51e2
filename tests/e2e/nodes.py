"""Two installations that are one hotline: they share a Redis, a PostgreSQL and a secret."""

import asyncio
import hashlib
import hmac
import json
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

import asyncpg

from simulator.sipp import Address
from tests.e2e.installation import TENANTS, Installation
from tests.servers import RedisServer, free_port, postgres_running, wait_until
from tests.sipp import calls_with_password, sipp

HOSTS = {"a": "127.0.0.21", "b": "127.0.0.22"}


class OpenRedis(RedisServer):
    """A Redis that engines may reach who have dropped their rights."""

    def start(self) -> None:
        super().start()
        self.folder.chmod(0o711)
        self.socket.chmod(0o777)


class Nodes(AbstractContextManager["Nodes"]):
    """`with Nodes() as nodes:` both run, `a` was started first and leads. `files` are put into
    both homes before."""

    def __init__(
        self,
        toml: str = TENANTS,
        files: Mapping[str, str] = MappingProxyType({}),
        **settings: object,
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="hl-nodes-", dir="/tmp"))
        self._folder.chmod(0o755)
        self._toml = toml
        self._files = files
        self._settings = settings
        self._opened = ExitStack()
        self.secret = self._folder / "cluster.secret"
        self.secret.write_text(secrets.token_hex(32))
        self.secret.chmod(0o644)  # the test is root, the engines aren't
        (self._folder / "redis").mkdir()
        self.redis = OpenRedis(self._folder / "redis")

    def __enter__(self) -> "Nodes":
        try:
            self._open()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.__exit__(kind, error, trace)
        if error is None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _open(self) -> None:
        self.redis.start()
        self._opened.callback(self.redis.stop)
        self._postgres = self._opened.enter_context(postgres_running())
        database = self._postgres.create_database()
        self._dsn = {"host": str(self._postgres.folder), "user": "postgres", "database": database}
        shared = {
            "redis_url": self.redis.url,
            "database_url": self._postgres.url(database),
            "cluster_secret_file": self.secret,
            "agi_tries": 60,
            **self._settings,
        }
        made = {name: Installation(self._toml, **shared, node=name) for name in HOSTS}
        told = []
        for name, installation in made.items():
            installation.sip = Address(HOSTS[name], installation.sip.port)
            told.append(
                {"id": name, "sip": str(installation.sip), "link": f"127.0.0.1:{free_port()}"}
            )
        for name, installation in made.items():
            for file, text in self._files.items():
                (installation.home / file).write_text(text)
            installation.environment["HOTLINE_SIP_BIND"] = HOSTS[name]
            installation.environment["HOTLINE_NODES"] = json.dumps(told)
        self.a = self._opened.enter_context(made["a"])
        self.a.cli("hours", "set", "open")
        self.b = self._opened.enter_context(made["b"])
        wait_until(lambda: self.role(self.b).startswith("follows"), what="b following a")

    # --- what tests ask

    def role(self, node: Installation) -> str:
        """What a node's readiness says of the cluster; "" when it doesn't answer."""
        return str(node.readiness().get("parts", {}).get("cluster", {}).get("detail", ""))

    def leader(self) -> Installation:
        """Who leads now."""
        return next(node for node in (self.a, self.b) if self.role(node).startswith("leads"))

    async def until_led(self) -> None:
        """One node leads and the other follows."""

        def led() -> bool:
            words = sorted(self.role(node).split(" ")[0] for node in (self.a, self.b))
            return words == ["follows", "leads"]

        await asyncio.to_thread(self.a.wait, led, "one leader")

    async def until_state(self, seat: str, state: str) -> None:
        """Both nodes' boards say so."""
        for node in (self.a, self.b):
            await asyncio.to_thread(
                node.wait,
                lambda node=node: node.ready and node.seat_state(seat) == state,  # type: ignore[misc]  # bound now
                f"{seat} {state} at {node.environment['HOTLINE_NODE']}",
                seconds=60,
            )

    async def until_waiting(self, count: int) -> None:
        for node in (self.a, self.b):
            await asyncio.to_thread(
                node.wait,
                lambda node=node: node.ready and node.board()["waiting"] == count,  # type: ignore[misc]  # bound now
                f"{count} waiting at {node.environment['HOTLINE_NODE']}",
                seconds=60,
            )

    async def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Rows of the shared store."""
        connection = await asyncpg.connect(**self._dsn)
        try:
            return [dict(row) for row in await connection.fetch(query, *values)]
        finally:
            await connection.close()

    async def call_of(self, caller: str, *, outcome: str = "") -> dict[str, Any]:
        """The one row of this caller's call (that ended so); waits until it is written."""
        query = "SELECT * FROM calls WHERE caller_raw=$1 AND ($2='' OR outcome=$2)"
        async with asyncio.timeout(60):
            while not (found := await self.rows(query, caller, outcome)):
                await asyncio.sleep(0.1)
        assert len(found) == 1, found
        return found[0]

    def no_channels_left(self) -> None:
        for node in (self.a, self.b):
            node.no_channels_left()

    async def invite_as_node(
        self, name: str, *, at: Installation, dialled: str, password: str = "", answer: int = 404
    ) -> bool:
        """Call `dialled` as that node does, by its address and (unless given) its password;
        whether that was answered with `answer`."""
        key = hmac.digest(self.secret.read_bytes(), b"hotline sip", hashlib.sha256).hex()
        result = await sipp(
            calls_with_password(f"node-{name}", password or key, answer=answer),
            to=at.sip.port,
            remote=at.sip.ip,
            local=HOSTS[name],
            called=dialled,
        )
        return result.ok
