"""Every tenant's peers, read from its file and checked, with the secrets kept in the home."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from hotline import secrets_kept
from hotline.home import Home
from ivr.documents import DocumentError, parse, read_document
from ivr.tenants import Tenant
from tickets.peers import NOBODY, PeersFile


class PeersError(DocumentError):
    """Peers that can't be used; the message names every mistake by its line."""

    id = "peers"


def read_peers(path: Path) -> PeersFile:
    """A file of peers; raises `PeersError`."""
    return parse(read_document(path, PeersError), PeersFile, PeersError)


class PeerBook:
    """The peers in use, by tenant; exchanged as a whole when they are read again."""

    def __init__(self, files: Mapping[str, PeersFile]) -> None:
        self._files = files

    @classmethod
    def read(cls, tenants: Sequence[Tenant]) -> "PeerBook":
        """Those of all tenants; raises `PeersError`."""
        return cls({t.id: read_peers(t.peers_file) if t.peers_file else NOBODY for t in tenants})

    def of(self, tenant: str) -> PeersFile:
        """A tenant's peers; none for one without a file."""
        return self._files.get(tenant, NOBODY)

    def use(self, other: "PeerBook") -> None:
        """From now on the peers of `other`."""
        self._files = other._files

    @property
    def any(self) -> bool:
        """Whether there is any peer."""
        return any(file.peers for file in self._files.values())


def secret_name(tenant: str, peer: str) -> str:
    """The file in the home's secrets that holds what two houses share."""
    return f"peer.{tenant}.{peer}"


def peer_secret(home: Home, tenant: str, peer: str) -> str | None:
    """What we share with a peer; None when nothing (or too little) is kept."""
    try:
        secret = secrets_kept.read(home, secret_name(tenant, peer))
    except FileNotFoundError:
        return None
    return secret if len(secret) >= secrets_kept.LEAST_SECRET else None
