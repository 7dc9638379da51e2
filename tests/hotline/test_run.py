"""`hotline run`: keeps its parts alive, ends with all of them, whatever it dies of."""

import contextlib
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import pytest

from hotline.settings import Settings
from tests.e2e.installation import UP_S, Installation
from tests.hotline.command import PROJECT
from tests.servers import free_port, wait_until

pytestmark = pytest.mark.e2e

PARTS = ("redis", "asterisk", "engine")
AS_SHIPPED = {"speech": "vosk"}
GONE_S = 60.0  # more than `hotline run` gives its parts (30 s) and what they leave behind (15 s)


def family(installation: Installation) -> list[psutil.Process]:
    """`hotline run` and everything below it."""
    assert installation._process is not None
    run = psutil.Process(installation._process.pid)
    return [run, *run.children(recursive=True)]


def all_gone(processes: list[psutil.Process]) -> bool:
    """Ended and taken note of: a zombie's parent may be this very test."""
    return all(
        not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        for process in processes
    )


def supervisor(processes: list[psutil.Process]) -> psutil.Process:
    return next(p for p in processes if "supervisor.supervisord" in p.cmdline())


def ready_times(installation: Installation, count: int) -> None:
    """Wait until `hotline run` has said so often that calls can be taken."""
    wait_until(
        lambda: installation.output.read_text().count("ready for calls") == count,
        seconds=UP_S,
        what=f"start {count} ({installation.output})",
    )


def forget(installation: Installation) -> None:
    """Its first process is dead by the test's own hand: nothing left to stop."""
    assert installation._process is not None
    installation._process.wait(GONE_S)
    installation._process = None


def run_again(installation: Installation, **settings: str) -> subprocess.CompletedProcess[str]:
    """Another `hotline run` on the same home, which must not come up."""
    return subprocess.run(
        [sys.executable, "-m", "hotline", "run", "--no-demo"],
        env={**installation.environment, **settings},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def shared() -> Iterator[Installation]:
    """One installation for the tests that leave it as they found it."""
    with Installation(**AS_SHIPPED) as installation:
        yield installation


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_part_is_started_again(shared: Installation, part: str) -> None:
    before = shared.part(part).pid
    shared.kill(part)

    def another() -> bool:
        try:
            return shared.part(part).pid != before and shared.ready
        except (LookupError, ValueError, psutil.Error):  # not there yet, or gone again
            return False

    wait_until(another, seconds=60, what=f"{part} again")
    wait_until(
        lambda: f"{part} had ended and was started again" in shared.output.read_text(),
        what="the word of it",
    )


def test_parts_have_no_rights_of_root(shared: Installation) -> None:
    user = Settings().user if os.geteuid() == 0 else psutil.Process().username()
    for part in PARTS:
        process = shared.part(part)
        assert process.username() == user, part
        assert process.uids().effective == process.uids().saved == process.uids().real
        capable = next(
            line
            for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
            if line.startswith("CapEff")
        )
        if os.geteuid() == 0:
            assert int(capable.split()[1], 16) == 0, part


def test_the_page_that_is_printed_opens_with_its_token(shared: Installation) -> None:
    said = shared.output.read_text()
    token = said.partition("/#token=")[2].split()[0]
    kept = (shared.home / "secrets" / "page_token").read_text().strip()
    assert token == kept
    assert f"{shared.http}/#token=" in said


def test_a_second_run_on_the_same_home_is_refused(shared: Installation) -> None:
    done = run_again(shared)
    assert done.returncode == 1
    assert "already holds it" in done.stderr
    assert done.stderr.count("\n") == 1


def test_secrets_never_reach_a_log(shared: Installation) -> None:
    secrets = [file.read_text().strip() for file in (shared.home / "secrets").iterdir()]
    kept = [s for s in secrets if len(s) > 30]
    for log in (shared.home / "log").rglob("*.log*"):
        text = log.read_text(errors="replace")
        assert not [s for s in kept if s in text], log


def test_two_installations_live_side_by_side(shared: Installation) -> None:
    with Installation() as other:
        assert shared.ready
        assert other.ready
        others = family(other)
        mine = {shared.part(part).pid for part in PARTS}
    wait_until(lambda: all_gone(others), seconds=GONE_S, what="the other's end")
    assert {shared.part(part).pid for part in PARTS} == mine
    assert shared.ready


def test_an_asterisk_without_its_sip_port_takes_no_calls_and_says_so(shared: Installation) -> None:
    """Somebody had the port while it was started again: its manager answers, but no call comes."""

    def sip() -> dict[str, object]:
        return dict(shared.readiness().get("parts", {}).get("sip", {}))

    wait_until(lambda: "ready for calls" in shared.output.read_text(), what="the start")
    complaints = shared.home / "log/asterisk/messages.log"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        shared.kill("asterisk")
        wait_until(lambda: bound(stranger, shared), what="the port")
        wait_until(lambda: "could not be started" in complaints.read_text(), what="no SIP")
    wait_until(lambda: sip().get("up") is False, seconds=60, what="the word of it")
    assert shared.readiness()["status"] == "not-ready"
    assert str(shared.sip.port) in str(sip()["detail"])
    shared.kill("asterisk")
    wait_until(lambda: shared.ready, seconds=60, what="calls again")


def bound(stranger: socket.socket, shared: Installation) -> bool:
    """Whether a stranger has the SIP port now."""
    with contextlib.suppress(OSError):
        stranger.bind((shared.sip.ip, shared.sip.port))
        return True
    return False


def test_a_taken_port_is_one_sentence_and_nothing_is_started() -> None:
    """Who has it and which setting moves ours, before any part is started."""
    installation = Installation()
    try:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = str(other.getsockname()[1])
            done = run_again(installation, HOTLINE_HTTP_PORT=port)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert f"TCP port {port} on 127.0.0.1 (pages and API) is taken" in done.stderr
        assert "HOTLINE_HTTP_PORT" in done.stderr
        assert not list(installation.home.glob("log/*.log"))
    finally:
        installation.__exit__(None, None, None)


class ToAnother(socketserver.BaseRequestHandler):
    """Whoever asks here is answered by another installation."""

    target: int

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.target)) as far:
            far.sendall(self.request.recv(65536))
            while answer := far.recv(65536):
                self.request.sendall(answer)


