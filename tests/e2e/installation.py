"""A whole installation for a test: `hotline run` in a home of its own, on free ports."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any
from unittest import mock

import psutil

from hotline import supervision
from hotline.home import Home
from hotline.loading import load_settings
from hotline.parts import asterisk_command, run_user
from hotline.settings import Settings
from simulator.seats import Account
from simulator.sipp import Address
from tests.e2e.prompts import sounds_of
from tests.hotline.forked import forked
from tests.servers import free_port, wait_until

PROJECT = Path(__file__).resolve().parents[2]
SPEECH = "ivr.speech.worker"
"""The engine's only children: no part of the installation, but of the engine."""
AS_A_TERMINAL = ("env", "--default-signal=HUP")
"""Also where the tests themselves run under nohup, which `hotline run` would go by."""
UP_S = 120.0
END_S = 90.0
COMMAND_S = 240.0
"""One of them plays the whole demonstration."""

TENANTS = """
[[tenants]]
id = "default"
name = "12345政务服务便民热线"
wrap_up_s = 0.5
flap_hold_s = 0
ring_s = 4

[[trunks]]
id = "carrier"
tenant = "default"
match = ["127.0.0.2"]
trusted = true
spellings = { "+86" = "" }
"""

LAST_WORDS = 60
"""Lines of the engine's log that an error tells."""


