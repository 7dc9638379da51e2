"""Callers who are only held: how many are lost, what holding them costs. Figures from tallies."""

from collections.abc import Mapping

from simulator.bench_plan import Plan, Side, Tally


def hold_figures(plan: Plan, tallies: Mapping[Side, Tally]) -> dict[str, float]:
    """`hold_cpu_ratio` is the first (longest) hold's; each hold's stands beside it."""
    engine, queue = tallies[Side.ENGINE], tallies[Side.APP_QUEUE]
    figures: dict[str, float] = {}
    for held, _ in plan.holds:
        figures |= {
            f"hold_{held}_lost": engine.lost[held],
            f"app_queue_hold_{held}_lost": queue.lost[held],
            f"hold_{held}_core_percent": round(100 * engine.held_cpu_s[held], 1),
            f"app_queue_hold_{held}_core_percent": round(100 * queue.held_cpu_s[held], 1),
            f"hold_cpu_ratio_{held}": round(engine.held_cpu_s[held] / queue.held_cpu_s[held], 3),
        }
    first = plan.holds[0][0]
    return {"hold_cpu_ratio": figures[f"hold_cpu_ratio_{first}"]} | figures
