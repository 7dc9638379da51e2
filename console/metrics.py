"""Prometheus metrics. Labels come from bounded sets only: tenants, states, parts, outcomes."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache

from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from console.ports import Groups, PartHealth, WaitingSummary
from queue_manager.callback import ENDS as CALLBACK_ENDS
from queue_manager.duty import Counts
from queue_manager.model import SeatState
from tickets.follow_up import ENDS as FOLLOW_UP_ENDS
from tickets.model import Origin, Outcome, Rating

WAIT_BUCKETS_S = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200)


class Metrics:
    """The counters. The wiring counts calls and tickets here as their facts are made.

    Other rooms' counters join by `registry`.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._calls = Counter(
            "hotline_calls_total",
            "Calls ended, by outcome.",
            ("tenant", "outcome"),
            registry=self.registry,
        )
        self._tickets = Counter(
            "hotline_tickets_total",
            "Tickets made, by origin.",
            ("tenant", "origin"),
            registry=self.registry,
        )
        self._callbacks = Counter(
            "hotline_callbacks_total",
            "Callbacks that keep the place: taken, and how they ended.",
            ("tenant", "outcome"),
            registry=self.registry,
        )
        self._follow_ups = Counter(
            "hotline_follow_ups_total",
            "Citizens to be phoned with the result of their tickets, by how it ended.",
            ("tenant", "outcome"),
            registry=self.registry,
        )
        self._follow_up_tries = Counter(
            "hotline_follow_up_tries_total",
            "Calls to citizens with the result of their tickets, by how the call went.",
            ("tenant", "result"),
            registry=self.registry,
        )
        self._ratings = Counter(
            "hotline_talk_ratings_total",
            "What citizens said of a talk right after it; default: asked, and nothing said.",
            ("tenant", "rating"),
            registry=self.registry,
        )
        self._waits = Histogram(
            "hotline_wait_seconds",
            "Time answered callers had waited in the queue.",
            ("tenant",),
            buckets=WAIT_BUCKETS_S,
            registry=self.registry,
        )
        # Of what every call counts: the series are few, and finding one costs more than counting.
        self._calls_of = cache(self._calls.labels)
        self._tickets_of = cache(self._tickets.labels)
        self._waits_of = cache(self._waits.labels)
        self._live_dropped = Counter(
            "hotline_live_clients_dropped_total",
            "Live connections cut because the client read too slowly.",
            registry=self.registry,
        )
        self._refused = Counter(
            "hotline_http_errors_total",
            "Error answers of the console, by error id.",
            ("id",),
            registry=self.registry,
        )

    def known(self, tenants: Iterable[str]) -> None:
        """Start every series of these tenants at 0, so that a first increase can be seen."""
        for tenant in tenants:
            for outcome in Outcome:
                self._calls.labels(tenant, outcome.value)
            for origin in Origin:
                self._tickets.labels(tenant, origin.value)
            for word in ("taken", *sorted(CALLBACK_ENDS)):
                self._callbacks.labels(tenant, word)
            for end in sorted(FOLLOW_UP_ENDS):
                self._follow_ups.labels(tenant, end.value)
            for rating in Rating:
                self._ratings.labels(tenant, rating.value)
            self._waits.labels(tenant)

    def call_ended(self, tenant: str, outcome: Outcome) -> None:
        """Count one ended call."""
        self._calls_of(tenant, outcome.value).inc()

    def ticket_made(self, tenant: str, origin: Origin) -> None:
        """Count one new ticket."""
        self._tickets_of(tenant, origin.value).inc()

    def callback_taken(self, tenant: str) -> None:
        """Count one callback that was promised."""
        self._callbacks.labels(tenant, "taken").inc()

    def callback_ended(self, tenant: str, outcome: str) -> None:
        """Count how a callback ended (`queue_manager.callback`, its ends)."""
        self._callbacks.labels(tenant, outcome).inc()

    def talk_rated(self, tenant: str, rating: str) -> None:
        """Count what a citizen said of a talk (`tickets.model.Rating`)."""
        self._ratings.labels(tenant, rating).inc()

    def follow_up_tried(self, tenant: str, result: str) -> None:
        """Count one call to a citizen, by how it went (`tickets.follow_up.Heard.result`)."""
        self._follow_up_tries.labels(tenant, result).inc()

    def follow_up_ended(self, tenant: str, outcome: str) -> None:
        """Count how a follow-up ended (`tickets.follow_up`, its ends)."""
        self._follow_ups.labels(tenant, outcome).inc()

    def answered_after(self, tenant: str, wait_s: float) -> None:
        """Count one answered caller's wait."""
        self._waits_of(tenant).observe(wait_s)

    def live_dropped(self) -> None:
        """Count one live client that read too slowly."""
        self._live_dropped.inc()

    def error_answered(self, error_id: str) -> None:
        """Count one error answer."""
        self._refused.labels(error_id).inc()


