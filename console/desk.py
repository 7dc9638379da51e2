"""The console's port to tickets' lives. Whatever is refused changes nothing.

Raises `tickets.errors.EventRefused` (a stable id and the reason), `UnknownTicket`, `StoreAway`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from tickets.desk_values import Chain, FoundPage, Likely, Notice, Suggested, Wanted, Whole
from tickets.life import Actor
from tickets.possible import Possible
from tickets.units import UnitsFile


@dataclass(frozen=True, slots=True)
class Arriving:
    """A request that comes in otherwise than by a call. `words` are the data of its `submitted`
    event; with an `answer` it is answered at once. `phone` is as he gave it, `seat_id` the seat
    that wrote it down."""

    words: Mapping[str, object]
    answer: str = ""
    phone: str = ""
    language: str = "cmn"
    confidential: bool = False
    seat_id: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a new matter is compared by; what is empty is guessed from the text."""

    text: str
    place: str = ""
    place_code: str = ""
    class_code: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Telling:
    """An event to be told. `version` is what its teller has seen, `key` makes it happen once."""

    event: str
    data: Mapping[str, object] = field(default_factory=dict)
    version: int = 0
    key: str = ""


class TicketDesk(Protocol):
    """Everything a person does with tickets. An actor of None is a wall anybody may look at."""

    async def take(self, tenant: str, actor: Actor, arriving: Arriving, key: str) -> str:
        """Make a ticket; its number. The same key makes one."""
        ...

    async def tell(self, tenant: str, number: str, actor: Actor, telling: Telling) -> None:
        """Tell a ticket an event, durable on return."""
        ...

    async def whole(self, tenant: str, number: str, actor: Actor | None, *, seq: int = 0) -> Whole:
        """A ticket now, or after its event `seq`."""
        ...

    async def find(self, tenant: str, actor: Actor | None, wanted: Wanted) -> FoundPage:
        """A page of tickets; a department's are its own unit's."""
        ...

    async def chain(self, tenant: str, number: str, actor: Actor) -> Chain:
        """Everything that happened to a ticket, and whether that is as it was written."""
        ...

    async def possible(
        self, tenant: str, number: str, actor: Actor
    ) -> tuple[int, Sequence[Possible]]:
        """A ticket's version, and what an actor may tell it now."""
        ...

    async def like(self, tenant: str, actor: Actor, compared: Compared) -> Sequence[Likely]:
        """Open tickets that are likely the same matter."""
        ...

    async def like_ticket(self, tenant: str, number: str, actor: Actor) -> Sequence[Likely]:
        """The same for a ticket that is there."""
        ...

    async def suggest(self, tenant: str, number: str, actor: Actor) -> Suggested:
        """Lead and co-units for a ticket, with reasons."""
        ...

    async def units(self, tenant: str) -> tuple[UnitsFile, date]:
        """The tenant's units, and its day: who is on duty depends on it."""
        ...

    async def notices(
        self, tenant: str, unit: str, actor: Actor, *, open_only: bool, limit: int, before: int
    ) -> Sequence[Notice]:
        """A unit's inbox, the newest first."""
        ...

    async def acknowledge(self, tenant: str, unit: str, notice: int, actor: Actor) -> bool:
        """Somebody of the unit has seen it; False: there is no such notice."""
        ...
