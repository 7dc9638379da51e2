"""A private Redis and a private PostgreSQL for the failover bench, reachable by the parts' user."""

import asyncio
import contextlib
import os
import pwd
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from hotline.errors import PartsFailed

START_S = 30.0
USER = "postgres"


@contextlib.asynccontextmanager
async def redis(folder: Path) -> AsyncIterator[str]:
    """Redis on a socket in `folder`; its URL."""
    socket = folder / "redis.sock"
    options = {
        "port": "0", "unixsocket": str(socket), "unixsocketperm": "777", "dir": str(folder),
        "appendonly": "yes", "save": "",
    }  # fmt: skip
    words = [word for key, value in options.items() for word in (f"--{key}", value)]
    async with _server(["redis-server", *words], folder / "redis.log", socket.exists):
        yield f"unix://{socket}"


@contextlib.asynccontextmanager
async def postgres(folder: Path, **more: str) -> AsyncIterator[str]:
    """PostgreSQL on a socket in `folder`, as its own user; the URL of an empty database. `more`
    are settings of postgresql.conf.

    Raises PartsFailed where PostgreSQL isn't installed (`make test` installs it).
    """
    programs = await asyncio.to_thread(_programs)
    owner = pwd.getpwnam(USER)
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    rights = ["--reuid", str(owner.pw_uid), "--regid", str(owner.pw_gid), "--clear-groups"]
    data = folder / "data"
    init = [str(programs / "initdb"), "-D", str(data), "-U", USER, "--auth=trust", "--no-sync"]
    await asyncio.to_thread(
        subprocess.run,
        ["setpriv", *rights, *init],
        check=True,
        capture_output=True,
        cwd="/",
        timeout=120,
    )
    settings = {"listen_addresses": "", "unix_socket_directories": str(folder), **more}
    words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    serve = [str(programs / "postgres"), "-D", str(data), *words]

    def answers() -> bool:
        asked = [str(programs / "pg_isready"), "-q", "-h", str(folder)]
        return subprocess.run(asked, check=False, capture_output=True).returncode == 0

    async with _server(serve, folder.parent / "postgres.log", answers, rights):
        yield f"postgresql+asyncpg://{USER}@/postgres?host={folder}"


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    if not found:
        raise PartsFailed("this bench needs PostgreSQL: apt-get install postgresql")
    return found[-1]


@contextlib.asynccontextmanager
async def _server(
    words: list[str], log: Path, answers: Callable[[], bool], rights: Sequence[str] = ()
) -> AsyncIterator[None]:
    """A server for the length of the block; it ends with us, whatever happens.

    `rights` are taken in the same step: a change of user afterwards forgets the death signal.
    """
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *("setpriv", *rights, "--pdeathsig", "INT", *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
        )
    try:
        deadline = asyncio.get_running_loop().time() + START_S
        while not await asyncio.to_thread(answers):
            if process.returncode is not None or asyncio.get_running_loop().time() > deadline:
                said = await asyncio.to_thread(log.read_text)
                raise PartsFailed(f"{words[0]} didn't start: {said[-300:]}")
            await asyncio.sleep(0.05)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                process.kill()
                await process.wait()
