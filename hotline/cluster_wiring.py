"""The engine's place in a cluster, made of its settings. Without `node` there is none of this."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from console.ports import PartHealth
from hotline import secrets_kept
from hotline.cluster import Cluster, Whereabouts, Works
from hotline.settings import Settings
from queue_manager.cluster.election import Patience, Role
from queue_manager.cluster.queue import ClusterQueue
from queue_manager.ports import Clock, LiveState
from queue_manager.service import QueueService
from storage.lease import RedisLease
from storage.live import RedisLiveState
from telephony.events import Event, LegBegun, LegHungUp, SnapshotTaken

PATIENCE = Patience()


def clustered(
    settings: Settings,
    queues: Mapping[str, QueueService],
    clock: Clock,
    *,
    serve: Callable[[str, LiveState], QueueService],
    changed: Callable[[str], Awaitable[None]],
    figures: Callable[[str], Mapping[str, Any]],
) -> Cluster | None:
    """This engine among the others; None where it is the only one. Raises `BadSettings` when the
    shared secret can't be read."""
    if not settings.node:
        return None
    own = next(node for node in settings.nodes if node.id == settings.node)
    where = Whereabouts(
        own.id,
        own.link_at,
        {node.id: node.link_at for node in settings.other_nodes},
        secrets_kept.cluster_key(settings, "link"),
    )
    lease = RedisLease(
        settings.redis_url, node=own.id, address=where.address, life_s=PATIENCE.lease_s
    )
    works = Works(lambda: RedisLiveState(settings.redis_url), serve, changed, figures)
    return Cluster(where, far(queues), lease, clock, works, PATIENCE)


def far(queues: Mapping[str, QueueService]) -> dict[str, ClusterQueue]:
    """The queues of an engine in a cluster."""
    return {t: queue for t, queue in queues.items() if isinstance(queue, ClusterQueue)}


def take_event(cluster: Cluster, queues: Mapping[str, QueueService], event: Event) -> None:
    """What Asterisk tells that only a cluster needs: calls of other nodes at our seats. To be
    called after everybody else has taken a snapshot in: then this node knows all it reports."""
    match event:
        case SnapshotTaken():
            legs = dict(
                channel.variables["LEG"].split(" ", 1)
                for channel in event.channels
                if " " in channel.variables.get("LEG", "")
            )
            for queue in far(queues).values():
                queue.legs.seen(legs)
            cluster.ready()
        case LegBegun():
            for queue in far(queues).values():
                queue.legs.begun(event.endpoint, event.call_id)
        case LegHungUp():
            for queue in far(queues).values():
                queue.legs.hung_up(event.endpoint, event.call_id)


def health(cluster: Cluster) -> PartHealth:
    """What readiness says of the cluster: a node that is alone takes calls, for its own seats."""
    standing = cluster.standing
    match standing.role:
        case Role.LEADING:
            others = ", ".join(sorted(standing.followers)) or "nobody else"
            return PartHealth(True, f"leads {others}")
        case Role.FOLLOWING:
            return PartHealth(True, f"follows {cluster.leader_name}")
        case _:
            return PartHealth(False, f"{standing.role}: no leader is reached")
