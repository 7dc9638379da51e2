"""Is it alive, can it take calls, how much does it do: for load balancers and Prometheus."""

import asyncio
from collections.abc import Mapping
from time import monotonic

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from console.board import longest_wait_s
from console.doors import ANYBODY, get
from console.guard import local_or_token, reply
from console.live import LIVE
from console.metrics import Snapshot, render
from console.ports import NEEDED_PARTS, PARTS, PartHealth, Probe
from console.services import SERVICES

PROBE_S = 2.0
FRESH_S = 1.0

log = structlog.get_logger(__name__)


class Health:
    """Asks all parts at once, each within `PROBE_S`, at most once per `FRESH_S`."""

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        missing = [name for name in PARTS if name not in probes]
        if missing:
            raise ValueError(f"parts without a probe: {', '.join(missing)}")
        self._probes = probes
        self._lock = asyncio.Lock()
        self._parts: dict[str, PartHealth] = {}
        self._asked_s = float("-inf")

    async def parts(self) -> Mapping[str, PartHealth]:
        """How each part is; never raises for a part that does."""
        async with self._lock:
            if monotonic() - self._asked_s >= FRESH_S:
                found = await asyncio.gather(*(_ask(n, p) for n, p in self._probes.items()))
                self._parts = dict(zip(self._probes, found, strict=True))
                self._asked_s = monotonic()
            return self._parts


HEALTH = web.AppKey("health", Health)


async def _ask(name: str, probe: Probe) -> PartHealth:
    try:
        async with asyncio.timeout(PROBE_S):
            return await probe()
    except TimeoutError:
        return PartHealth(False, f"no answer within {PROBE_S:g} s")
    except Exception as error:
        log.warning("probe_failed", part=name, error=repr(error))
        return PartHealth(False, "the check itself failed; see the log")


def calls_possible(parts: Mapping[str, PartHealth]) -> bool:
    """Whether a call that comes now can be led by this engine."""
    return all(parts[name].up for name in NEEDED_PARTS)


def spelled(parts: Mapping[str, PartHealth]) -> dict[str, dict[str, object]]:
    """Parts as JSON."""
    return {name: {"up": part.up, "detail": part.detail} for name, part in parts.items()}


async def healthz(request: web.Request) -> web.Response:
    """The process is alive and its loop turns."""
    return reply({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """200 when calls can be taken, else 503; every part by name either way."""
    parts = await request.app[HEALTH].parts()
    ready = calls_possible(parts)
    whole = ready and all(part.up for part in parts.values())
    status = "ready" if whole else "degraded" if ready else "not-ready"
    return reply({"status": status, "parts": spelled(parts)}, 200 if ready else 503)


async def metrics(request: web.Request) -> web.Response:
    """Prometheus text format."""
    await local_or_token(request)
    services = request.app[SERVICES]
    waiting, groups, now = {}, {}, services.now()
    rosters = {t: c for t in services.tenants() if (c := services.rosters.counts(t)) is not None}
    for tenant in services.tenants():
        summary = services.waiting.waiting(tenant)
        waiting[tenant] = (summary, longest_wait_s(summary, now))
        groups[tenant] = services.figures.groups(tenant)
    parts = await request.app[HEALTH].parts()
    clients = len(request.app[LIVE].sockets)
    snapshot = Snapshot(waiting, groups, parts, clients, rosters, now)
    text = render(services.metrics, snapshot)
    return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


ROUTES = (
    get("/healthz", healthz, roles=ANYBODY),
    get("/readyz", readyz, roles=ANYBODY),
    get("/metrics", metrics, roles=ANYBODY),
)
