"""Which of a node's seats are held for calls of other nodes: told by a leader before the ring, by
Asterisk as the call comes and goes, and by its snapshots."""

from collections.abc import Callable, Mapping

from queue_manager.cluster.messages import Held, LegOver, LegSeen, Message


class Legs:
    """`say` tells the leader; `seat_at` knows whose telephone an endpoint is ("": nobody's)."""

    def __init__(
        self, tenant: str, seat_at: Callable[[str], str], say: Callable[[Message], None]
    ) -> None:
        self._tenant = tenant
        self._seat_at = seat_at
        self._say = say
        self.held: dict[str, Held] = {}

    def hold(self, held: Held) -> None:
        """The leader has reserved it."""
        self.held[held.seat_id] = held

    def free(self, held: Held) -> None:
        """The leader says that it is no longer held for this call."""
        known = self.held.get(held.seat_id)
        if known is not None and known.call_id == held.call_id:
            del self.held[held.seat_id]

    def seen(self, calls: Mapping[str, str]) -> None:
        """Which endpoints hold calls of other nodes, as a snapshot tells: endpoint to call. What
        no snapshot shows is over."""
        seats = {self._seat_at(endpoint): call_id for endpoint, call_id in calls.items()}
        for known in [held for seat_id, held in self.held.items() if seat_id not in seats]:
            self._over(known)
        for seat_id, call_id in seats.items():
            if seat_id and seat_id not in self.held:
                self.held[seat_id] = Held(seat_id, call_id)

    def begun(self, endpoint: str, call_id: str) -> None:
        """A call of another node has come for this seat."""
        seat_id = self._seat_at(endpoint)
        known = self.held.get(seat_id)
        if seat_id and (known is None or known.call_id != call_id):
            self.held[seat_id] = Held(seat_id, call_id)
            self._say(LegSeen(self._tenant, seat_id, call_id))

    def hung_up(self, endpoint: str, call_id: str) -> None:
        """It is gone."""
        known = self.held.get(self._seat_at(endpoint))
        if known is not None and known.call_id == call_id:
            self._over(known)

    def _over(self, held: Held) -> None:
        del self.held[held.seat_id]
        self._say(LegOver(self._tenant, held.seat_id, held.call_id))
