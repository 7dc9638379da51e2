"""What `hotline bench calls` tells, made from what both sides' bursts added up to.

A figure of which nothing was measured is None. Of pairs and bursts that failed nothing is kept.
"""

from collections.abc import Mapping
from statistics import median

from simulator.bench_plan import Plan, Side, Tally
from simulator.bench_steps import Figures
from simulator.rings import percentiles

Tallies = Mapping[Side, Tally]


def flow_figures(plan: Plan, tallies: Tallies) -> Figures:
    """Medians of the pairs; `cpu_ratio` is the worst rate's median ratio."""
    engine, queue = tallies[Side.ENGINE], tallies[Side.APP_QUEUE]
    ratios = [_ratio(engine, queue, rate) for rate in plan.rates]
    known = [ratio for ratio in ratios if ratio is not None]
    figures: dict[str, float | None] = {"cpu_ratio": None}
    if len(known) == len(ratios):
        figures["cpu_ratio"] = max(known)
    for rate, ratio in zip(plan.rates, ratios, strict=True):
        figures[f"cpu_ratio_{rate}"] = ratio
        figures[f"engine_cpu_ms_{rate}"] = _median(engine.cpu_ms.get(rate, []))
        figures[f"app_queue_cpu_ms_{rate}"] = _median(queue.cpu_ms.get(rate, []))
    return figures


def bare_figures(plan: Plan, tallies: Tallies) -> Figures:
    """The same of the bare sides, at their one rate."""
    engine, queue = tallies[Side.BARE_ENGINE], tallies[Side.BARE_APP_QUEUE]
    return {
        "cpu_ratio_bare": _ratio(engine, queue, plan.bare_rate),
        "bare_engine_cpu_ms": _median(engine.cpu_ms.get(plan.bare_rate, [])),
        "bare_app_queue_cpu_ms": _median(queue.cpu_ms.get(plan.bare_rate, [])),
    }


def ring_figures(tallies: Tallies) -> Figures:
    """Percentiles of all gaps of all bursts."""
    figures: dict[str, float | None] = {}
    for prefix, side in (("", Side.ENGINE), ("app_queue_", Side.APP_QUEUE)):
        names = [f"{prefix}ring_p{part}_ms" for part in (50, 95, 99)]
        figures |= dict.fromkeys(names)
        if tallies[side].gaps_ms:
            rings = percentiles(tallies[side].gaps_ms)
            told = (rings.p50, rings.p95, rings.p99)
            figures |= {name: round(ms, 2) for name, ms in zip(names, told, strict=True)}
        figures[f"{prefix}rings"] = len(tallies[side].gaps_ms)
    return figures


def hold_figures(plan: Plan, tallies: Tallies) -> Figures:
    """Callers who are only held: how many are lost, what holding them costs.

    `hold_cpu_ratio` is the first (longest) hold's; each hold's stands beside it. Lost are all who
    weren't there, `never_connected` those of them who weren't answered (or didn't call yet).
    """
    engine, queue = tallies[Side.ENGINE], tallies[Side.APP_QUEUE]
    figures: dict[str, float | None] = {}
    for held, _ in plan.holds:
        ours, theirs = engine.held_cpu_s.get(held), queue.held_cpu_s.get(held)
        figures |= {
            f"hold_{held}_lost": engine.lost.get(held),
            f"app_queue_hold_{held}_lost": queue.lost.get(held),
            f"hold_{held}_never_connected": engine.never_connected.get(held),
            f"app_queue_hold_{held}_never_connected": queue.never_connected.get(held),
            f"hold_{held}_core_percent": _percent(ours),
            f"app_queue_hold_{held}_core_percent": _percent(theirs),
            f"hold_cpu_ratio_{held}": round(ours / theirs, 3) if ours and theirs else None,
        }
    first = plan.holds[0][0]
    return {"hold_cpu_ratio": figures[f"hold_cpu_ratio_{first}"]} | figures


def count_figures(tallies: Tallies) -> Figures:
    """What went wrong on each side; the bare sides' count with their own."""
    figures: dict[str, float | None] = {}
    for prefix, sides in (
        ("", (Side.ENGINE, Side.BARE_ENGINE)),
        ("app_queue_", (Side.APP_QUEUE, Side.BARE_APP_QUEUE)),
    ):
        told = [tallies[side] for side in sides]
        figures |= {
            f"{prefix}failed_calls": sum(tally.failed for tally in told),
            f"{prefix}leftover_channels": sum(tally.left_over for tally in told),
            f"{prefix}rows_missing": sum(tally.rows_missing for tally in told),
        }
    return figures


def _ratio(engine: Tally, queue: Tally, rate: int) -> float | None:
    """The median of the pairs' ratios."""
    pairs = list(zip(engine.cpu_ms.get(rate, []), queue.cpu_ms.get(rate, []), strict=True))
    return round(median(e / q for e, q in pairs), 3) if pairs else None


def _median(values: list[float]) -> float | None:
    return round(median(values), 2) if values else None


def _percent(cores: float | None) -> float | None:
    return None if cores is None else round(100 * cores, 1)
