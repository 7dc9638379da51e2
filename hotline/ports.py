"""The ports an installation listens on, and whether they can be had."""

import contextlib
import errno
import socket
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from hotline.errors import PortTaken
from hotline.parts import is_root
from hotline.settings import Settings

LOOPBACK = "127.0.0.1"
_LISTENS = (psutil.CONN_LISTEN, psutil.CONN_NONE)
FOR_ALL = frozenset({"0.0.0.0", "::"})  # noqa: S104 - seen, not bound
FIRST_FOR_ALL = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


@dataclass(frozen=True, slots=True)
class Listener:
    """One address something of ours listens on; `setting` moves it elsewhere."""

    purpose: str
    kind: socket.SocketKind
    address: str
    port: int
    setting: str

    @property
    def spelled(self) -> str:
        protocol = "UDP" if self.kind is socket.SOCK_DGRAM else "TCP"
        return f"{protocol} port {self.port} on {self.address} ({self.purpose})"


def listeners(settings: Settings) -> tuple[Listener, ...]:
    """Everything of one installation that listens, media apart: Asterisk skips taken RTP ports."""
    udp, tcp = socket.SOCK_DGRAM, socket.SOCK_STREAM
    return (
        Listener("SIP", udp, settings.sip_bind, settings.sip_port, "sip"),
        Listener("SIP", tcp, settings.sip_bind, settings.sip_port, "sip"),
        Listener("pages and API", tcp, settings.http_bind, settings.http_port, "http"),
        Listener("Asterisk's manager", tcp, LOOPBACK, settings.ami_port, "ami"),
        Listener("FastAGI", tcp, LOOPBACK, settings.agi_port, "agi"),
    )


def check_free(wanted: Iterable[Listener]) -> None:
    """Raises `PortTaken` at the first that can't be listened on."""
    for listener in wanted:
        if trouble := why_not(listener):
            raise PortTaken(trouble)


def check_ours(wanted: Iterable[Listener], ours: Collection[int]) -> None:
    """Raises `PortTaken` at the first that a process listens on which isn't one of `ours`: it took
    the port between our look and our start."""
    links = _listening()
    for listener in wanted:
        if (pid := _holder(listener, links)) and pid not in ours:
            raise PortTaken(_in_words(listener, OSError(errno.EADDRINUSE, "taken")))


def why_not(listener: Listener) -> str:
    """Why this can't be listened on, in one sentence; empty when it can."""
    if is_root() and listener.port < _first_for_all():  # we may, the parts' user may not
        return _in_words(listener, OSError(errno.EACCES, "not allowed"))
    family = socket.AF_INET6 if ":" in listener.address else socket.AF_INET
    with socket.socket(family, listener.kind) as probe:
        if listener.kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not for closed talks
        try:
            probe.bind((listener.address, listener.port))
            if listener.kind is socket.SOCK_STREAM:
                probe.listen(1)
        except OSError as error:
            return _in_words(listener, error)
    return ""


def _first_for_all() -> int:
    """The lowest port that a user without rights may listen on."""
    try:
        return int(FIRST_FOR_ALL.read_text("ascii"))
    except (OSError, ValueError):
        return 1024


def _in_words(listener: Listener, error: OSError) -> str:
    variable = f"HOTLINE_{listener.setting.upper()}"
    match error.errno:
        case errno.EADDRINUSE:
            mend = f"stop it, or set {variable}_PORT"
            return f"{listener.spelled} is taken{_by_whom(listener)}: {mend}"
        case errno.EADDRNOTAVAIL:
            mend = "name one of its own (`ip address` shows them)"
            return f"{variable}_BIND={listener.address} is not an address of this machine: {mend}"
        case errno.EACCES:
            mend = f"no part runs as root, which alone may listen there; set {variable}_PORT"
            return f"{listener.spelled} is not allowed: {mend}"
        case _:
            return f"{listener.spelled} can't be listened on: {error.strerror or error}"


def _by_whom(listener: Listener) -> str:
    with contextlib.suppress(psutil.Error):
        if pid := _holder(listener, _listening()):
            return f" by {psutil.Process(pid).name()} (process {pid})"
    return " by another program"


def _listening() -> list[tuple[int, str, int, int]]:
    """Every socket that may be called, as far as we may know: kind, address, port, process."""
    try:
        links = psutil.net_connections("inet")
    except (psutil.Error, OSError):
        return []
    return [
        (link.type, *link.laddr, link.pid)
        for link in links
        if link.laddr and link.pid and link.status in _LISTENS
    ]


def _holder(listener: Listener, sockets: Iterable[tuple[int, str, int, int]]) -> int | None:
    """Who listens there, where we may know it."""
    for kind, address, port, pid in sockets:
        if kind == listener.kind and _meets(listener, address, port):
            return pid
    return None


def _meets(listener: Listener, address: str, port: int) -> bool:
    """Whether who listens there keeps `listener` from it."""
    return port == listener.port and (
        address == listener.address or not {address, listener.address}.isdisjoint(FOR_ALL)
    )
