"""A real Asterisk for any test: private home, free loopback ports, our rendered configuration.

    async with asterisk_stack(tmp_path, trunks=(trunk("a"),)) as stack:
        await stack.cli("core show channels")

It is started by the very command `hotline run` uses; under root it runs as the user `hotline`.
"""

import asyncio
import contextlib
import hashlib
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import psutil

from asterisk_conf.model import Installation, OutboundRule, SeatEndpoint, Trunk
from asterisk_conf.render import render
from hotline import parts
from hotline.home import Home
from hotline.settings import Settings
from tests.servers import free_port

START_S = 60.0
END_S = 4.0
CLI_S = 15.0
REALM = "hotline"
RTP_PORTS = 600
TONES = {"cmn": 620, "en": 440}
PROMPTS = ("system_away", "request_taken", "goodbye", "welcome")


def trunk(name: str = "city", match: str = "127.0.0.2", **more: object) -> Trunk:
    """A trunk known by its address. Keep 127.0.0.1 for seats: a trunk's address is its alone."""
    return Trunk.model_validate({"id": name, "match": [match], **more})


def seat(name: str, password: str) -> SeatEndpoint:
    """A seat that registers with this password."""
    digest = hashlib.md5(f"{name}:{REALM}:{password}".encode(), usedforsecurity=False)
    return SeatEndpoint(name, digest.hexdigest())


@dataclass
class AsteriskStack:
    """One Asterisk, running or not. `home` is the outside view of what it sees at /hotline."""

    settings: Settings
    installation: Installation
    process: asyncio.subprocess.Process | None = None
    started_s: float = 0.0
    _output: Path = field(default=Path())

    @property
    def home(self) -> Home:
        return self.settings.folders

    @property
    def sip_port(self) -> int:
        return self.installation.sip_port

    @property
    def ami_port(self) -> int:
        return self.installation.ami_port

    @property
    def ami_user(self) -> str:
        return "hotline"

    @property
    def ami_secret(self) -> str:
        return self.installation.ami_secret

    @property
    def agi_port(self) -> int:
        """Where Asterisk looks for the engine; nobody listens until the test does."""
        return self.installation.agi_port

    @property
    def pid(self) -> int:
        """The process id of Asterisk itself, inside its box."""
        assert self.process is not None, "Asterisk isn't running"
        box = psutil.Process(self.process.pid)
        return next(p.pid for p in (box, *box.children(recursive=True)) if p.name() == "asterisk")

    def log(self) -> str:
        """messages.log: notices, warnings and errors."""
        file = self.home.log / "asterisk" / "messages.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def troubles(self) -> list[str]:
        """The lines of the log that warn or tell of an error."""
        return [t for t in self.log().splitlines() if "WARNING[" in t or "ERROR[" in t]

    def security_log(self) -> str:
        """security.log: who was refused, and who got in."""
        file = self.home.log / "asterisk" / "security.log"
        return file.read_text(errors="replace") if file.exists() else ""

    async def cli(self, command: str) -> str:
        """The output of a command of Asterisk's command line."""
        done = await asyncio.create_subprocess_exec(
            *parts.asterisk_command(self.settings, ["-rx", command]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
        )
        async with asyncio.timeout(CLI_S):
            output, errors = await done.communicate()
        if done.returncode:
            raise RuntimeError(f"asterisk -rx {command!r}: {errors.decode(errors='replace')}")
        return output.decode(errors="replace")

    async def channels(self) -> list[str]:
        """The names of all channels alive."""
        lines = (await self.cli("core show channels concise")).splitlines()
        return [line.split("!", 1)[0] for line in lines if "!" in line]

    async def no_channels(self, *, seconds: float = 20.0) -> None:
        """Wait until no channel is left; raises AssertionError naming those that stay."""
        deadline = asyncio.get_running_loop().time() + seconds
        while left := await self.channels():
            assert asyncio.get_running_loop().time() < deadline, f"channels left: {left}"
            await asyncio.sleep(0.1)

    async def change(self, **fields: object) -> None:
        """Render with other values (`seats=…`) and let Asterisk reload its SIP configuration."""
        self.installation = replace(self.installation, **fields)  # type: ignore[arg-type]  # fields are named by tests
        render(self.installation, self.home.asterisk_etc)
        await self.cli("module reload res_pjsip.so")

    async def start(self) -> None:
        """Start it and wait until it is fully booted; raises with its output when it isn't."""
        render(self.installation, self.home.asterisk_etc)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        with self._output.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                *parts.patient(parts.asterisk(self.settings)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                start_new_session=True,  # a group of its own: the box and what runs in it
            )
        try:
            async with asyncio.timeout(START_S):
                await self._fully_booted()
        except TimeoutError:
            await self.stop()
            raise RuntimeError(f"Asterisk didn't boot:\n{self.said()}") from None
        self.started_s = loop.time() - begun

    async def stop(self, *, kill: bool = False) -> None:
        """End its process group (`kill`: as a crash does) and wait for it."""
        if self.process is None:
            return
        self._signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            async with asyncio.timeout(END_S):
                await self.process.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self.process.wait()
        self.process = None

    def _signal(self, how: signal.Signals) -> None:
        assert self.process is not None, "Asterisk isn't running"
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, how)

    def said(self) -> str:
        """What Asterisk wrote to its own output and into messages.log, the last of it."""
        return self._output.read_text(errors="replace")[-4000:] + self.log()[-4000:]

    async def _fully_booted(self) -> None:
        """Log in at the manager interface again and again until it tells FullyBooted."""
        while True:
            assert self.process is not None, "Asterisk wasn't started"
            if self.process.returncode is not None:
                raise RuntimeError(f"Asterisk ended at once:\n{self.said()}")
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.ami_port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            login = f"Action: Login\r\nUsername: {self.ami_user}\r\nSecret: {self.ami_secret}"
            writer.write(f"{login}\r\nEvents: on\r\n\r\n".encode())
            try:
                await reader.readuntil(b"Event: FullyBooted")
                return
            except asyncio.IncompleteReadError:
                await asyncio.sleep(0.02)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()