class Snapshot(Collector):
    """Gauges of this moment, read when scraped."""

    def __init__(
        self,
        waiting: Mapping[str, tuple[WaitingSummary, float]],
        groups: Mapping[str, Groups],
        parts: Mapping[str, PartHealth],
        live_clients: int,
        rosters: Mapping[str, Counts],
        now: datetime,
    ) -> None:
        self._waiting = waiting
        self._groups = groups
        self._parts = parts
        self._live_clients = live_clients
        self._rosters = rosters
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """The gauges as families."""
        callers = GaugeMetricFamily(
            "hotline_waiting_callers", "Callers waiting now.", labels=("tenant",)
        )
        longest = GaugeMetricFamily(
            "hotline_longest_wait_seconds", "The longest wait of now.", labels=("tenant",)
        )
        for tenant, (summary, longest_s) in self._waiting.items():
            callers.add_metric((tenant,), summary.count)
            longest.add_metric((tenant,), longest_s)
        seats = GaugeMetricFamily(
            "hotline_seats", "Seats by what they do.", labels=("tenant", "state")
        )
        for tenant, group in self._groups.items():
            for state in SeatState:
                seats.add_metric((tenant, state.value), group.states.get(state, 0))
        parts = GaugeMetricFamily("hotline_parts_up", "1 when the part answers.", labels=("part",))
        for name, health in self._parts.items():
            parts.add_metric((name,), float(health.up))
        yield from (callers, longest, seats, parts)
        due = GaugeMetricFamily(
            "hotline_roster_seats",
            "Seats due by the shift roster, by what they are found to be.",
            labels=("tenant", "presence"),
        )
        for tenant, duty in self._rosters.items():
            due.add_metric((tenant, "present"), duty.present)
            due.add_metric((tenant, "paused"), duty.paused)
            due.add_metric((tenant, "missing"), duty.missing)
        yield due
        yield from self._of_queues()
        live = GaugeMetricFamily("hotline_live_clients", "Live connections now.")
        live.add_metric((), self._live_clients)
        yield live

    def _of_queues(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "hotline_queue_waiting_callers",
            "Callers waiting now, by queue.",
            labels=("tenant", "queue"),
        )
        longest = GaugeMetricFamily(
            "hotline_queue_longest_wait_seconds",
            "The longest wait of now, by queue.",
            labels=("tenant", "queue"),
        )
        able = GaugeMetricFamily(
            "hotline_queue_ready_seats",
            "Ready seats that can serve a queue.",
            labels=("tenant", "queue"),
        )
        for tenant, group in self._groups.items():
            for queue in group.queues:
                since = queue.oldest or self._now
                waiting.add_metric((tenant, queue.key), queue.waiting)
                longest.add_metric(
                    (tenant, queue.key), max(0.0, (self._now - since).total_seconds())
                )
                able.add_metric((tenant, queue.key), queue.seats.get(SeatState.READY, 0))
        yield from (waiting, longest, able)


class _Joined(Collector):
    def __init__(self, *sources: CollectorRegistry | Collector) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        for source in self._sources:
            yield from source.collect()


def render(metrics: Metrics, snapshot: Snapshot) -> bytes:
    """The text format, counters and gauges together."""
    return generate_latest(_Joined(metrics.registry, snapshot))
