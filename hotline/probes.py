"""What `/readyz` asks: a probe for each part the engine needs."""

import asyncio
from collections.abc import Mapping

from console.ports import PartHealth, Probe
from hotline import cluster_wiring
from hotline.boards import disk_health
from hotline.cluster import Cluster
from hotline.settings import Settings
from hotline.sip_port import listens
from hotline.speech import Speech
from storage.database import Database
from storage.journal import Journal
from storage.live import RedisLiveState
from telephony.door import Telephony


def probes(
    telephony: Telephony,
    database: Database,
    journal: Journal,
    live: RedisLiveState,
    cluster: Cluster | None,
    speech: Speech,
    settings: Settings,
) -> Mapping[str, Probe]:
    """By the part's name; `cluster` only where there are nodes."""

    async def ami() -> PartHealth:
        up = telephony.ami.connected
        return PartHealth(up, "" if up else "Asterisk's manager doesn't answer")

    async def agi() -> PartHealth:
        up = telephony.listening
        return PartHealth(up, "" if up else "the FastAGI port isn't open")

    async def sip() -> PartHealth:
        bind, port = settings.sip_bind, settings.sip_port
        up = await asyncio.to_thread(listens, bind, port)
        return PartHealth(up, "" if up else f"nobody listens on UDP port {port} of {bind}")

    async def sql() -> PartHealth:
        waiting = journal.waiting
        if not database.healthy:
            return PartHealth(False, f"away; {waiting} facts wait in the journal")
        return PartHealth(True, f"{waiting} facts wait in the journal" if waiting else "")

    async def redis() -> PartHealth:
        up = live.healthy if cluster is None else cluster.redis_answers
        return PartHealth(up, "" if up else "away; the engine's memory leads")

    async def disk() -> PartHealth:
        return await asyncio.to_thread(disk_health, settings.folders, journal)

    known = {
        "ami": ami,
        "agi": agi,
        "sip": sip,
        "sql": sql,
        "redis": redis,
        "disk": disk,
        "speech": speech.health,
    }
    if cluster is None:
        return known
    others = cluster

    async def nodes() -> PartHealth:
        return cluster_wiring.health(others)

    return {**known, "cluster": nodes}
