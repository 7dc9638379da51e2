"""Alive, ready, measured."""

import asyncio
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from console.api import health
from console.app import build_app
from console.metrics import Metrics
from console.ports import PARTS, PartHealth, Role
from queue_manager.model import SeatState
from tests.console.conftest import Caller
from tests.console.fakes import CITY, OTHER_CITY, City, everywhere
from tickets.model import Origin, Outcome


@pytest.fixture(autouse=True)
def _always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "FRESH_S", 0.0)


async def test_healthz_needs_nothing(nobody: Caller) -> None:
    assert (await nobody.ask("/healthz"))[:2] == (200, {"status": "ok"})


async def test_ready_when_every_part_is_up(nobody: Caller) -> None:
    status, told, _ = await nobody.ask("/readyz")
    assert (status, told["status"]) == (200, "ready")
    assert set(told["parts"]) == set(PARTS)


@pytest.mark.parametrize("part", ["ami", "agi", "sip"])
async def test_not_ready_without_what_a_call_needs(city: City, nobody: Caller, part: str) -> None:
    city.health[part] = PartHealth(False, "no connection")
    status, told, _ = await nobody.ask("/readyz")
    assert (status, told["status"]) == (503, "not-ready")
    assert told["parts"][part] == {"up": False, "detail": "no connection"}


@pytest.mark.parametrize("part", ["sql", "redis", "disk"])
async def test_calls_are_still_taken_without_stores_but_it_is_said(
    city: City, nobody: Caller, part: str
) -> None:
    city.health[part] = PartHealth(False, "away")
    status, told, _ = await nobody.ask("/readyz")
    assert (status, told["status"]) == (200, "degraded")
    assert told["parts"][part]["up"] is False


async def test_a_probe_that_hangs_or_raises_is_a_part_that_is_down(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang() -> PartHealth:
        await asyncio.Event().wait()
        return PartHealth(True)

    async def fail() -> PartHealth:
        raise OSError("secret path /x/y")

    monkeypatch.setattr(health, "PROBE_S", 0.05)
    probes = {name: city.probe(name) for name in PARTS} | {"sql": hang, "disk": fail}
    parts = await health.Health(probes).parts()
    assert not parts["sql"].up
    assert not parts["disk"].up
    assert "secret" not in parts["disk"].detail
    assert parts["ami"].up


async def test_many_askers_make_one_probe(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "FRESH_S", 60.0)
    asked = 0

    async def count() -> PartHealth:
        nonlocal asked
        asked += 1
        return PartHealth(True)

    one = health.Health(dict.fromkeys(PARTS, count))
    await asyncio.gather(*(one.parts() for _ in range(50)))
    assert asked == len(PARTS)


def test_an_installation_without_a_probe_for_a_part_is_refused(city: City) -> None:
    services = replace(city.services(), parts={"ami": city.probe("ami")})
    with pytest.raises(ValueError, match="agi, sip, sql, redis, disk"):
        build_app(services)


async def test_metrics_for_the_local_scraper(city: City, nobody: Caller) -> None:
    city.put(CITY, "801", SeatState.TALKING)
    city.health["redis"] = PartHealth(False)
    status, told, headers = await nobody.ask("/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(told.decode())
        for sample in family.samples
    }
    assert samples["hotline_calls_total", "answered", CITY] == 0
    assert samples["hotline_tickets_total", CITY, "talk"] == 0
    assert samples["hotline_seats", CITY, "talking"] == 1
    assert samples["hotline_seats", CITY, "ready"] == 1
    assert samples["hotline_waiting_callers", CITY] == 0
    assert samples["hotline_parts_up", "redis"] == 0
    assert samples["hotline_parts_up", "ami"] == 1
    assert "process_resident_memory_bytes" in told.decode()


async def test_metrics_from_elsewhere_need_a_token_for_all_tenants(
    city: City, nobody: Caller, wall: Caller
) -> None:
    through_proxy = {"X-Forwarded-For": "10.0.0.7"}
    assert await nobody.refused("/metrics", headers=through_proxy) == (401, "token-missing")
    assert await wall.refused("/metrics", headers=through_proxy) == (403, "tenant-refused")
    anywhere = nobody.having(everywhere(city, Role.WALLBOARD))
    assert (await anywhere.ask("/metrics", headers=through_proxy))[0] == 200


def test_counters_count_and_labels_stay_bounded() -> None:
    metrics = Metrics()
    metrics.known([CITY, OTHER_CITY])
    metrics.call_ended(CITY, Outcome.ANSWERED)
    metrics.ticket_made(CITY, Origin.TALK)
    metrics.answered_after(CITY, 3.0)
    value = metrics.registry.get_sample_value
    assert value("hotline_calls_total", {"tenant": CITY, "outcome": "answered"}) == 1
    assert value("hotline_tickets_total", {"tenant": CITY, "origin": "talk"}) == 1
    assert value("hotline_wait_seconds_sum", {"tenant": CITY}) == 3.0
    series = [
        sample
        for family in metrics.registry.collect()
        if family.name == "hotline_calls"
        for sample in family.samples
        if sample.name == "hotline_calls_total"
    ]
    assert len(series) == 2 * len(Outcome)


def test_every_metric_of_ours_ends_in_what_it_counts() -> None:
    units = ("_total", "_seconds", "_callers", "_seats", "_up", "_clients")
    metrics = Metrics()
    names = [
        f"{f.name}_total" if f.type == "counter" else f.name for f in metrics.registry.collect()
    ]
    ours = [name for name in names if name.startswith("hotline_")]
    assert ours
    assert all(name.endswith(units) for name in ours), ours
