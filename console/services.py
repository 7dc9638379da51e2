"""Everything the console is given, in one value, and the keys it lies under in the application."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web

from console.auth import Authenticator
from console.desk import TicketDesk
from console.errors import UnknownTenant
from console.evidence import Evidence, NoEvidence
from console.follow_ups import FollowUps, NoFollowUps
from console.kpi import KpiReader, NoKpis
from console.metrics import Metrics
from console.open311 import NoOpen311, Open311
from console.outward import Exchange, NoOutward, PeerAudio, Webhooks
from console.ports import (
    Audio,
    Callbacks,
    Figures,
    Hours,
    Lines,
    Probe,
    Reload,
    Reports,
    Rosters,
    Seats,
    TenantFacts,
    TicketReader,
    Tokens,
    Waiting,
)
from console.spoken import NoSpoken
from console.talks import NoTalks, Talks
from tickets.review import SpokenCases
from tickets.understanding.understand import HERE, Context


@dataclass(frozen=True, slots=True)
class Services:
    """The console's ports, filled by the wiring.

    `tenants` is asked anew at each request; `parts` are asked by name, see `ports.PARTS`.
    """

    tenants: Callable[[], Mapping[str, TenantFacts]]
    tokens: Tokens
    seats: Seats
    waiting: Waiting
    figures: Figures
    reports: Reports
    tickets: TicketReader
    desk: TicketDesk
    hours: Hours
    lines: Lines
    rosters: Rosters
    callbacks: Callbacks
    audio: Audio
    reload: Reload
    parts: Mapping[str, Probe]
    metrics: Metrics
    now: Callable[[], datetime]
    version: str = ""
    talks: Talks = field(default_factory=NoTalks)
    spoken: SpokenCases = field(default_factory=NoSpoken)
    understanding: Context = HERE
    evidence: Evidence = field(default_factory=NoEvidence)
    follow_ups: FollowUps = field(default_factory=NoFollowUps)
    exchange: Exchange = field(default_factory=NoOutward)
    webhooks: Webhooks = field(default_factory=NoOutward)
    peer_audio: PeerAudio = field(default_factory=NoOutward)
    open311: Open311 = field(default_factory=NoOpen311)
    kpis: KpiReader = field(default_factory=NoKpis)

    def tenant(self, tenant_id: str) -> TenantFacts:
        """The tenant of this id; raises `UnknownTenant`."""
        found = self.tenants().get(tenant_id)
        if found is None:
            raise UnknownTenant
        return found


SERVICES = web.AppKey("services", Services)
AUTH = web.AppKey("auth", Authenticator)
