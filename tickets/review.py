"""The morning list: spoken requests that a person listens to, corrects and submits."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tickets.errors import TicketError
from tickets.model import Kind
from tickets.spoken import Review, SpokenAnswer


class StaleVersion(TicketError):
    """Somebody else has changed it since it was read; read it again."""

    id = "stale-version"


@dataclass(frozen=True, slots=True)
class Correction:
    """What the person who listened says it is. `callback` is E.164, "" for nobody."""

    kind: Kind | None = None
    place: str = ""
    place_code: str = ""
    topic: str = ""
    text: str = ""
    callback: str = ""


@dataclass(frozen=True, slots=True)
class SpokenCase:
    """A spoken request as it is stored. `text` is what happened, in the caller's words; `review`
    why a person must look, `open` while nobody has; `corrected` is what that person said."""

    tenant: str
    number: str
    call_id: str
    made_at: datetime
    language: str
    kind: str
    place: str
    place_code: str
    topic: str
    topic_score: float
    text: str
    callback: str
    danger: str
    confirmed: bool
    review: tuple[Review, ...]
    answers: tuple[SpokenAnswer, ...]
    voice_path: str
    open: bool
    version: int
    corrected: Correction | None = None
    reviewed_at: datetime | None = None
    reviewed_by: str = ""


class SpokenCases(Protocol):
    """Stored spoken requests. Everything here raises `StoreAway` for an outage."""

    async def waiting(
        self, tenant: str, *, languages: Collection[str] | None, limit: int, after: str
    ) -> Sequence[SpokenCase]:
        """Those a person must look at, the oldest first, with ticket numbers above `after`. None of
        `languages` means all."""
        ...

    async def case(self, tenant: str, number: str) -> SpokenCase:
        """The spoken request of a ticket; raises `UnknownTicket`."""
        ...

    async def submit(
        self, tenant: str, number: str, version: int, correction: Correction, *, by: str
    ) -> SpokenCase:
        """Take it off the list with what was corrected; raises `UnknownTicket`, `StaleVersion`."""
        ...
