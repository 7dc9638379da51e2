"""Pictures and documents that prove replies, seen from the console."""

from typing import Protocol

from typing_extensions import TypedDict

from console.errors import EvidenceMissing


class Evidence(Protocol):
    """Where they lie."""

    async def keep(self, tenant: str, number: str, name: str, content: bytes) -> None:
        """Keep a ticket's file, durable on return; the same one twice is one. Raises
        `TooMuchEvidence`, `StoreAway` (no room on the disk)."""
        ...

    async def read(self, tenant: str, number: str, name: str) -> bytes:
        """A ticket's file as it was kept; raises `EvidenceMissing`."""
        ...


class NoEvidence:
    """`Evidence` of a house that has nowhere to keep any."""

    async def keep(self, tenant: str, number: str, name: str, content: bytes) -> None:
        raise EvidenceMissing

    async def read(self, tenant: str, number: str, name: str) -> bytes:
        raise EvidenceMissing


class KeptEvidence(TypedDict):
    """A file that is kept; `id` goes into an event's `evidence`."""

    id: str
    media: str
    size: int


class EvidenceTold(TypedDict):
    """What was kept."""

    evidence: KeptEvidence
