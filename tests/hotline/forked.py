"""The `hotline` command in a process that has imported it already: a fork of one that waits.

Nine tenths of what a command costs is Python's importing it, under root twice: once before its
rights are dropped, once in the engine's box. Here a fork drops them and goes on: it is the same
command, in a process of its own, as the same user, with its own environment. What the box itself
shows and hides is proved where the real one is run (`tests.hotline.command.hotline`).
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import IO, NoReturn

from hotline import cli
from hotline.loading import load_settings
from hotline.parts import run_user

PROJECT = Path(__file__).resolve().parents[2]
FIELD = 1 << 16
"""Bytes of a request at most: words and an environment."""
_ONE = threading.Lock()


def forked(
    words: Sequence[str], *, environment: Mapping[str, str], cwd: Path, timeout_s: float
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `hotline WORDS`; TimeoutError when it doesn't end."""
    request = json.dumps({"words": words, "environment": dict(environment), "cwd": str(cwd)})
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as errors,
        socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asked,
    ):
        asked.settimeout(timeout_s)
        with _ONE:
            address = _waiting()
        asked.connect(address)
        socket.send_fds(asked, [request.encode()], [out.fileno(), errors.fileno()])
        told = asked.recv(16)
        return int(told or -1), _text(out), _text(errors)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


@cache
def _waiting() -> str:
    """The address of this test process's waiting command; it ends with the test process."""
    name = f"hotline-forked-{os.getpid()}"
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.hotline.forked", name],
        stdin=subprocess.PIPE,  # ours alone: its end is our end
        stdout=subprocess.PIPE,
        cwd="/",
    )
    assert process.stdout is not None
    with process.stdout as told:
        assert told.readline() == b"ready\n"
    atexit.register(process.communicate)
    return f"\0{name}"


def _wait(name: str) -> None:
    """Import what commands need, then one fork for each request, until the test process ends."""
    with open(os.devnull, "w") as nothing, redirect_stdout(nothing):  # as in a pipe: no terminal
        cli.build(())
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a fork but who asked
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        door.bind(f"\0{name}")
        door.listen(100)
        print("ready", flush=True)
        while sys.stdin not in select.select([door, sys.stdin], [], [])[0]:
            asked, _ = door.accept()
            if os.fork() == 0:
                door.close()
                _answer(asked)
            asked.close()


def _answer(asked: socket.socket) -> NoReturn:
    """One command; its exit code goes to who asked."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), 0)
        request, files, _, _ = socket.recv_fds(asked, FIELD, 2)
        for file, standard in zip(files, (1, 2), strict=True):
            os.dup2(file, standard)
        told = json.loads(request)
        os.environ.clear()
        os.environ.update(told["environment"])
        os.chdir(told["cwd"])
        os.execvpe = _go_on  # type: ignore[assignment]  # instead of beginning again in the box
        code = cli.main(told["words"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        asked.send(str(code).encode())
        os._exit(code)


def _go_on(_file: str, command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """What the box would begin, as its user, in its folder, with its environment."""
    python = command.index(sys.executable)
    assert command[python + 1 : python + 4] == ("-P", "-m", "hotline"), command
    owner = run_user(load_settings())
    os.setgroups([])
    os.setgid(owner.pw_gid)
    os.setuid(owner.pw_uid)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(PROJECT)
    raise SystemExit(cli.main(command[python + 4 :]))


if __name__ == "__main__":
    _wait(sys.argv[1])
