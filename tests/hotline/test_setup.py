"""Set-up: quick when nothing is missing, one sentence when something can't be had."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.hotline.command import NOBODY, PROJECT

NOBODY_ELSE = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
NOWHERE = "http://127.0.0.1:1"


def setup(
    want: str,
    *,
    project: Path = PROJECT,
    as_nobody: bool = False,
    settings: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """`setup/main.sh WANT`, as root or as a user without rights."""
    drop = (*_opened(project), *NOBODY_ELSE) if as_nobody and os.geteuid() == 0 else ()
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HOTLINE_")}
    return subprocess.run(
        [*drop, str(project / "setup" / "main.sh"), want],
        env={**clean, **(settings or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _opened(project: Path) -> tuple[str, ...]:
    """A view of this machine in which nobody is kept out above the project (as in /root)."""
    closed = [p for p in reversed(project.parents) if not p.stat().st_mode & 0o001]
    if not closed:
        return ()
    between = [p for p in reversed(project.parents) if p.is_relative_to(closed[0])][1:]
    open_ones = [word for p in between for word in ("--perms", "0755", "--dir", str(p))]
    cover = ("--perms", "0755", "--tmpfs", str(closed[0]), *open_ones)
    return ("bwrap", "--dev-bind", "/", "/", *cover, "--bind", str(project), str(project), "--")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The project without what set-up brings."""
    skipped = shutil.ignore_patterns(".git", ".venv", ".cache", "var", ".*_cache", "__pycache__")
    return Path(shutil.copytree(PROJECT, tmp_path / "clone", ignore=skipped))


def test_nothing_missing_is_nothing_said_and_quick() -> None:
    begun = time.monotonic()
    done = setup("test")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - begun < 20  # busy machine; 0.7 s on an idle one


def test_complete_for_one_is_complete_for_all() -> None:
    """With set-up complete, a user without rights needs nothing more."""
    done = setup("run", as_nobody=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_something_missing_and_no_rights_is_one_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    done = setup("run", as_nobody=True, settings={"HOTLINE_ASTERISK_ROOT": str(tmp_path / "none")})
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Asterisk 20 or newer" in done.stderr
    assert "sudo make setup" in done.stderr


@pytest.fixture
def broken() -> Iterator[Path]:
    """A folder that nobody's user can see (pytest's own he can't)."""
    with tempfile.TemporaryDirectory(prefix="hotline-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_an_asterisk_that_cant_run_is_told_with_what_it_says(broken: Path) -> None:
    """As where bwrap may not: nobody is told then that there was no Asterisk."""
    (broken / "usr/sbin").mkdir(parents=True)
    (broken / "usr/sbin/asterisk").write_text("#!/nowhere/sh\n")
    (broken / "usr/sbin/asterisk").chmod(0o755)
    for place in ("dev", "proc", "tmp"):
        (broken / place).mkdir()
    done = setup("run", as_nobody=True, settings={"HOTLINE_ASTERISK_ROOT": str(broken)})
    assert done.returncode == 1
    assert f"an Asterisk in {broken} that runs here (it says: bwrap: " in done.stderr
    assert done.stderr.strip().count("\n") == 0


def test_no_network_for_python_packages_is_one_sentence(clone: Path) -> None:
    """The servers can't be reached; what pip said is in the log that is named."""
    nowhere = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": NOWHERE,
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_RETRIES": "0",
        "PIP_CACHE_DIR": str(clone / "cache"),
    }
    done = setup("check", project=clone, settings=nowhere)
    assert done.returncode == 1
    assert "Python environment: no network" in done.stderr
    assert done.stderr.strip().count("\n") == 0
    log = Path(done.stderr.rpartition("(log: ")[2].strip().removesuffix(")"))
    assert "aiohappyeyeballs" in log.read_text()


def test_no_network_for_asterisk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    """A root is built beside its place and moved whole; a failed build is taken away."""
    tmp_path.chmod(0o755)
    apt = tmp_path / "apt.conf"
    apt.write_text(f'Acquire::http::Proxy "{NOWHERE}";\nAcquire::https::Proxy "{NOWHERE}";\n')
    settings = {
        "APT_CONFIG": str(apt),
        "HOTLINE_ASTERISK_ROOT": str(tmp_path / "asterisk"),
        "HOTLINE_CACHE": str(tmp_path / "cache"),
    }
    done = setup("run", settings=settings)
    assert done.returncode == 1
    if os.geteuid() == 0:
        assert "Asterisk 22: no network" in done.stderr
    else:
        assert "sudo make setup" in done.stderr
    assert not list(tmp_path.glob("asterisk*"))


def test_a_package_that_isnt_as_locked_is_seen(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    pinned = (PROJECT / "requirements.lock").read_text()
    lock.write_text(pinned.replace("aiohttp==", "aiohttp==99."))
    command = [str(PROJECT / ".venv/bin/python"), "-I", str(PROJECT / "setup/installed.py")]
    done = subprocess.run(
        [*command, str(lock), str(PROJECT), "0.1.0"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "aiohttp 99." in done.stderr


def test_unknown_wishes_are_refused() -> None:
    assert "set-up knows run, test and check" in setup("everything").stderr
