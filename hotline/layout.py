"""Makes the home's folders and sees that the parts' user, and nobody else, can use them."""

import fcntl
import os
import pwd
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hotline.errors import AlreadyRunning, HomeUnusable
from hotline.home import Home
from hotline.parts import is_root, run_user
from hotline.settings import PROJECT, Settings

CHOOSE = "choose another folder with HOTLINE_HOME"
UNSAFE = re.compile(r"[\x00-\x1f\x7f;#'\"\\%]")


def lay_out(settings: Settings) -> None:
    """Make what is missing; safe to repeat. Raises `HomeUnusable` in one sentence."""
    home = settings.folders
    for path in (home.root, PROJECT):
        if UNSAFE.search(str(path)):
            raise HomeUnusable(
                f"{path}: quotes, ; # % and line breaks are not allowed in this path"
            )
    try:
        _not_anothers(home)
        _folder(home.root, 0o755)
        _folder(home.supervisor, 0o700)
        _folder(home.log, 0o755)
        for folder in _parts_own(home):
            _folder(folder, 0o700)
            _belongs(folder, run_user(settings))
        for socket, user in (
            (home.supervisor_socket, pwd.getpwuid(os.geteuid())),
            (home.redis_socket, run_user(settings)),
        ):
            if not socket.is_relative_to(home.root):
                _private(socket.parent, user)
    except OSError as error:
        place = error.filename or home.root
        raise HomeUnusable(f"home {home.root}: {place}: {error.strerror}: {CHOOSE}") from error


@contextmanager
def locked(home: Home) -> Iterator[None]:
    """Hold the home for one `hotline run`; raises `AlreadyRunning` with the holder's pid."""
    file = home.supervisor / "lock"
    with file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise AlreadyRunning(
                f"home {home.root}: hotline run (process {holder}) already holds it: "
                "stop that one, or use another HOTLINE_HOME and other ports"
            ) from error
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _parts_own(home: Home) -> list[Path]:
    """The folders the parts write: all of the home but the supervisor's and the logs it writes."""
    between = {folder.parent for folder in home.folders()} - {home.root, home.log}
    return sorted({*between, *home.folders()})


def _not_anothers(home: Home) -> None:
    """HOTLINE_HOME=/ must not hand /etc to the parts: a first start needs a place of its own."""
    names = sorted({folder.relative_to(home.root).parts[0] for folder in home.folders()})
    given = {"prompts", "recordings"}  # recordings of prompts may be there before the first start
    there = [name for name in names if name not in given and (home.root / name).exists()]
    if there and not home.supervisor.is_dir():
        raise HomeUnusable(
            f"{home.root}: already holds {', '.join(there)} of another use: {CHOOSE}"
        )


def _folder(path: Path, mode: int) -> None:
    if not path.is_dir():
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        path.chmod(mode)  # whatever the umask was
    if not os.access(path, os.W_OK | os.X_OK):
        owner = pwd.getpwuid(path.stat().st_uid).pw_name
        raise HomeUnusable(
            f"{path}: this user may not write there, it belongs to {owner}: {CHOOSE}"
        )


def _belongs(folder: Path, user: pwd.struct_passwd) -> None:
    """Under root: hand a folder over, with all in it when it was someone else's before."""
    if not is_root() or folder.lstat().st_uid == user.pw_uid:
        return
    for place, folders, files in os.walk(folder):
        os.lchown(place, user.pw_uid, user.pw_gid)
        for name in (*folders, *files):
            os.lchown(Path(place) / name, user.pw_uid, user.pw_gid)


def _private(folder: Path, user: pwd.struct_passwd) -> None:
    """A folder in /tmp is ours only if nobody else made it."""
    if not os.path.lexists(folder):
        folder.mkdir(mode=0o700)
        os.chown(folder, user.pw_uid, user.pw_gid)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != user.pw_uid or found.st_mode & 0o077:
        raise HomeUnusable(
            f"{folder}: made by someone else: remove it, or use a shorter HOTLINE_HOME"
        )
