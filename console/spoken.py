"""The morning list of a house that takes no spoken requests."""

from collections.abc import Collection, Sequence

from tickets.errors import UnknownTicket
from tickets.life import Actor
from tickets.review import Correction, SpokenCase


class NoSpoken:
    """`tickets.review.SpokenCases` without any."""

    async def waiting(
        self, tenant: str, *, languages: Collection[str] | None, limit: int, after: str
    ) -> Sequence[SpokenCase]:
        return ()

    async def case(self, tenant: str, number: str) -> SpokenCase:
        raise UnknownTicket(number)

    async def submit(
        self, tenant: str, number: str, version: int, correction: Correction, *, by: Actor
    ) -> SpokenCase:
        raise UnknownTicket(number)