@contextlib.asynccontextmanager
async def asterisk_stack(
    root: Path,
    *,
    trunks: Iterable[Trunk] | None = None,
    seats: Iterable[SeatEndpoint] = (),
    outbound: Iterable[OutboundRule] = (),
    agi_port: int = 0,
    agi_tries: int = 2,
    agi_retry_s: int = 1,
    extra: tuple[tuple[str, str], ...] = (),
) -> AsyncIterator[AsteriskStack]:
    """A booted Asterisk with its home in `root`/home; ended, whatever happens in the test.

    Without `trunks` there is one, `city`, at 127.0.0.2. `agi_port` 0 takes a free one.
    """
    rtp_start = free_rtp_range()
    settings = Settings(
        home=root / "home",
        sip_port=free_sip_port(),
        ami_port=free_port(),
        agi_port=agi_port or free_port(),
        rtp_start=rtp_start,
        rtp_end=rtp_start + RTP_PORTS - 1,
        agi_tries=agi_tries,
        agi_retry_s=agi_retry_s,
        trunks=tuple(trunks) if trunks is not None else (trunk(),),
        outbound=tuple(outbound),
    )
    user = parts.run_user(settings).pw_name
    installation = Installation(
        system_name=f"t{secrets.token_hex(4)}",
        sip_bind=settings.sip_bind,
        sip_port=settings.sip_port,
        external_address="",
        rtp_start=settings.rtp_start,
        rtp_end=settings.rtp_end,
        ami_port=settings.ami_port,
        ami_secret=secrets.token_urlsafe(24),
        agi_port=settings.agi_port,
        realm=REALM,
        run_user=user,
        agi_tries=settings.agi_tries,
        agi_retry_s=settings.agi_retry_s,
        trunks=settings.trunks,
        outbound=settings.outbound,
        seats=tuple(seats),
        extra=extra,
    )
    prepare(settings)
    stack = AsteriskStack(settings, installation, _output=root / "asterisk.output")
    try:
        await stack.start()
        yield stack
    finally:
        await stack.stop()


def prepare(settings: Settings) -> None:
    """Make the home with hosts file and prompts of tones, owned by the user Asterisk runs as."""
    home = settings.folders
    for folder in home.folders():
        folder.mkdir(parents=True, exist_ok=True)
    home.hosts.write_text(parts.hosts_file())
    for language, hertz in TONES.items():
        for name in PROMPTS:
            tone(home.prompts / language / f"{name}.wav", seconds=0.4, hertz=hertz)
    tone(home.prompts / "moh" / "music.wav", seconds=10.0, hertz=300)
    tone(home.prompts / "moment.wav", seconds=0.1, hertz=0)
    if os.geteuid() == 0:
        owner = parts.run_user(settings)
        for path in (home.root, *home.root.rglob("*")):
            shutil.chown(path, owner.pw_uid, owner.pw_gid)


def tone(file: Path, *, seconds: float, hertz: int) -> None:
    """A WAV file with a sine tone, 8 kHz, and the same as .alaw and .ulaw beside it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    for kind, sound in _tone(seconds, hertz).items():
        file.with_suffix(kind).write_bytes(sound)


@cache
def _tone(seconds: float, hertz: int) -> Mapping[str, bytes]:
    """Each kind of file of a tone, made once: every Asterisk of a test has a dozen of them."""
    sine = ("synth", str(seconds), "sine", str(hertz), "vol", "0.5")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "tone.wav")
        subprocess.run(["sox", "-n", "-r", "8000", "-c", "1", "-b", "16", file, *sine], check=True)
        for kind, encoding in ((".alaw", "al"), (".ulaw", "ul")):
            raw = file.with_suffix(kind)
            subprocess.run(["sox", file, "-t", encoding, "-r", "8000", raw], check=True)
        return {made.suffix: made.read_bytes() for made in Path(folder).iterdir()}


def free_sip_port(ip: str = "127.0.0.1") -> int:
    """A port free for UDP at this address and for TCP on loopback, of this test process's own: it
    may be bound much later."""
    while True:
        port = free_port()
        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with probe, contextlib.suppress(OSError):
            probe.bind((ip, port))
            return port


def free_rtp_range() -> int:
    """The first of many UDP ports, below the ephemeral ones; suites side by side seldom meet.

    Asterisk tries the next port when one is taken, so that a meeting does no harm.
    """
    return random.randrange(20000, 32000 - RTP_PORTS, 2)
