"""Real Redis and PostgreSQL servers for tests: private, on sockets in short folders, stoppable.

Each server ends with the test process, also when that is killed (parent-death signal).
"""

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

START_S = 30.0
POSTGRES_USER = "postgres"


_given: deque[int] = deque(maxlen=400)
_PORTS = [range(first, first + 625) for first in range(15_000, 20_000, 625)]
"""One range for each test process, up to eight of them: above the usual RTP ports, below those that
tests give Asterisk for RTP."""


def ports_of(worker: str) -> range:
    """Those of one test process, by xdist's name for it. Two never share one: where both had seen
    a port to be free, one's Asterisk stayed without its manager. Raises ValueError."""
    number = int(worker.removeprefix("gw"))
    if number >= len(_PORTS):
        raise ValueError(f"{len(_PORTS)} test processes have ports of their own: no more than -n 8")
    return _PORTS[number]


def free_port() -> int:
    """A TCP and UDP port on loopback that nobody has right now, and that wasn't given lately: an
    installation asks for many before it listens on any. None of those the system gives outgoing
    connections (one of them could have it by then); each test process has some of its own."""
    ports = ports_of(os.environ.get("PYTEST_XDIST_WORKER", "gw0"))
    while True:
        port = random.choice(ports)
        with (
            socket.socket() as tcp,
            socket.socket(type=socket.SOCK_DGRAM) as udp,
            contextlib.suppress(OSError),
        ):
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
            if port not in _given:
                _given.append(port)
                return port


def wait_until(ready: Callable[[], bool], *, seconds: float = START_S, what: str) -> None:
    """Poll a condition that has no event; raises TimeoutError naming what didn't come. What takes
    longer is asked for less often: each question costs whoever is asked."""
    begun = time.monotonic()
    while not ready():
        passed = time.monotonic() - begun
        if passed > seconds:
            raise TimeoutError(f"{what} didn't come within {seconds} s")
        time.sleep(min(0.02 + passed / 20, 0.1))


