"""Which seats are really there: a telephone that can be reached and, once a desktop has told that
it lives, its heartbeat. Short absences are overlooked, and who keeps coming and going must stay for
a while before he counts (see `queue_manager.steady`).
"""

import asyncio
from collections.abc import Callable

import structlog

from queue_manager.alerts import Alerts
from queue_manager.deadlines import Deadlines
from queue_manager.desk import Desk
from queue_manager.model import AlertKind, QueueSettings, Seat
from queue_manager.ports import Clock
from queue_manager.steady import STEADY_S, Steadiness

_UNSTEADY_WOBBLES = 3
SECOND_S = 330.0
"""How long a second telephone may be there without being heard of: each registers anew within five
minutes (asterisk_conf)."""

log = structlog.get_logger(__name__)


class Presence:
    """`on_change(desk, there)` is told when a seat counts as there or gone, `on_facts(desk)` when
    its node or its desktop changed. Telephones that no seat has are remembered for later seats."""

    def __init__(
        self,
        settings: QueueSettings,
        deadlines: Deadlines,
        alerts: Alerts,
        clock: Clock,
        on_change: Callable[[Desk, bool], None],
        on_facts: Callable[[Desk], None],
    ) -> None:
        self._settings = settings
        self._alerts = alerts
        self._clock = clock
        self._on_change = on_change
        self._on_facts = on_facts
        self._nodes: dict[str, dict[str, None]] = {}
        self._desks: dict[str, set[Desk]] = {}
        self._second_at_s: dict[str, float] = {}
        self._arrivals = deadlines.line(self._settle, lambda desk, no: desk.arrival != no)
        self._beats = deadlines.line(self._beat_missed, lambda desk, no: desk.watch != no)

    # --- seats

    def join(self, desk: Desk) -> None:
        """A seat was set up, or given another telephone."""
        self._desks.setdefault(desk.seat.endpoint, set()).add(desk)
        desk.node = self._node_of(desk.seat)
        desk.steady = Steadiness()

    def resume(self, desk: Desk, *, alive: bool) -> None:
        """The seat's desktop was known before a restart. One that was `alive` has the grace to
        tell so again; one that wasn't has to tell so first."""
        now_s = asyncio.get_running_loop().time()
        desk.beat_s = now_s if alive else float("-inf")
        desk.watch = self._beats.add(now_s + self._settings.heartbeat_grace_s, desk)

    def part(self, desk: Desk, seat: Seat) -> None:
        """The seat was taken out, or leaves the telephone that it had as `seat`."""
        desks = self._desks[seat.endpoint]
        desks.discard(desk)
        if not desks:
            del self._desks[seat.endpoint]
            self._second_at_s.pop(seat.endpoint, None)
        desk.arrival = desk.watch = 0
        self._alerts.end(AlertKind.TWO_PHONES, seat.seat_id)

    # --- what is told

    def phone(self, endpoint: str, reachable: bool, node: str) -> None:
        """A telephone came or went at a node. The one that came last is the one to ring."""
        nodes = self._nodes.setdefault(endpoint, {})
        nodes.pop(node, None)
        if reachable:
            nodes[node] = None
        if not nodes:
            del self._nodes[endpoint]
        desks = self._desks.get(endpoint)
        if desks is None:
            if reachable:
                log.info("phone_of_no_seat", tenant=self._settings.tenant, endpoint=endpoint)
            return
        for desk in tuple(desks):
            self._tell_two_phones(desk, nodes)
            found = self._node_of(desk.seat)
            if found != desk.node:
                desk.node = found
                self._on_facts(desk)
            self.review(desk)

    def second_phone(self, endpoint: str, phones: str) -> None:
        """A telephone took the place of another at the same node. The newest is rung: a telephone
        that was moved is one, too. Who has been forgotten elsewhere, or has stolen the password,
        is told of until he is heard of no more."""
        for desk in self._desks.get(endpoint, ()):
            seat_id = desk.seat.seat_id
            log.warning(
                "seat_second_phone", tenant=self._settings.tenant, seat=seat_id, phones=phones
            )
            self._second_at_s[endpoint] = asyncio.get_running_loop().time()
            self._alerts.give(
                AlertKind.TWO_PHONES,
                self._clock.now(),
                seat_id=seat_id,
                detail=phones,
                over=lambda: not self._has_two(endpoint),
            )

    def heartbeat(self, desk: Desk) -> None:
        """The seat's desktop lives; from now on the seat must go on telling so."""
        now_s = asyncio.get_running_loop().time()
        first = desk.beat_s is None
        desk.beat_s = now_s
        if not desk.watch:
            desk.watch = self._beats.add(now_s + self._settings.heartbeat_grace_s, desk)
        if first:
            self._on_facts(desk)
        if not desk.status.connected:
            self.review(desk)

    def review(self, desk: Desk) -> None:
        """Compare what counts with what is; a difference takes effect at once or after a while."""
        there = self._is_there(desk)
        if there == desk.status.connected:
            desk.arrival = 0
        elif not desk.arrival:
            now_s = asyncio.get_running_loop().time()
            delay_s = (
                desk.steady.hold_s(now_s, self._settings.flap_hold_s)
                if there
                else self._grace_s(desk)
            )
            if delay_s > 0:
                desk.arrival = self._arrivals.add(now_s + delay_s, desk)
            else:
                self._settle(desk)

    # --- inside

    def _is_there(self, desk: Desk) -> bool:
        return desk.seat.endpoint in self._nodes and not self._beat_is_old(desk)

    def _beat_is_old(self, desk: Desk) -> bool:
        if desk.beat_s is None:
            return False
        age_s = asyncio.get_running_loop().time() - desk.beat_s
        return age_s >= self._settings.heartbeat_grace_s

    def _grace_s(self, desk: Desk) -> float:
        """A heartbeat has had its grace when it is found to be old; a telephone has not."""
        phone_is_there = desk.seat.endpoint in self._nodes
        return 0.0 if phone_is_there else self._settings.reach_grace_s

    def _settle(self, desk: Desk) -> None:
        """What was different for long enough counts now."""
        desk.arrival = 0
        there = self._is_there(desk)
        if there == desk.status.connected:
            return
        now_s = asyncio.get_running_loop().time()
        if there:
            desk.steady.came(now_s)
        else:
            desk.steady.went(now_s)
            self._tell_unsteady(desk)
            if desk.seat.endpoint not in self._nodes:  # the shift is over: next time without one
                desk.beat_s = None
                desk.watch = 0
        self._on_change(desk, there)

    def _beat_missed(self, desk: Desk) -> None:
        desk.watch = 0
        if desk.beat_s is None:
            return
        if self._beat_is_old(desk):
            log.warning("heartbeat_lost", tenant=self._settings.tenant, seat=desk.seat.seat_id)
            self.review(desk)
        else:
            desk.watch = self._beats.add(desk.beat_s + self._settings.heartbeat_grace_s, desk)

    def _node_of(self, seat: Seat) -> str:
        nodes = self._nodes.get(seat.endpoint)
        return next(reversed(nodes)) if nodes else ""

    def _has_two(self, endpoint: str) -> bool:
        """At two nodes now, or at one not long ago."""
        if len(self._nodes.get(endpoint, ())) > 1:
            return True
        at_s = self._second_at_s.get(endpoint)
        return at_s is not None and asyncio.get_running_loop().time() - at_s < SECOND_S

    def _tell_two_phones(self, desk: Desk, nodes: dict[str, None]) -> None:
        seat_id = desk.seat.seat_id
        if not self._has_two(desk.seat.endpoint):
            self._alerts.end(AlertKind.TWO_PHONES, seat_id)
        elif len(nodes) > 1:
            self._alerts.give(
                AlertKind.TWO_PHONES,
                self._clock.now(),
                seat_id=seat_id,
                detail=", ".join(nodes),
            )

    def _tell_unsteady(self, desk: Desk) -> None:
        if desk.steady.wobbles < _UNSTEADY_WOBBLES:
            return
        loop = asyncio.get_running_loop()

        def over() -> bool:
            there = desk.status.connected
            return there and loop.time() - desk.steady.came_s >= STEADY_S

        self._alerts.give(
            AlertKind.UNSTEADY, self._clock.now(), seat_id=desk.seat.seat_id, over=over
        )
