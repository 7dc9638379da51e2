"""Messages to peers, webhooks and citizens that nobody took: a figure for who watches the engine,
an alert for supervisors until each was sent again (`hotline exchange again`)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Gauge

from queue_manager.model import AlertKind
from queue_manager.service import QueueService
from storage.outbox import Standing

KINDS = ("peer", "hook", "text")
STATES = ("waiting", "given_up")


class GivenUpWatch:
    """Told by the courier what stands; every engine counts, who leads a tenant's queue alerts."""

    def __init__(self, registry: CollectorRegistry, queues: Mapping[str, QueueService]) -> None:
        self._queues = queues
        self._newest: dict[str, int] = {}
        self._left: dict[str, int] = {}
        self._gauge = Gauge(
            "hotline_messages",
            "Messages to peers, webhooks and citizens that weren't taken (yet), by state.",
            ("tenant", "to", "state"),
            registry=registry,
        )
        for tenant in queues:
            for kind in KINDS:
                for state in STATES:
                    self._gauge.labels(tenant, kind, state).set(0)

    def take(self, found: Sequence[Standing]) -> None:
        """What stands now."""
        counts = {(one.tenant, one.kind, one.state): one.count for one in found}
        for tenant in self._queues:
            for kind in KINDS:
                for state in STATES:
                    count = counts.get((tenant, kind, state), 0)
                    self._gauge.labels(tenant, kind, state).set(count)
            self._alert(tenant, [one for one in found if one.tenant == tenant])

    def _alert(self, tenant: str, found: Sequence[Standing]) -> None:
        left = [one for one in found if one.state == "given_up"]
        self._left[tenant] = sum(one.count for one in left)
        if not left:
            return
        newest, known = max(one.newest for one in left), self._newest.get(tenant, 0)
        self._newest[tenant] = max(newest, known)
        if newest > known or not self._told(tenant):
            since = datetime.fromtimestamp(min(one.since for one in left), UTC)
            self._queues[tenant].messages_given_up(
                since, str(self._left[tenant]), lambda: not self._left.get(tenant)
            )

    def _told(self, tenant: str) -> bool:
        """An engine that has come to lead the queue since has told nobody."""
        alerts = self._queues[tenant].alerts()
        return any(alert.kind is AlertKind.MESSAGES_GIVEN_UP for alert in alerts)
