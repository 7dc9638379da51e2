"""Who is who to a leader: nodes, what they report, and their callers as guests of its queue."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from queue_manager.cluster.messages import Held, Known, Message, MovedUp, Suggested
from queue_manager.model import Offer, Suggestion, WaitingCaller
from queue_manager.place import Place


class Lead(Protocol):
    """The leadership, as its guests see it."""

    def send(self, node: "Node", message: Message) -> None: ...

    def offered(self, guest: "Guest", offer: Offer) -> None: ...

    def taken_back(self, guest: "Guest", offer: Offer) -> None: ...

    def gone(self, guest: "Guest", why: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Report:
    """All that a node knows of one tenant, told by its engine `life`."""

    node: str
    life: str
    parts: Sequence[Known]

    def all(self, what: str) -> list[Any]:
        """One of `Known`'s lists, over all parts."""
        return [one for part in self.parts for one in getattr(part, what)]


@dataclass(slots=True, eq=False)
class Node:
    """What the leader knows of a node: which of its engines it was (`life`), whether that is
    there and since when it isn't, and its telephones."""

    name: str
    life: str = ""
    there: bool = True
    since_s: float = 0.0
    phones: set[str] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class Guest:
    """A caller of some node, waiting here; the `Listener` of his place. `offer` is the last one
    he was made; `rings` a seat that an earlier leader let ring for him: it is held for him as if
    they talked, until his node says."""

    lead: "Lead"
    node: Node
    caller: WaitingCaller
    place: Place | None = None
    offer: Offer | None = None
    rings: Held | None = None

    @property
    def seat_id(self) -> str:
        """The seat that rings for him, or rang last; "" when none did."""
        if self.rings is not None:
            return self.rings.seat_id
        return self.offer.seat.seat_id if self.offer is not None else ""

    def offered(self, offer: Offer) -> None:
        self.offer = offer
        self.lead.offered(self, offer)

    def taken_back(self, offer: Offer) -> None:
        self.lead.taken_back(self, offer)

    def suggested(self, suggestion: Suggestion) -> None:
        caller = self.caller
        self.lead.send(self.node, Suggested(caller.tenant, caller.call_id, suggestion))

    def moved(self, priority: int) -> None:
        self.caller = caller = replace(self.caller, priority=priority)
        self.lead.send(self.node, MovedUp(caller.tenant, caller.call_id, priority))

    def gone(self, why: str) -> None:
        self.lead.gone(self, why)


def node_of(call_id: str) -> str:
    """A call's id begins with the node whose Asterisk it is on."""
    return call_id.rpartition("-")[0]
