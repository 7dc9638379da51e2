"""Running SIPp: one process, its words as events, its end by its own process id.

The scenarios say what happens through SIPp's log file, which is a pipe to us: each line is an
event the moment it happens. What SIPp must do next (answer, hang up) it waits for as a SIP
request of ours with the call's Call-ID (`tell`), so that every decision is made here.
"""

import asyncio
import contextlib
import csv
import os
import shutil
import signal
import socket
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psutil

from simulator.errors import ProgramFailed, ProgramMissing, StepMissed

SCENARIOS = Path(__file__).resolve().parent / "scenarios"
READY_S = 20.0
COMPLAINT = 300
DONE = (0, 1, 99)
"""Exit codes of a SIPp that came to its end: all calls went well, some failed, there were none."""
MEDIA_PORTS = 4
END_S = 3.0
LONGEST_S = 3600


@dataclass(frozen=True, slots=True)
class Address:
    """Where a SIP or media port is."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"{self.ip}:{self.port}"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a scenario's log: a word and its values. `at` is `time.monotonic()`."""

    word: str
    values: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """SIPp's own counts at the end of a run (its -trace_stat file)."""

    created: int
    successful: int
    failed: int


_given: deque[int] = deque(maxlen=1000)


def free_port(ip: str) -> int:
    """A UDP port of this address that nobody holds right now, and that wasn't given lately: whoever
    asked may not hold it yet."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((ip, 0))
            port = int(probe.getsockname()[1])
        if port not in _given:
            _given.append(port)
            return port


def free_media_port(ip: str) -> int:
    """Such a port for `-mp`: the next three are free and kept, too. SIPp takes the second after it
    for video, always, and breaks off when somebody has that."""
    while True:
        first = free_port(ip)
        beside = range(first + 1, first + MEDIA_PORTS)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError, OverflowError):
            for port in beside:
                probe = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                probe.bind((ip, port))
            if not any(port in _given for port in beside):
                _given.extend(beside)
                return first


def command(
    scenario: Path,
    own: Address,
    *,
    to: Address | None = None,
    keys: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> list[str]:
    """SIPp's command line for one scenario; raises ProgramMissing when there is no sipp."""
    program = shutil.which("sipp")
    if program is None:
        raise ProgramMissing("there is no sipp: install Debian's package sip-tester")
    words = [program, *([str(to)] if to else []), "-sf", str(scenario)]
    words += ["-i", own.ip, "-p", str(own.port), "-mi", own.ip, "-bind_local", "-nostdin"]
    words += ["-ci", "127.0.0.1", "-cp", str(free_port("127.0.0.1"))]
    # it would end itself, and drop every call it has, when a full machine let it wait too often
    words += ["-watchdog_interval", "0"]
    for key, value in (keys or {}).items():
        words += ["-key", key, value]
    return [*words, *options]


