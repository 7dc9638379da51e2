"""The morning list: spoken requests that a person listens to, corrects and submits."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tickets.errors import TicketError
from tickets.life import Actor, Told
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
        self, tenant: str, number: str, version: int, correction: Correction, *, by: Actor
    ) -> SpokenCase:
        """Take it off the list with what was corrected, and note that in the ticket's history;
        raises `UnknownTicket`, `StaleVersion`, `EventRefused`."""
        ...


NOTHING_SAID = "核听完毕，没有听到内容 / listened to, no words"


def noted(correction: Correction, by: Actor, at: datetime) -> Told:
    """The event in the ticket's history: what the person who listened says it is."""
    data = {
        "kind": correction.kind.value if correction.kind else "",
        "place": correction.place, "place_code": correction.place_code,
        "topic": correction.topic, "callback": correction.callback,
    }  # fmt: skip
    said = {name: value for name, value in data.items() if value}
    text = correction.text.strip() or NOTHING_SAID
    return Told("noted", by, at, {"text": text, "of": "spoken", **said})