class Server:
    """A child process that tests may stop, kill, freeze and start again; its data stays."""

    name = "server"

    def __init__(self, folder: Path, command: list[str], death_signal: str) -> None:
        self.folder = folder
        self.log = folder / f"{self.name}.log"
        self._command = ["setpriv", "--pdeathsig", death_signal, *command]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        assert self._process is not None, f"{self.name} is not running"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start and wait until it answers; nothing happens when it already runs."""
        if self.running:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        wait_until(self._settled, what=f"{self.name} (log: {self.log})")
        if not self.running:
            raise RuntimeError(f"{self.name} ended at once: {self.log.read_text()[-2000:]}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it by a signal and wait; clients see their connections close."""
        if self._process is None:
            return
        if self.running:
            self.thaw()
            self._process.send_signal(how)
        self._process.wait(START_S)
        self._process = None

    def kill(self) -> None:
        """SIGKILL, as a power cut would end it."""
        self.stop(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop it in its tracks: connections stay open, nothing answers."""
        for process in self._family():
            process.suspend()

    def thaw(self) -> None:
        """Let a frozen server go on."""
        for process in self._family():
            with contextlib.suppress(psutil.NoSuchProcess):  # a worker ended meanwhile
                process.resume()

    def _family(self) -> list[psutil.Process]:
        parent = psutil.Process(self.pid)
        return [parent, *parent.children(recursive=True)]

    def _settled(self) -> bool:
        return not self.running or self.answers()

    def answers(self) -> bool:
        """Whether it serves clients now."""
        raise RuntimeError("each server says how it is asked")


class RedisServer(Server):
    """Redis on a Unix socket, append-only file on. `url` suits `redis.asyncio.from_url`."""

    name = "redis"

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        options = {
            "port": "0", "unixsocket": str(self.socket), "unixsocketperm": "700",
            "dir": str(folder), "appendonly": "yes", "appendfsync": "always",
            "save": "", "daemonize": "no",
        }  # fmt: skip
        arguments = [word for key, value in options.items() for word in (f"--{key}", value)]
        super().__init__(folder, ["redis-server", *arguments], "TERM")

    def answers(self) -> bool:
        try:
            return self.command("PING").startswith(b"+PONG")
        except OSError:
            return False

    def command(self, *words: str) -> bytes:
        """One command over a fresh connection; the raw first reply."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(5)
            link.connect(str(self.socket))
            link.sendall(" ".join(words).encode() + b"\r\n")
            return link.recv(65536)


class PostgresServer(Server):
    """PostgreSQL on a Unix socket, trusting its local user; as root it runs as `postgres`."""

    name = "postgres"

    def __init__(self, folder: Path) -> None:
        self._bin = _postgres_programs()
        self._drop: list[str] = []
        if os.geteuid() == 0:
            user = pwd.getpwnam(POSTGRES_USER)
            os.chown(folder, user.pw_uid, user.pw_gid)
            self._drop = [
                "setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups",
            ]  # fmt: skip
        folder.chmod(0o711)  # an engine that dropped its rights may reach the socket
        self.data = folder / "data"
        self._initialise()
        settings = {
            "listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off",
            "max_connections": "60", "shared_buffers": "32MB", "timezone": "America/New_York",
        }  # fmt: skip
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        postgres = [*self._drop[1:], str(self._bin / "postgres"), "-D", str(self.data), *options]
        super().__init__(folder, postgres, "QUIT")

    def _initialise(self) -> None:
        command = [
            *self._drop, str(self._bin / "initdb"), "-D", str(self.data), "-U", POSTGRES_USER,
            "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8",
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, timeout=120, cwd="/")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT is PostgreSQL's fast shutdown: it doesn't wait for its clients."""
        super().stop(how)

    def kill(self) -> None:
        """SIGQUIT: PostgreSQL's own immediate shutdown, recovered from at the next start.

        SIGKILL of the parent alone would leave its children holding the shared memory.
        """
        self.stop(signal.SIGQUIT)

    def answers(self) -> bool:
        return self._client("pg_isready", "-q").returncode == 0

    def url(self, database: str = "postgres") -> str:
        """SQLAlchemy's asynchronous URL of one database."""
        return f"postgresql+asyncpg://{POSTGRES_USER}@/{database}?host={self.folder}"

    def create_database(self, template: str = "") -> str:
        """A fresh database, empty or a copy of one that nobody is connected to; its name. Files are
        copied as they are: by its log it costs more than twice as much."""
        name = f"t{uuid.uuid4().hex[:12]}"
        copied = ("--strategy=file_copy", f"--template={template}") if template else ()
        self._client("createdb", *copied, name).check_returncode()
        return name

    def drop_database(self, name: str) -> None:
        """Remove it, with whoever is still connected."""
        self._client("dropdb", "--force", "--if-exists", name).check_returncode()

    def _client(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [str(self._bin / program), "-h", str(self.folder), "-U", POSTGRES_USER]
        return subprocess.run(
            [*command, *arguments], capture_output=True, timeout=START_S, check=False
        )


def _postgres_programs() -> Path:
    versions = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    found = max(versions, key=lambda path: int(path.parent.parent.name), default=None)
    if found is None:
        raise RuntimeError("no PostgreSQL below /usr/lib/postgresql: apt-get install postgresql")
    return found.parent


@contextmanager
def _folder() -> Iterator[Path]:
    """A short 0700 folder: a socket's path may have about 100 characters."""
    folder = Path(tempfile.mkdtemp(prefix="hl", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def redis_running() -> Iterator[RedisServer]:
    """A private Redis for the length of the block."""
    with _folder() as folder:
        server = RedisServer(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextmanager
def postgres_running() -> Iterator[PostgresServer]:
    """A private PostgreSQL for the length of the block."""
    with _folder() as folder:
        server = PostgresServer(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()
