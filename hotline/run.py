"""`hotline run`: checks, prepares the home, starts the parts, stays in front, ends them all."""

import contextlib
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network
from types import FrameType

import psutil
from rich.console import Console
from rich.markup import escape

from hotline import api, leftovers, ports, secrets_kept, supervision
from hotline.demo_trunk import demo_address, networks
from hotline.errors import BadRequest, EngineAway, PartsFailed
from hotline.last_words import LastWords
from hotline.layout import lay_out, locked
from hotline.parts import as_engine, run_user
from hotline.settings import PROJECT, Settings
from hotline.setup_check import check_setup
from hotline.supervision import PartState

UP_S = 60.0
LOOK_S = 5.0
"""So often, until calls can be taken, it is looked whether somebody else has our ports."""
HOPELESS = 3
END_S = 30.0
LEFTOVER_S = 15.0


class Runner:
    """One `hotline run` from its first check to the end of its last process."""

    def __init__(self, settings: Settings, console: Console) -> None:
        self._settings = settings
        self._home = settings.folders
        self._console = console
        self._known = self._home.supervisor / "processes.json"
        self._stop = threading.Event()
        self._begun_s = time.monotonic()
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._words: LastWords | None = None
        self._pids: dict[str, int] = {}
        self._ever: dict[str, int] = {}
        self._restarts: Counter[str] = Counter()

    def run(self, *, demo: bool) -> None:
        """Stay until a signal comes; raises a `HotlineError` when it can't begin or go on."""
        check_setup(self._settings)
        lay_out(self._settings)
        with locked(self._home), self._signals():
            swept = leftovers.sweep(self._known, patience_s=LEFTOVER_S)
            if swept:
                self._tell(f"ended {swept} processes an earlier start left behind")
            ports.check_free(ports.listeners(self._settings))
            self._tell(f"home {self._home.root}, as user {run_user(self._settings).pw_name}")
            self._prepare()
            try:
                self._supervisor = supervision.start(self._settings)
                assert self._supervisor.stdout is not None
                self._words = LastWords(self._supervisor.stdout)
                self._come_up()
                if not self._stop.is_set():
                    self._welcome()
                    self._demonstrate(demo)
                    self._stay()
            finally:
                self._end()

    def _prepare(self) -> None:
        done = subprocess.run(
            as_engine(self._settings, ["prepare", "--laid-out"]),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=supervision.environment(self._settings),
            cwd=PROJECT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PartsFailed(_last_line(done.stderr).removeprefix("hotline: ") or "prepare failed")
        for line in done.stdout.splitlines():
            self._tell(line)

    def _come_up(self) -> None:
        """Wait until calls can be taken; raises `PartsFailed` with the last words of who failed."""
        running: set[str] = set()
        begun = looked = time.monotonic()
        while not self._stop.wait(0.1):
            states = self._watch()
            for name, part in states.items():
                if part.state == "RUNNING" and name not in running:
                    running.add(name)
                    self._tell(f"{name} runs")
            ready, now = len(states) > 0 and self._ready(), time.monotonic()
            if ready or now > looked + LOOK_S:
                looked = now
                self._look_at_ports()
            if ready:
                self._watch()
                return
            if now > begun + UP_S:
                raise PartsFailed(self._why(states.values()))
            for name, times in self._restarts.items():
                if times >= HOPELESS:
                    raise PartsFailed(self._why(p for p in states.values() if p.name == name))

    def _ready(self) -> bool:
        """Raises `AnotherInstallation` when it is that which can take calls: it had our port as
        free as we had when we looked."""
        try:
            ready = api.readiness(self._settings)[0]
        except EngineAway:
            return False
        if ready:
            api.refuse_another(self._settings)
        return ready

    def _why(self, parts: Iterable[PartState]) -> str:
        """The last words of the first of these parts that isn't up."""
        for part in parts:
            if part.state == "RUNNING" and self._restarts[part.name] < HOPELESS:
                continue
            log = supervision.log_of(self._home, part.name)
            words = _last_line(log.read_text(errors="replace")) if log.exists() else ""
            return f"{part.name} does not stay up: {words or part.detail} (log: {log})"
        return (
            f"no call can be taken after {UP_S:.0f} s: {self._lacking()} (logs: {self._home.log})"
        )

    def _lacking(self) -> str:
        """What /readyz says of the parts that don't answer."""
        try:
            parts = api.readiness(self._settings)[1].get("parts", {})
        except EngineAway as error:
            return str(error)
        down = [f"{name}: {part['detail']}" for name, part in parts.items() if not part["up"]]
        return "; ".join(down) or "every part answers by now"

    def _look_at_ports(self) -> None:
        """Raises `PortTaken` when somebody took one of ours while we prepared the home."""
        assert self._supervisor is not None
        with contextlib.suppress(psutil.Error):  # the supervisor's end is told elsewhere
            below = psutil.Process(self._supervisor.pid).children(recursive=True)
            ports.check_ours(ports.listeners(self._settings), {process.pid for process in below})

    def _watch(self) -> dict[str, PartState]:
        """Every part's state; whoever got a new process id is remembered, and told of."""
        if self._supervisor is None or self._supervisor.poll() is not None:
            words = _last_line(self._words.text() if self._words else "") or "no reason given"
            log = self._home.supervisor / "supervisord.log"
            raise PartsFailed(f"the supervisor ended: {words} (log: {log})")
        states = supervision.states(self._home) or {}
        pids = {name: part.pid for name, part in states.items() if part.pid}
        if pids != self._pids:
            self._remember(self._supervisor.pid, pids.values())
            for name, pid in pids.items():
                if self._ever.get(name, pid) != pid:
                    self._restarts[name] += 1
                    self._tell(f"{name} had ended and was started again", style="yellow")
            self._pids = pids
            self._ever |= pids
        return states

    def _remember(self, supervisor: int, parts: Iterable[int]) -> None:
        try:
            leftovers.remember(self._known, [supervisor, *parts])
        except OSError as error:  # the disk is full: no reason to end anything
            self._tell(f"the parts' process ids can't be noted: {error}", style="yellow")

    def _welcome(self) -> None:
        s = self._settings
        self._tell("ready for calls", style="bold green")
        lines = (
            "",
            f"  Wallboard   {api.base_url(s)}/{self._fragment()}",
            f"  Call        sip:12345@{_sip_address(s)} from a trunk's address "
            f"({_trunk_addresses(s)})",
            f"  Try it      {_try_it(s)}",
            "  A phone     as a seat: hotline seats add 1001; as a trunk: docs/trunks.md",
            "  Tickets     hotline tickets list",
            "  End         Ctrl-C",
            "",
        )
        with contextlib.suppress(OSError, SystemExit):
            self._console.print("\n".join(lines), soft_wrap=True, highlight=False, markup=False)

    def _fragment(self) -> str:
        """The page's token: in the fragment it reaches no log."""
        try:
            return f"#token={secrets_kept.read(self._home, secrets_kept.PAGE_TOKEN)}"
        except FileNotFoundError:
            return "  (no token yet: the database was away; start again when it is back)"

    def _demonstrate(self, wanted: bool) -> None:
        """The demonstration is a command of its own: its end, good or bad, ends nothing here."""
        if not wanted:
            return
        try:
            demo_address(self._settings.trunks)
        except BadRequest as why:
            self._tell(f"no demonstration: {why}")
            return
        command = [*as_engine(self._settings, ["demo"])]
        player = subprocess.Popen(command, env=supervision.environment(self._settings), cwd=PROJECT)
        while player.poll() is None and not self._stop.wait(0.2):
            self._watch()
        if player.poll() is None:
            player.terminate()
            player.wait(END_S)
        elif player.returncode:
            self._tell("the demonstration failed; the system stays up", style="red")

    def _stay(self) -> None:
        while not self._stop.wait(1.0):
            self._watch()

    def _end(self) -> None:
        """End supervisord, and with it the parts; then see that really nobody is left."""
        if self._supervisor is None:
            return
        begun = time.monotonic()
        self._tell("ending")
        if self._pids:
            self._remember(self._supervisor.pid, self._pids.values())
        self._supervisor.terminate()
        try:
            self._supervisor.wait(END_S)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()
        leftovers.sweep(self._known, patience_s=LEFTOVER_S)
        self._tell(f"ended in {time.monotonic() - begun:.1f} s, no process left")

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def ask_to_stop(number: int, frame: FrameType | None) -> None:
            self._stop.set()

        asked = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup wants it ignored
            asked.append(signal.SIGHUP)
        before = [signal.signal(number, ask_to_stop) for number in asked]
        try:
            yield
        finally:
            for number, handler in zip(asked, before, strict=True):
                signal.signal(number, handler)

    def _tell(self, what: str, style: str = "") -> None:
        passed = time.monotonic() - self._begun_s
        line = f"[dim]{passed:6.1f} s[/]  {escape(what)}"
        with contextlib.suppress(OSError, SystemExit):  # whoever read us left: go on, end in order
            self._console.print(line, style=style, highlight=False, soft_wrap=True)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def _trunk_addresses(settings: Settings) -> str:
    known = [str(net).removesuffix("/32") for net in _networks(settings)]
    return ", ".join(known) or "none is configured by address"


def _try_it(settings: Settings) -> str:
    """A call anyone can place on this machine, from a trunk's address on loopback."""
    for network in _networks(settings):
        if network.is_loopback and network.num_addresses == 1:
            source, target = network.network_address, _sip_address(settings)
            return f"sipp -sn uac -i {source} -s 12345 -d 20000 -m 1 {target}"
    return "call from a trunk (docs/trunks.md)"


def _sip_address(settings: Settings) -> str:
    return f"{api.from_here(settings.sip_bind)}:{settings.sip_port}"


def _networks(settings: Settings) -> list[IPv4Network | IPv6Network]:
    return [network for trunk in settings.trunks for network in networks(trunk)]
