"""The three parts of an installation and the exact commands that run them.

Started by root, each part runs as the unprivileged user inside bubblewrap, which binds only what
it needs (also below folders that the user could not enter). Started by anyone else, the parts run
as that user; only Asterisk needs bubblewrap then, for its private root.
"""

import os
import pwd
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hotline.home import INSIDE
from hotline.settings import PROJECT, Settings


@dataclass(frozen=True, slots=True)
class Part:
    """One supervised process: `command` is complete; it stays in the foreground."""

    name: str
    command: tuple[str, ...]


def is_root() -> bool:
    return os.geteuid() == 0


def run_user(settings: Settings) -> pwd.struct_passwd:
    """The user the parts run as; raises KeyError when root's chosen user doesn't exist."""
    return pwd.getpwnam(settings.user) if is_root() else pwd.getpwuid(os.geteuid())


def asterisk(settings: Settings) -> Part:
    """Asterisk in its private root, the home bound at /hotline."""
    home = settings.folders
    root = str(settings.asterisk_root)
    binds = ["--ro-bind", root, "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]  # noqa: S108 - bubblewrap's own private /tmp
    for file in ("/etc/resolv.conf", "/etc/localtime"):
        binds += ["--ro-bind-try", file, _mount_point(settings.asterisk_root, file)]
    binds += ["--ro-bind", str(home.root / "etc" / "hosts"), "/etc/hosts"]
    binds += _fallback_binds(settings)
    binds += ["--bind", str(home.root), INSIDE]
    command = ["asterisk", "-f", "-C", f"{INSIDE}/etc/asterisk/asterisk.conf"]
    return Part("asterisk", _boxed(settings, binds, command))


def redis(settings: Settings) -> Part:
    """The private Redis on a Unix socket with its append-only file on."""
    home = settings.folders
    command = ["redis-server", str(home.run / "redis.conf")]
    if not is_root():
        return Part("redis", tuple(command))
    return Part("redis", _boxed(settings, _host_binds(settings), command))


def engine(settings: Settings) -> Part:
    """The engine: this very project, by this very Python."""
    command = [sys.executable, "-m", "hotline", "engine"]
    if not is_root():
        return Part("engine", tuple(command))
    binds = _host_binds(settings)
    for folder in (PROJECT, settings.cache.resolve()):
        binds += ["--ro-bind-try", str(folder), str(folder)]
    binds += ["--bind", str(settings.folders.root), str(settings.folders.root)]
    binds += ["--chdir", str(PROJECT)]
    return Part("engine", _boxed(settings, binds, command))


def hosts_file() -> str:
    """Asterisk's /etc/hosts: without the machine's own name each SIP call waits on DNS."""
    return f"127.0.0.1 localhost {socket.gethostname()}\n::1 localhost\n"


def redis_conf(settings: Settings) -> str:
    """redis.conf of the private Redis: no TCP port, synced every second."""
    home = settings.folders
    lines = (
        "port 0",
        f'unixsocket "{home.redis_socket}"',
        "unixsocketperm 700",
        f'dir "{home.state / "redis"}"',
        "appendonly yes",
        "appendfsync everysec",
        'save ""',
        "daemonize no",
        "maxmemory 1gb",
        "maxmemory-policy noeviction",
    )
    return "\n".join(lines) + "\n"


def _mount_point(root: Path, file: str) -> str:
    """Where `file` really lies below `root`: a symbolic link can't be mounted upon."""
    while (path := root / file.lstrip("/")).is_symlink():
        file = os.path.normpath(Path(file).parent / os.readlink(path))
    return file


def _fallback_binds(settings: Settings) -> list[str]:
    """The stand-alone AGI scripts and pyst2, at fixed inside paths."""
    import asterisk as pyst2

    package = Path(next(iter(pyst2.__path__)))
    return [
        *("--tmpfs", "/opt"),  # mount points can't be made in the read-only root itself
        *("--perms", "0755", "--dir", "/opt/hotline-agi"),
        "--ro-bind",
        str(PROJECT / "agi_scripts"),
        "/opt/hotline-agi/agi_scripts",
        "--ro-bind",
        str(package),
        "/opt/hotline-agi/asterisk",
    ]


def _host_binds(settings: Settings) -> list[str]:
    """The host's programs, read-only, and the home: what engine and Redis may see."""
    binds: list[str] = []
    for folder in ("/usr", "/etc"):
        binds += ["--ro-bind", folder, folder]
    for link in ("/bin", "/sbin", "/lib", "/lib64"):
        binds += _same(Path(link))
    binds += ["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]  # noqa: S108 - a private /tmp
    binds += ["--ro-bind-try", "/run/postgresql", "/run/postgresql"]
    socket_folder = settings.folders.redis_socket.parent
    binds += ["--bind", str(settings.folders.root), str(settings.folders.root)]
    if not socket_folder.is_relative_to(settings.folders.root):
        binds += ["--bind", str(socket_folder), str(socket_folder)]
    return binds


def _same(path: Path) -> list[str]:
    if path.is_symlink():
        return ["--symlink", os.readlink(path), str(path)]
    return ["--ro-bind-try", str(path), str(path)]


def _boxed(settings: Settings, binds: Sequence[str], command: Sequence[str]) -> tuple[str, ...]:
    """bubblewrap around a command; under root with all rights dropped.

    The death signal is set again after the drop, because changing the user clears it.
    """
    box = ["bwrap", *binds, "--die-with-parent"]
    if not is_root():
        return (*box, "--unshare-user", "--", *command)
    user = run_user(settings)
    drop = [
        "setpriv",
        "--reuid",
        str(user.pw_uid),
        "--regid",
        str(user.pw_gid),
        "--clear-groups",
        "--inh-caps=-all",
        "--bounding-set=-all",
        "--no-new-privs",
        "--pdeathsig",
        "TERM",
    ]
    return (*box, "--", *drop, *command)