def said_when_taken_meanwhile(
    late: Installation, taken: AbstractContextManager[object]
) -> list[str]:
    """What its `hotline run`, which failed, has said when somebody took a port after the check."""
    output = late.home / "late.out"
    try:
        with output.open("wb") as said:
            run = subprocess.Popen(
                [sys.executable, "-m", "hotline", "run", "--no-demo"],
                env=late.environment,
                cwd=PROJECT,
                stdout=said,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: "as user" in output.read_text(), seconds=UP_S, what="the check's end")
        with taken:
            assert run.wait(UP_S) != 0
        return output.read_text().splitlines()
    finally:
        late.__exit__(None, None, None)


@contextlib.contextmanager
def answering(port: int, handler: type[ToAnother]) -> Iterator[None]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", port), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def test_a_port_another_installation_took_meanwhile_is_one_sentence(shared: Installation) -> None:
    """It was free when we looked; that whoever has it can take calls says nothing of ours."""
    late = Installation()
    handler = type("Handler", (ToAnother,), {"target": int(shared.http.rpartition(":")[2])})
    ours = int(late.http.rpartition(":")[2])
    said = said_when_taken_meanwhile(late, answering(ours, handler))
    assert "another installation answers there" in said[-1]
    assert "HOTLINE_HTTP_PORT" in said[-1]
    assert "no process left" in said[-2]
    assert not any("ready for calls" in line for line in said)


@contextlib.contextmanager
def listening(port: int) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", port)):
        yield


def test_a_port_nobody_answers_at_and_somebody_took_meanwhile_is_one_sentence() -> None:
    """Asterisk runs on without its manager: it is told within seconds, not after a minute."""
    late = Installation()
    manager = int(late.environment["HOTLINE_AMI_PORT"])
    said = said_when_taken_meanwhile(late, listening(manager))
    assert f"TCP port {manager} on 127.0.0.1 (Asterisk's manager) is taken" in said[-1]
    assert f"(process {os.getpid()})" in said[-1]
    assert "HOTLINE_AMI_PORT" in said[-1]
    assert "no process left" in said[-2]


def test_a_setup_that_lacks_something_is_one_sentence(tmp_path: Path) -> None:
    installation = Installation()
    try:
        tmp_path.chmod(0o755)
        missing = {"HOTLINE_CACHE": str(tmp_path), "HOTLINE_ASTERISK_ROOT": str(tmp_path)}
        done = run_again(installation, **missing)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        for word in ("Asterisk is missing", "prompts are missing", "make setup"):
            assert word in done.stderr
    finally:
        installation.__exit__(None, None, None)


def test_a_first_start_without_the_database_takes_calls() -> None:
    """Tickets wait in the journal; the page's token comes with the database."""
    nowhere = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    with Installation(first=True, database_url=nowhere) as installation:
        ready_times(installation, 1)
        assert installation.readiness()["status"] == "degraded"
        wait_until(
            lambda: "Ctrl-C" in installation.output.read_text(),
            seconds=UP_S,
            what=f"the last line of the start ({installation.output})",
        )
        said = installation.output.read_text()
        assert "database away" in said
        assert "no token yet" in said


def test_a_part_that_never_stays_up_is_told_with_its_last_words(tmp_path: Path) -> None:
    """An Asterisk that can't start: the others are ended again, the exit code tells it."""
    tmp_path.chmod(0o755)
    for folder in ("etc", "usr/sbin"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("etc/hosts", "etc/resolv.conf", "etc/localtime"):
        (tmp_path / file).touch()
    (tmp_path / "usr/sbin/asterisk").touch(0o755)
    installation = Installation()
    try:
        done = run_again(installation, HOTLINE_ASTERISK_ROOT=str(tmp_path))
        assert done.returncode == 1
        assert "asterisk does not stay up: " in done.stderr
        assert "no process left" in done.stdout
    finally:
        installation.__exit__(None, None, None)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_every_process(how: signal.Signals) -> None:
    with Installation(**AS_SHIPPED) as installation:
        ready_times(installation, 1)
        processes = family(installation)
        assert len(processes) >= 5
        processes[0].send_signal(how)
        assert installation._process is not None
        assert installation._process.wait(GONE_S) == 0
        installation._process = None
        assert all_gone(processes), "`hotline run` ended before its processes did"
        assert "no process left" in installation.output.read_text()


@pytest.mark.parametrize("also_supervisor", [False, True])
def test_sigkill_leaves_no_process_and_the_next_start_works(also_supervisor: bool) -> None:
    with Installation(**AS_SHIPPED) as installation:
        ready_times(installation, 1)
        processes = family(installation)
        victims = [processes[0], *([supervisor(processes)] if also_supervisor else [])]
        for victim in victims:
            victim.kill()
        forget(installation)
        installation.start()  # at once: what is still ending is waited for
        ready_times(installation, 2)
        assert all_gone(processes)


def test_ports_given_free_again_are_not_kept_by_anyone() -> None:
    """A start, an end, a start: the second finds every port free."""
    with Installation(agi_port=free_port()) as installation:
        assert installation.stop() == 0
        installation.start()
        assert installation.ready
