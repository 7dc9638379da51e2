"""What an engine does while it leads: the matching of every tenant, for all nodes, and what their
boards show. Begins with all this node knows, ends by handing the matching out of its hands."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from queue_manager.cluster.guests import Report
from queue_manager.cluster.leadership import Leadership
from queue_manager.cluster.messages import CHUNK, BoardTold, Entered, Known, Message
from queue_manager.cluster.queue import ClusterQueue
from queue_manager.model import Alert, CallerView, SeatView
from queue_manager.ports import Clock, LiveState
from queue_manager.service import QueueService

CALLERS_TOLD = 500
FIGURES_EVERY = 5


class Mirror(LiveState, Protocol):
    """The live state in Redis, written by whoever leads."""

    def start(self) -> None:
        """Begin to write."""
        ...

    async def abandon(self) -> None:
        """Stop at once, and write nothing more."""
        ...


def tenant_of(message: Message) -> str:
    """Whose queue a message is about; "" for one that is about none."""
    if isinstance(message, Entered):
        return message.caller.tenant
    return str(getattr(message, "tenant", ""))


class Lead:
    """One term of leading. `tell(node, message)` reaches a node that has joined, or our own."""

    def __init__(
        self,
        node: str,
        life: str,
        queues: Mapping[str, ClusterQueue],
        clock: Clock,
        tell: Callable[[str, Message], None],
        figures: Callable[[str], Mapping[str, Any]],
    ) -> None:
        self._figures = figures
        self._node = node
        self._life = life
        self._queues = queues
        self._clock = clock
        self._tell = tell
        self._served: dict[str, Leadership] = {}
        self._boards: dict[str, Board] = {}
        self._flushes = 0

    async def start(self, services: Mapping[str, QueueService], above: int) -> None:
        """Take the matching up, of seats as they were last known; offer nothing yet."""
        for service in services.values():
            service.meet(services)
        for tenant, service in services.items():
            queue = self._queues[tenant]
            service.set_rules(queue.rules)
            await service.start(queue.seat_list, queue.seats(), above=above)
            lead = self._served[tenant] = Leadership(service, self._clock, self._tell)
            lead.joined(Report(self._node, self._life, tuple(queue.report())))
            queue.near, queue.ask_near = service, lead.places
            self._boards[tenant] = Board(service, self._figures)
            service.subscribe(self._board_changed(queue, self._boards[tenant]))

    def begin(self) -> None:
        """Offer seats from now on."""
        for tenant, lead in self._served.items():
            lead.begin()
            self._queues[tenant].reported()

    def stop(self) -> None:
        """Lead no more. What the seats did last stays known here."""
        for tenant, lead in self._served.items():
            queue = self._queues[tenant]
            queue.part_from(lead.service)
            lead.service.close()

    # --- nodes

    def joined(self, node: str, life: str, parts: Mapping[str, list[Known]]) -> None:
        """A node's report is complete."""
        for tenant, lead in self._served.items():
            lead.joined(Report(node, life, parts.get(tenant, ())))
            for told in self._boards[tenant].whole():
                self._tell(node, told)

    def take(self, node: str, message: Message) -> None:
        """One message of a node that has joined."""
        lead = self._served.get(tenant_of(message))
        if lead is not None:
            lead.take(node, message)

    def lost(self, node: str) -> None:
        """A node's engine is away."""
        for lead in self._served.values():
            lead.lost(node)

    def forget_others(self) -> None:
        """Serve this node alone from now on."""
        for lead in self._served.values():
            lead.forget_others(self._node)

    def time_passed(self) -> None:
        """Called now and then."""
        for lead in self._served.values():
            lead.time_passed()

    # --- boards

    def tell_boards(self, nodes: Iterable[str]) -> None:
        """What changed on boards since last time, to these nodes. Called some times a second."""
        self._flushes += 1
        with_figures = self._flushes % FIGURES_EVERY == 0
        for board in self._boards.values():
            news = board.news(with_figures)
            for node in nodes:
                for told in news:
                    self._tell(node, told)

    @staticmethod
    def _board_changed(queue: ClusterQueue, board: "Board") -> Callable[[], None]:
        def changed() -> None:
            board.dirty = True
            queue.changed()

        return changed


class Board:
    """What nodes have been told of one tenant."""

    def __init__(self, service: QueueService, figures: Callable[[str], Mapping[str, Any]]) -> None:
        self.dirty = True
        self._figures_of = figures
        self._service = service
        self._seats: dict[str, SeatView] = {}
        self._callers: tuple[CallerView, ...] = ()
        self._alerts: tuple[Alert, ...] = ()
        self._figures: Mapping[str, Any] = {}

    def whole(self) -> list[BoardTold]:
        """Everything, for a node that has just joined."""
        told = self._seat_messages(self._service.seats())
        callers, alerts = self._first_callers(), tuple(self._service.alerts())
        figures = dict(self._figures_of(self._service.settings.tenant))
        sums = self._service.waiting()
        tenant = self._service.settings.tenant
        told.append(BoardTold(tenant, (), (), sums, callers, alerts, figures))
        return told

    def news(self, with_figures: bool) -> list[BoardTold]:
        """What changed since the last time this was asked."""
        if not self.dirty and not with_figures:
            return []
        tenant, told = self._service.settings.tenant, []
        if self.dirty:
            self.dirty = False
            now = {view.seat.seat_id: view for view in self._service.seats()}
            before, self._seats = self._seats, now
            told += self._seat_messages(
                [view for seat_id, view in now.items() if before.get(seat_id) is not view]
            )
            callers, alerts = self._first_callers(), tuple(self._service.alerts())
            told.append(
                BoardTold(
                    tenant,
                    gone=tuple(before.keys() - now.keys()),
                    waiting=self._service.waiting(),
                    callers=None if callers == self._callers else callers,
                    alerts=None if alerts == self._alerts else alerts,
                )
            )
            self._callers, self._alerts = callers, alerts
        if with_figures and (figures := self._figures_of(tenant)) != self._figures:
            self._figures = figures
            told.append(BoardTold(tenant, figures=dict(figures)))
        return told

    def _seat_messages(self, views: Iterable[SeatView]) -> list[BoardTold]:
        seats, tenant = tuple(views), self._service.settings.tenant
        return [
            BoardTold(tenant, seats=seats[start : start + CHUNK])
            for start in range(0, len(seats), CHUNK)
        ]

    def _first_callers(self) -> tuple[CallerView, ...]:
        return tuple(self._service.callers()[:CALLERS_TOLD])
