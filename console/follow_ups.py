"""Citizens who are phoned with the result of their tickets (回访), seen from the console."""

from collections.abc import Sequence
from typing import Literal, Protocol

from typing_extensions import TypedDict

from console.doors import Moment
from tickets.errors import UnknownTicket
from tickets.follow_up import FollowUp, FollowUpState


class FollowUps(Protocol):
    """The tenants' follow-ups."""

    async def follow_ups(self, tenant: str, number: str = "") -> Sequence[FollowUp]:
        """The newest hundred, of one ticket when it is named; raises `StoreAway`."""
        ...

    async def call_off(self, tenant: str, number: str, *, by: str) -> FollowUp:
        """Nobody is phoned for this ticket, a person goes on with it. `by` is a token's id. Raises
        `UnknownTicket` when nobody is to be, `EventRefused` while he is; `StoreAway`."""
        ...


class NoFollowUps:
    """`FollowUps` of a house that phones nobody."""

    async def follow_ups(self, tenant: str, number: str = "") -> Sequence[FollowUp]:
        return ()

    async def call_off(self, tenant: str, number: str, *, by: str) -> FollowUp:
        raise UnknownTicket(number)


class ShownFollowUp(TypedDict):
    """One citizen to be phoned, or who was."""

    ticket: str
    n: int
    main: str
    state: FollowUpState
    attempts: int
    result: str
    solved: bool | None
    satisfied: bool | None
    phone: str
    made_at: Moment
    next_at: Moment | None
    ended_at: Moment | None


class ShownFollowUps(TypedDict):
    """The newest hundred."""

    followups: list[ShownFollowUp]


class FollowUpCalledOff(TypedDict):
    """A person goes on with this ticket."""

    ticket: str
    state: Literal["mixed"]
