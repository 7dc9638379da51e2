"""supervisord keeps the parts alive; this writes its configuration, starts it and asks it."""

import os
import shlex
import subprocess
import sys
import xmlrpc.client
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, cast

from hotline.home import Home
from hotline.parts import Part, all_parts, is_root, patient
from hotline.settings import PROJECT, Settings

STOP_S = 10
KEPT = ("LANG", "LC_ALL", "TZ", "PATH", "OMP_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class PartState:
    """What supervisord says of a part; `pid` is 0 when it doesn't run."""

    name: str
    state: str
    pid: int
    detail: str


def environment(settings: Settings) -> dict[str, str]:
    """What the parts get: settings with absolute paths, and nothing private of the caller."""
    ours = {k: v for k, v in os.environ.items() if k in KEPT or k.startswith("HOTLINE_")}
    absolute = {
        "HOTLINE_HOME": settings.folders.root,
        "HOTLINE_CACHE": settings.cache.resolve(),
        "HOTLINE_ASTERISK_ROOT": settings.asterisk_root.resolve(),
    }
    for name in ("HOTLINE_CONFIG", "HOTLINE_CLUSTER_SECRET_FILE"):
        if named := os.environ.get(name):
            absolute[name] = Path(named).resolve()
    fixed = {
        "HOME": str(settings.folders.root),
        "PATH": f"{ours.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin".lstrip(":"),
        "LANG": ours.get("LANG", "C.UTF-8"),
        "PYTHONUNBUFFERED": "1",
    }
    return {**ours, **fixed, **{name: str(path) for name, path in absolute.items()}}


def configuration(settings: Settings) -> str:
    """supervisord.conf. A part that dies is started again at once, then after 1, 2, 3 … s."""
    home = settings.folders
    socket = home.supervisor_socket
    lines = [
        "[supervisord]",
        "nodaemon=true",
        "silent=true",
        f"logfile={home.supervisor / 'supervisord.log'}",
        "logfile_maxbytes=5MB",
        "logfile_backups=2",
        f"pidfile={home.supervisor / 'supervisord.pid'}",
        f"directory={PROJECT}",
        "umask=027",
        *(["user=root"] if is_root() else []),
        "[unix_http_server]",
        f"file={socket}",
        "chmod=0600",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        "[supervisorctl]",
        f"serverurl=unix://{socket}",
    ]
    for order, part in enumerate(all_parts(settings), 1):
        lines += _program(part, order, home)
    return "\n".join(lines) + "\n"


def _program(part: Part, order: int, home: Home) -> Iterable[str]:
    return (
        f"[program:{part.name}]",
        f"command={shlex.join(patient(part)).replace('%', '%%')}",
        f"priority={order}",
        "autorestart=true",
        "startsecs=1",
        "startretries=1000000",
        "stopsignal=TERM",
        f"stopwaitsecs={STOP_S}",
        "stopasgroup=true",
        "killasgroup=true",
        "redirect_stderr=true",
        f"stdout_logfile={log_of(home, part.name)}",
        "stdout_logfile_maxbytes=20MB",
        "stdout_logfile_backups=5",
    )


def log_of(home: Home, part: str) -> Path:
    """What the part says, as supervisord keeps it."""
    return home.log / f"{part}.log"


def start(settings: Settings) -> subprocess.Popen[bytes]:
    """Write the configuration and start supervisord; it ends when this process does."""
    file = settings.folders.supervisor / "supervisord.conf"
    file.write_text(configuration(settings))
    file.chmod(0o600)
    return launch(file, environment(settings))


def launch(file: Path, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start supervisord. What it says comes by a pipe, for `LastWords`: when a log can't be written
    it says so there, and if that failed, too (a full disk), it would end, and all parts with it."""
    command = ["setpriv", "--pdeathsig", "TERM", "--", sys.executable, "-P"]
    command += ["-m", "supervisor.supervisord", "-c", str(file)]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environ,
        cwd=PROJECT,
        start_new_session=True,  # Ctrl-C reaches `hotline run` alone, which ends it in order
    )


def states(home: Home) -> dict[str, PartState] | None:
    """Every part's state; None while supervisord doesn't answer."""
    try:
        with _door(home) as door:
            told = cast("list[dict[str, Any]]", door.supervisor.getAllProcessInfo())
    except (OSError, HTTPException, xmlrpc.client.Error):
        return None
    return {
        info["name"]: PartState(
            info["name"], info["statename"], info["pid"], info["spawnerr"] or info["description"]
        )
        for info in told
    }


def _door(home: Home) -> xmlrpc.client.ServerProxy:
    from supervisor.xmlrpc import SupervisorTransport  # commands that only need its names are many

    transport = SupervisorTransport(None, None, f"unix://{home.supervisor_socket}")
    return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
