"""The three parts of an installation and the exact commands that run them.

Started by root, each part runs as the unprivileged user inside bubblewrap, which binds only what
it needs (also below folders that the user could not enter). Started by anyone else, the parts run
as that user; only Asterisk needs bubblewrap then, for its private root.

No part outlives whoever started it. Inside a box that is the process namespace's doing (a death
signal from a box without rights wouldn't reach the other user's process), elsewhere the death
signal's.
"""

import os
import pwd
import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from hotline.home import INSIDE
from hotline.settings import PROJECT, Settings

PROGRAMS = ("usr", "bin", "sbin", "lib", "lib64")
AGI_INSIDE = "/opt/hotline-agi"


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


def all_parts(settings: Settings) -> tuple[Part, ...]:
    """The parts in the order they start; Redis is none of ours when a URL is set."""
    private = () if settings.redis_url else (redis(settings),)
    if settings.node:
        return (*private, asterisk(settings), engine(settings), spare(settings))
    return (*private, asterisk(settings), engine(settings))


def asterisk(settings: Settings) -> Part:
    """Asterisk in its private root, the home bound at /hotline."""
    return Part("asterisk", asterisk_command(settings, ["-f"]))


def asterisk_command(settings: Settings, arguments: Sequence[str]) -> tuple[str, ...]:
    """Asterisk's program inside its box: `-f` runs it, `-rx` asks a running one."""
    config = f"{INSIDE}/etc/asterisk/asterisk.conf"
    return beside_asterisk(settings, ["asterisk", "-C", config, *arguments])


def beside_asterisk(settings: Settings, command: Sequence[str]) -> tuple[str, ...]:
    """Any command in Asterisk's box, such as what its AGI scripts need to run."""
    home = settings.folders
    binds = _root(settings.asterisk_root)
    for file in ("/etc/resolv.conf", "/etc/localtime"):
        binds += ["--ro-bind-try", file, _mount_point(settings.asterisk_root, file)]
    binds += ["--ro-bind", str(home.hosts), "/etc/hosts"]
    binds += _fallback_binds()
    binds += ["--bind", str(home.root), INSIDE]
    return _boxed(settings, binds, command)


def redis(settings: Settings) -> Part:
    """The private Redis on a Unix socket with its append-only file on."""
    command = ["redis-server", str(settings.folders.redis_conf)]
    if not is_root():
        return Part("redis", _bound_to_parent(command))
    return Part("redis", _boxed(settings, _host_binds(settings), command))


def engine(settings: Settings) -> Part:
    """The engine: this very project, by this very Python."""
    return Part("engine", as_engine(settings, ["engine"]))


def bare_engine(settings: Settings) -> Part:
    """The benchmark's engine of doors and matcher alone."""
    return Part("engine", as_engine(settings, [], module="hotline.arena_bare"))


def spare(settings: Settings) -> Part:
    """The engine that takes over when the other dies; in a cluster only."""
    return Part("spare", as_engine(settings, ["engine", "--spare"]))


def as_engine(
    settings: Settings, arguments: Sequence[str], *, module: str = "hotline"
) -> tuple[str, ...]:
    """The `hotline` command (or another module of ours) with the engine's rights: under root in
    its box, as its user."""
    command = [sys.executable, "-P", "-m", module, *arguments]
    if not is_root():
        return _bound_to_parent(command)
    binds = _host_binds(settings)
    readable = (PROJECT, settings.cache.resolve(), *named_files(settings))
    for path in readable:
        binds += [*_parents(path), "--ro-bind-try", str(path), str(path)]
    home = str(settings.folders.root)
    binds += ["--bind", home, home]  # again: it may lie below the read-only project
    binds += ["--chdir", str(PROJECT)]
    return _boxed(settings, binds, command)


def patient(part: Part) -> tuple[str, ...]:
    """The part's command for a supervisor that signals the whole process group.

    A box ended by SIGTERM would take its part along at once; one that ignores it waits until the
    part, asked by the same signal, has ended in its own time.
    """
    return ("env", "--ignore-signal=TERM", *part.command)


def hosts_file() -> str:
    """Asterisk's /etc/hosts: without the machine's own name each SIP call waits on DNS."""
    return f"127.0.0.1 localhost {socket.gethostname()}\n::1 localhost\n"