class Installation(AbstractContextManager["Installation"]):
    """`with Installation() as hotline:`; everything it started is gone afterwards.

    Speech recognition is off unless asked for (`speech="vosk"`): its processes take as long to
    start as all the rest. Other settings are the shipped ones. The prompts' sounds are there, as
    from a start before (`first=True`: they aren't): a home copies fifty megabytes of them.
    """

    def __init__(self, toml: str = TENANTS, *, first: bool = False, **settings: object) -> None:
        self._first = first
        self.home = Path(tempfile.mkdtemp(prefix="hl-e2e-"))
        self.home.chmod(0o755)
        (self.home / "hotline.toml").write_text(toml)
        ports = {name: free_port() for name in ("SIP", "HTTP", "AMI", "AGI")}
        self.sip = Address("127.0.0.1", ports["SIP"])
        self.http = f"http://127.0.0.1:{ports['HTTP']}"
        first = 20_000 + (ports["SIP"] % 100) * 200
        settings = {"speech": "off", **settings}
        given = {f"HOTLINE_{key.upper()}": str(value) for key, value in settings.items()}
        clean = {k: v for k, v in os.environ.items() if not k.startswith("HOTLINE_")}
        self.environment = {
            **clean,
            "HOTLINE_HOME": str(self.home),
            "HOTLINE_RTP_START": str(first),
            "HOTLINE_RTP_END": str(first + 199),
            **{f"HOTLINE_{name}_PORT": str(port) for name, port in ports.items()},
            **given,
        }
        self.output = self.home / "run.out"
        self._process: subprocess.Popen[bytes] | None = None

    # --- life

    def start(self, *words: str) -> None:
        """`hotline run`, and wait until calls can be taken."""
        if not self._first:
            self._give_sounds()
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    *AS_A_TERMINAL,
                    sys.executable,
                    "-m",
                    "hotline",
                    "run",
                    *(words or ("--no-demo",)),
                ],
                cwd=PROJECT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._up_or_failed, seconds=UP_S, what=f"readiness ({self.output})")

    def _give_sounds(self) -> None:
        home, owner = Home(self.home), run_user(self._settings)
        sounds = home.state / "sounds"
        if sounds.exists():
            return
        home.supervisor.mkdir(0o700)
        for folder in (home.state, sounds):
            folder.mkdir(0o700)
            shutil.chown(folder, owner.pw_uid, owner.pw_gid)
        for file in sounds_of(self._settings).iterdir():
            (sounds / file.name).hardlink_to(file)

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(END_S)
        self._process = None
        return code

    def __enter__(self) -> "Installation":
        try:
            self.start()
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
        if self._process is not None:
            self.stop()
        if error is None:
            shutil.rmtree(self.home, ignore_errors=True)

    def _up_or_failed(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"hotline run ended:\n{self.output.read_text()[-3000:]}")
        return self.ready

    # --- doors

    @property
    def ready(self) -> bool:
        """Whether /readyz says that calls can be taken."""
        return self.readiness().get("status") in ("ready", "degraded")

    def readiness(self) -> dict[str, Any]:
        """What /readyz says; empty when nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.http}/readyz", timeout=20) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            return dict(json.load(error))
        except OSError:
            return {}

    def api(self, path: str, *, method: str = "GET", body: object = None) -> Any:
        """One API request with the installation's own token."""
        token = (self.home / "secrets" / "cli_token").read_text().strip()
        request = urllib.request.Request(
            f"{self.http}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def cli(self, *words: str) -> str:
        """One `hotline` command; its output, or an AssertionError with what it said."""
        if "_file = " in (self.home / "hotline.toml").read_text():  # only the box may show it
            return self.real_cli(*words)
        code, out, errors = forked(
            words, environment=self.environment, cwd=PROJECT, timeout_s=COMMAND_S
        )
        assert code == 0, f"hotline {' '.join(words)}: {errors}"
        return out

    def real_cli(self, *words: str) -> str:
        """The same as users run it: a Python of its own, under root in the engine's box."""
        done = subprocess.run(
            [sys.executable, "-m", "hotline", *words],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        assert done.returncode == 0, f"hotline {' '.join(words)}: {done.stderr}"
        return done.stdout

    def asterisk(self, command: str) -> str:
        """One command on Asterisk's own console, as `hotline asterisk` asks it: a Python less for
        what is asked again and again."""
        line = asterisk_command(self._settings, ["-rx", command])
        done = subprocess.run(line, capture_output=True, text=True, timeout=COMMAND_S, check=False)
        assert done.returncode == 0, f"asterisk {command}: {done.stderr}"
        return done.stdout

    @cached_property
    def _settings(self) -> Settings:
        with mock.patch.dict(os.environ, self.environment, clear=True):
            return load_settings()

    # --- what tests ask

    def add_seat(
        self, seat: str, *, skills: Sequence[str] = (), tenant: str = "default", ready: bool = True
    ) -> Account:
        """A new seat, wishing to be ready."""
        words = ["seats", "add", seat, "--tenant", tenant, "--json"]
        for skill in skills:
            words += ["--skill", skill]
        told = json.loads(self.cli(*words))
        if ready:
            path = f"/api/v1/tenants/{tenant}/seats/{seat}/state"
            self.api(path, method="POST", body={"state": "ready"})
        return Account(told["user"], told["password"])

    def tickets(self, tenant: str = "default") -> list[dict[str, Any]]:
        """All tickets, newest first, as the CLI lists them."""
        return list(json.loads(self.cli("tickets", "list", "--json", "--tenant", tenant)))

    def ticket_of(self, caller: str, *, tenant: str = "default") -> dict[str, Any]:
        """The one ticket of this caller; waits until it is there."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            if not self.ready:  # an engine was killed, and the next one isn't there yet
                return False
            told = self.api(f"/api/v1/tenants/{tenant}/tickets?limit=200")["tickets"]
            found[:] = [t for t in told if caller in str(t)]
            return bool(found)

        wait_until(there, seconds=60, what=f"a ticket of {caller}")
        assert len(found) == 1, found
        mine = [t for t in self.tickets(tenant) if t["number"] == found[0]["number"]]
        return mine[0]

    def seat_state(self, seat: str, tenant: str = "default") -> str:
        """What the engine says a seat is doing."""
        told = self.api(f"/api/v1/tenants/{tenant}/seats")["seats"]
        return str(next(s["state"] for s in told if seat in (s.get("id"), s.get("seat_id"))))

    def board(self, tenant: str = "default") -> Mapping[str, Any]:
        """The wallboard as JSON."""
        return dict(self.api(f"/api/v1/tenants/{tenant}/wallboard"))

    def wait(self, ready: Callable[[], bool], what: str, *, seconds: float = 60) -> None:
        """Poll what has no event. The TimeoutError has what the engine said last: its log is gone
        with the installation."""
        try:
            wait_until(ready, seconds=seconds, what=what)
        except TimeoutError as error:
            log = supervision.log_of(Home(self.home), "engine")
            said = log.read_text(errors="replace").splitlines() if log.exists() else []
            raise TimeoutError("\n".join([str(error), *said[-LAST_WORDS:]])) from None

    def no_channels_left(self) -> None:
        """`core show channels` becomes empty."""
        self.wait(
            lambda: "0 active channels" in self.asterisk("core show channels"),
            "the end of every channel",
        )

    # --- breaking things

    def part(self, name: str) -> psutil.Process:
        """The real process of a part, inside its boxes, to be killed by its id."""
        states = supervision.states(Home(self.home)) or {}
        process = psutil.Process(states[name].pid)
        while children := [c for c in process.children() if not _helper(c)]:
            process = children[0]
        return process

    def kill(self, name: str) -> None:
        """SIGKILL to one part."""
        self.part(name).kill()

    def supervisorctl(self, *words: str) -> str:
        """Tell the supervisor (stop engine, start engine, pid engine); what it answers."""
        file = next(self.home.rglob("supervisord.conf"))
        done = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(file), *words],
            check=False,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
        )
        return done.stdout.strip()


def _helper(process: psutil.Process) -> bool:
    """No part of its own: the engine's recognisers, Asterisk's canary."""
    return SPEECH in process.cmdline() or process.name() == "astcanary"
