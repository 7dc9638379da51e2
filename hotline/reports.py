"""Stored figures for the console and the command line, with people's names for what they count."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime

from console.figures import By
from ivr.story import Directory
from queue_manager.cells import Dimension
from queue_manager.counts import Figure
from queue_manager.model import Requirement, Seat, SeatView
from queue_manager.rules import MAIN_QUEUE
from storage.figures import SqlFigures

_NO_NEEDS = Requirement()


class StoredReports:
    """`console.ports.Reports` on SQL."""

    def __init__(
        self,
        store: SqlFigures,
        directory: Callable[[], Directory],
        seats: Callable[[str], Sequence[SeatView]],
    ) -> None:
        self._store = store
        self._directory = directory
        self._seats = seats

    def names(self, tenant: str, by: str) -> Mapping[str, str]:
        return names_of(
            self._directory(), tenant, By(by), (view.seat for view in self._seats(tenant))
        )

    def pages(
        self, tenant: str, by: str, begin: datetime, end: datetime
    ) -> AsyncIterator[Sequence[Figure]]:
        return self._store.pages(tenant, dimension_of(By(by)), begin, end)


def dimension_of(by: By) -> Dimension | None:
    """What the store calls it; None for seats."""
    return None if by is By.SEAT else Dimension(by.value)


def names_of(directory: Directory, tenant: str, by: By, seats: Iterable[Seat]) -> Mapping[str, str]:
    """People's names of queues, skills, lines or seats, by key."""
    match by:
        case By.QUEUE:
            return {queue.id: queue.name for queue in directory.rules[tenant].queues}
        case By.SKILL:
            return {key: skill.name for key, skill in directory.rules[tenant].skills.items()}
        case By.LINE:
            return {line.id: line.name for line in directory.lines.of(tenant)}
        case By.SEAT:
            return {seat.seat_id: seat.name for seat in seats}


def waited_for(
    directory: Directory, tenant: str, line_id: str, language: str
) -> tuple[str, Requirement]:
    """The queue and the needs a call of this line waited with, before any step."""
    line = directory.lines.get(tenant, line_id)
    if line is None:
        return MAIN_QUEUE, _NO_NEEDS
    return line.queue, line.needed(language)