def redis_conf(settings: Settings) -> str:
    """redis.conf of the private Redis: no TCP port, synced every second (the last write before a
    silence after a second and a half)."""
    home = settings.folders
    lines = (
        "port 0",
        f'unixsocket "{home.redis_socket}"',
        "unixsocketperm 700",
        f'dir "{home.state / "redis"}"',
        "appendonly yes",
        "appendfsync everysec",
        "hz 2",  # wakes for housekeeping, also when nothing happens; ten a second are the default
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


def _fallback_binds() -> list[str]:
    """The stand-alone AGI scripts and pyst2, at fixed inside paths."""
    import asterisk as pyst2

    package = Path(next(iter(pyst2.__path__)))
    return [
        *_parents(Path(AGI_INSIDE) / "x"),
        *("--ro-bind", str(PROJECT / "agi_scripts"), f"{AGI_INSIDE}/agi_scripts"),
        *("--ro-bind", str(package), f"{AGI_INSIDE}/asterisk"),
    ]


def _root(root: Path) -> list[str]:
    """Programs, configuration and sounds of a root, read-only, with a /tmp of its own.

    Piece by piece instead of the whole root: mount points can't be made in a read-only one.
    """
    binds: list[str] = []
    for name in PROGRAMS:
        path = root / name
        if path.is_symlink():
            binds += ["--symlink", os.readlink(path), f"/{name}"]
        else:
            binds += ["--ro-bind-try", str(path), f"/{name}"]
    binds += ["--ro-bind", str(root / "etc"), "/etc"]
    library = Path("/var/lib/asterisk")
    binds += [*_parents(library), "--ro-bind-try", str(root / "var/lib/asterisk"), str(library)]
    tmp = ["--perms", "1777", "--tmpfs", "/tmp"]  # noqa: S108 - the box's own
    return [*binds, "--dev", "/dev", "--proc", "/proc", *tmp]


def _host_binds(settings: Settings) -> list[str]:
    """The host's programs, read-only, and the home: what engine and Redis may see."""
    home = settings.folders
    binds = _root(Path("/"))
    resolver = Path("/etc/resolv.conf").resolve()  # often a link into /run
    if resolver.is_relative_to("/run"):
        binds += [*_parents(resolver), "--ro-bind-try", str(resolver), str(resolver)]
    for folder in _socket_folders(settings):
        binds += [*_parents(folder), "--ro-bind-try", str(folder), str(folder)]
    for folder in (home.root, home.redis_socket.parent):  # the latter's goes with each boot
        binds += [*_parents(folder), "--bind-try", str(folder), str(folder)]
    return binds


def _socket_folders(settings: Settings) -> Iterable[Path]:
    """Folders of the Unix sockets that a shared database or Redis is reached by."""
    yield Path("/run/postgresql")
    database, redis = urlsplit(settings.database_url), urlsplit(settings.redis_url)
    yield from (Path(h) for h in parse_qs(database.query).get("host", ()) if h.startswith("/"))
    if redis.scheme == "unix":
        yield Path(redis.path).parent


def named_files(settings: Settings) -> Iterable[Path]:
    """Files the settings name: the engine reads them itself, wherever they lie."""
    files = [settings.config]
    for tenant in settings.tenants:
        files += [tenant.lines_file, tenant.flow_file, tenant.queues_file]
        files += [tenant.roster_file, tenant.policy_file, tenant.calendar_file]
        files += [tenant.units_file, tenant.peers_file]
    files += [t.registration.password_file for t in settings.trunks if t.registration]
    files.append(settings.cluster_secret_file)
    files += settings.speech_models.values()
    return [file.resolve() for file in files if file is not None]


def _parents(path: Path) -> list[str]:
    """Folders above a mount point that anyone may pass: those bubblewrap makes are 0700."""
    above = [parent for parent in reversed(path.parents) if parent != Path("/")]
    return [word for parent in above for word in ("--perms", "0755", "--dir", str(parent))]


def _bound_to_parent(command: Sequence[str]) -> tuple[str, ...]:
    return ("setpriv", "--pdeathsig", "TERM", "--", "env", "--default-signal=TERM", *command)


def _boxed(settings: Settings, binds: Sequence[str], command: Sequence[str]) -> tuple[str, ...]:
    """bubblewrap around a command; under root with all rights dropped."""
    box = ["bwrap", *binds, "--die-with-parent", "--unshare-pid"]
    inner = ["env", "--default-signal=TERM", *command]  # `patient` starts the box without it
    if not is_root():
        return (*box, "--unshare-user", "--", *inner)
    user = run_user(settings)
    drop = ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]
    drop += ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
    return (*box, "--", *drop, *inner)