class Sipp:
    """One SIPp process in `folder` (its error and statistics files go there)."""

    def __init__(self, words: Sequence[str], folder: Path, name: str) -> None:
        self._words = list(words)
        self._folder = folder
        self.name = name
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.StreamReader | None = None
        self._transport: asyncio.ReadTransport | None = None

    @property
    def pid(self) -> int:
        """Its process id; it must have been started."""
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def errors(self) -> Path:
        """SIPp's own words about unexpected messages."""
        return self._folder / f"{self.name}.errors"

    @property
    def statistics_file(self) -> Path:
        return self._folder / f"{self.name}.stat.csv"

    async def start(self) -> None:
        """Start it; its log lines are then read with `next_event`."""
        loop = asyncio.get_running_loop()
        ours, theirs = os.pipe()
        log = ["-trace_logs", "-log_file", f"/dev/fd/{theirs}"]
        errors = ["-trace_err", "-error_file", str(self.errors)]
        counts = ["-trace_stat", "-stf", str(self.statistics_file), "-fd", "1"]
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._words, *log, *errors, *counts,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL, pass_fds=[theirs], cwd=self._folder,
                start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(theirs)
        self._reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(self._reader)
        self._transport, _ = await loop.connect_read_pipe(
            lambda: protocol, os.fdopen(ours, "rb", buffering=0)
        )

    async def listening(self, own: Address) -> None:
        """Wait until it holds its SIP port; raises StepMissed when it ends or takes too long.

        There is no event for this, and an OPTIONS would count as a call that never ends.
        """
        assert self._process is not None, f"{self.name} was not started"
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline and self._process.returncode is None:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                held = psutil.Process(self.pid).net_connections("udp")
                if any(link.laddr == (own.ip, own.port) for link in held):
                    return
            await asyncio.sleep(0.02)
        raise StepMissed(f"{self.name}: SIPp didn't come up at {own}: {self.complaint()}")

    async def next_event(self) -> Event | None:
        """The next log line; None when SIPp has ended."""
        assert self._reader is not None, f"{self.name} was not started"
        while line := await self._reader.readline():
            words = line.decode(errors="replace").split()
            if words:
                return Event(words[0], tuple(words[1:]), time.monotonic())
        return None

    async def ended(self, within_s: float) -> int:
        """Its exit code; raises StepMissed when it is still there after `within_s`."""
        assert self._process is not None, f"{self.name} was not started"
        try:
            return await asyncio.wait_for(self._process.wait(), within_s)
        except TimeoutError:
            left = f"{self.name}: SIPp didn't end within {within_s:g} s{self._still_there()}"
            raise StepMissed(left) from None

    async def done(self, within_s: float) -> int:
        """As `ended`; raises StepMissed also when it broke off and left its calls alone."""
        code = await self.ended(within_s)
        if code not in DONE:
            raise StepMissed(f"{self.name}: SIPp broke off (exit code {code}){self._still_there()}")
        return code

    async def finish(self, within_s: float) -> int:
        """Take no new call, end when the last one has (SIGUSR1); its exit code."""
        assert self._process is not None, f"{self.name} was not started"
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGUSR1)
        return await self.ended(within_s)

    async def stop(self) -> None:
        """End it: kindly first, then by SIGKILL. Safe to call at any time."""
        if self._process is not None and self._process.returncode is None:
            for how in (signal.SIGTERM, signal.SIGKILL):
                self._process.send_signal(how)
                try:
                    await asyncio.wait_for(self._process.wait(), END_S)
                    break
                except TimeoutError:
                    continue
        if self._transport is not None:
            self._transport.close()

    def statistics(self) -> Statistics:
        """What SIPp counted; see `parse_statistics`."""
        return parse_statistics(self.statistics_file.read_text())

    def _still_there(self) -> str:
        """Of how many calls it still has, for an error message; "" when it told nothing yet."""
        try:
            told = self.statistics()
        except (OSError, ProgramFailed):
            return ""
        there = told.created - told.successful - told.failed
        words = f": {there} of {told.created} calls are still there"
        return f"{words}; {self.complaint()}" if self.complaint() else words

    def complaint(self) -> str:
        """What SIPp complained of first, for an error message; "" when nothing."""
        if not self.errors.exists():
            return ""
        lines = self.errors.read_text(errors="replace").splitlines()
        return next((line[:COMPLAINT] for line in lines if line.startswith("20")), "")

    async def __aenter__(self) -> "Sipp":
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()


def parse_statistics(text: str) -> Statistics:
    """SIPp's statistics file (semicolons, one row a second): the counts of its last row.

    Raises ProgramFailed when there is none.
    """
    rows = [row for row in csv.DictReader(text.splitlines(), delimiter=";") if row]
    if not rows:
        raise ProgramFailed("SIPp wrote no statistics: it ended before its first second")
    last = rows[-1]
    return Statistics(
        created=int(last["TotalCallCreated"]),
        successful=int(last["SuccessfulCall(C)"]),
        failed=int(last["FailedCall(C)"]),
    )


def tell(sipp: Address, call_id: str, word: str) -> None:
    """Send a scenario the request it waits for (`word` is the SIP method) in one of its calls."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.bind((sipp.ip, 0))
        out.sendto(_request(sipp, call_id, word, out.getsockname()[1]), (sipp.ip, sipp.port))


def _request(to: Address, call_id: str, method: str, port: int) -> bytes:
    lines = (
        f"{method} sip:simulator@{to} SIP/2.0",
        f"Via: SIP/2.0/UDP {to.ip}:{port};branch=z9hG4bK-{time.monotonic_ns()}",
        f"From: <sip:simulator@{to.ip}:{port}>;tag=1",
        f"To: <sip:simulator@{to}>",
        f"Call-ID: {call_id}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:simulator@{to.ip}:{port}>",
        "Max-Forwards: 70",
        "Content-Length: 0",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
