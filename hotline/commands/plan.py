"""`hotline plan`: how many seats of which skills a forecast needs to reach a service level."""

import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from hotline.commands.common import JsonOption, TenantOption, chosen, out, print_json
from hotline.errors import BadRequest, HotlineError
from hotline.plan_chart import clock, draw, lowest_answered, series_of, worst
from hotline.plan_file import EXAMPLE, read_forecast
from ivr.documents import DocumentError
from ivr.rosters import EXAMPLE_ROSTER, read_roster
from queue_manager.day_plan import IntervalPlan, ShiftPlan, cover_by_shifts, plan_day, with_people
from queue_manager.forecast import Forecast
from queue_manager.simulation import Estimate, KindResult

PATIENCE_S = 2.0
BAR_CELLS = 28

progress = Console(stderr=True)


def plan(
    file: Annotated[
        Path | None, typer.Argument(help=f"forecast (YAML); the example if not given: {EXAMPLE}")
    ] = None,
    calls: Annotated[
        Path | None, typer.Option(help="CSV: from,<kind>,… in place of its own")
    ] = None,
    history: Annotated[
        int, typer.Option(min=0, help="plan for the mean of this many past days of this tenant")
    ] = 0,
    share: Annotated[float | None, typer.Option(help="share answered in time, such as 0.8")] = None,
    within_s: Annotated[float | None, typer.Option(help="what in time is, seconds")] = None,
    connection: Annotated[float | None, typer.Option(help="share answered at all")] = None,
    roster: Annotated[
        Path | None, typer.Option(help="shifts to cover the day by; the tenant's if not given")
    ] = None,
    svg: Annotated[Path, typer.Option(help="where the chart is written")] = Path("plan.svg"),
    seed: Annotated[int, typer.Option(help="of the dice: the same seed, the same plan")] = 1,
    simulated: Annotated[
        int, typer.Option(min=4000, max=1_000_000, help="calls simulated to judge a mix of seats")
    ] = 40_000,
    tenant: TenantOption = "",
    as_json: JsonOption = False,
) -> None:
    """How many seats of which skills are needed, by the hour and by shift (Erlang, simulation)."""
    wanted = {"share": share, "within_s": within_s, "connection": connection}
    try:
        forecast = _aimed(_forecast(file, calls, history, tenant), wanted)
        shifts_file = roster or chosen(tenant)[1].roster_file or EXAMPLE_ROSTER
        shifts = read_roster(shifts_file)
        with _told(len(forecast.forecast)) as told:
            plans = plan_day(forecast, seed, simulated, told)
    except DocumentError as error:
        raise HotlineError(str(error)) from error
    try:
        covered = cover_by_shifts(forecast, plans, shifts.shifts)
        covered, uncovered = with_people(covered, shifts, forecast.shrinkage), ""
    except ValueError as error:
        covered, uncovered = None, f"{shifts_file}: {error}"
    try:
        svg.write_text(draw(forecast, plans, covered), "utf-8")
    except OSError as error:
        raise BadRequest(f"--svg {svg}: {error.strerror}") from error
    if as_json:
        print_json(_spelled(forecast, plans, covered, seed, simulated))
        return
    if file is None and not history:
        out.print(f"[dim]example forecast {EXAMPLE}[/]", highlight=False, soft_wrap=True)
    out.print(_intervals(forecast, plans))
    out.print(_legend(forecast), highlight=False)
    if covered is not None:
        out.print(_shifts(forecast, covered))
    else:
        out.print(f"[yellow]{uncovered}[/]", highlight=False, soft_wrap=True)
    out.print(f"chart 图: {svg.resolve()}", highlight=False, soft_wrap=True)


def _forecast(file: Path | None, calls: Path | None, history: int, tenant: str) -> Forecast:
    if not history:
        return read_forecast(file or EXAMPLE, calls)
    if file is not None or calls is not None:
        raise BadRequest("--history takes the place of a forecast: give one of them")
    # A command of its own: under root it reads the database as the parts' user, as `seats` does.
    words = [sys.executable, "-P", "-m", "hotline", "forecast", "--days", str(history)]
    words += ["--tenant", tenant] if tenant else []
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BadRequest(done.stderr.strip().removeprefix("hotline: ") or "hotline forecast failed")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as kept:
        kept.write(done.stdout)
        kept.flush()
        return read_forecast(Path(kept.name))


def _aimed(forecast: Forecast, wanted: dict[str, float | None]) -> Forecast:
    """The forecast with the target of the options."""
    given = {key: value for key, value in wanted.items() if value is not None}
    for key, value in given.items():
        if key == "within_s" and value < 0:
            raise BadRequest(f"--within-s {value:g}: write seconds, 0 or more")
        if key != "within_s" and not 0 <= value < 1:
            raise BadRequest(f"--{key.replace('_', '-')} {value:g}: shares are 0 to below 1")
    return forecast.model_copy(update={"target": forecast.target.model_copy(update=given)})


@contextmanager
def _told(intervals: int) -> Iterator[Callable[[int], None]]:
    """Progress on stderr, once it has taken longer than anyone waits without a sign."""
    bar = Progress(console=progress, transient=True)
    task = bar.add_task("规划 planning", total=intervals)
    # By a clock of its own: the first interval may take longer.
    patience = threading.Timer(PATIENCE_S, bar.start)
    patience.daemon = True
    patience.start()
    try:
        yield lambda done: bar.update(task, completed=done)
    finally:
        patience.cancel()
        patience.join()
        if bar.live.is_started:
            bar.stop()


def _intervals(forecast: Forecast, plans: Sequence[IntervalPlan]) -> Table:
    """The day by interval: table and chart in one, a bar of seats by kind."""
    target = forecast.target
    table = Table(title="座席规划 Staffing plan", header_style="bold", pad_edge=False)
    table.add_column("时段\nInterval")
    table.add_column("来电\nCalls", justify="right")
    table.add_column("Erlang", justify="right")
    table.add_column("Erlang C / A\n(一种技能 one skill)", justify="right")
    for profile in forecast.profiles:
        table.add_column(f"{profile.name}\n{profile.name_en}", justify="right")
    table.add_column("座席 Seats", no_wrap=True)
    table.add_column(f"≤ {target.within_s:g} s\n最低一类 worst", justify="right")
    table.add_column("接通率\nAnswered", justify="right")
    table.add_column("少一席\nOne less", justify="right")
    most = max(sum(plan.answer.seats.values()) for plan in plans)
    for plan in plans:
        found = worst(plan)
        shown = found[1] if found else None
        table.add_row(
            f"{clock(plan.begin_min)}–{clock(plan.end_min)}",
            f"{sum(plan.calls.values()):g}",
            f"{plan.erlangs:.1f}",
            f"{plan.erlang_c} / {plan.erlang_a}",
            *(str(plan.answer.seats[profile.id] or "·") for profile in forecast.profiles),
            _bar(forecast, plan, most),
            _percent(shown.service_level) if shown else "–",
            f"{lowest_answered(plan).mean:.1%}",
            _one_less(plan),
        )
    return table


def _legend(forecast: Forecast) -> Text:
    legend = Text()
    for series in series_of(forecast.profiles):
        legend.append("██ ", style=series.colour).append(f"{series.label}   ")
    target = forecast.target
    legend.append(
        f"\n目标 target: {target.share:.0%} ≤ {target.within_s:g} s, "
        f"接通率 answered ≥ {target.connection:.0%}; ±: 95 % 置信区间 confidence interval"
    )
    return legend


def _bar(forecast: Forecast, plan: IntervalPlan, most: int) -> Text:
    """Seats as a bar, a colour for each kind; its cells add up, so that bars can be compared."""
    bar, passed, drawn = Text(), 0, 0
    for series in series_of(forecast.profiles):
        passed += plan.answer.seats[series.key]
        cells = round(passed * BAR_CELLS / most) - drawn
        bar.append("█" * cells, style=series.colour)
        drawn += cells
    return bar


def _shifts(forecast: Forecast, covered: ShiftPlan) -> Table:
    title = "班次 Shifts" if covered.exact else "班次 Shifts (近似 nearly the cheapest)"
    table = Table(title=title, header_style="bold", pad_edge=False)
    table.add_column("班次 Shift")
    table.add_column("时间 Hours")
    for profile in forecast.profiles:
        table.add_column(f"{profile.name} {profile.name_en}", justify="right")
    for staff in covered.shifts:
        shift = staff.shift
        seats = (str(staff.seats[profile.id]) for profile in forecast.profiles)
        table.add_row(f"{shift.name} {shift.name_en}", shift.hours, *seats)
    if covered.teams:
        team = (str(covered.team[profile.id]) for profile in forecast.profiles)
        people = (str(covered.people[profile.id]) for profile in forecast.profiles)
        table.add_row("每班组 each team", "", *team, style="bold")
        away = f"{forecast.shrinkage:.0%} 缺勤 away"
        table.add_row(f"{covered.teams} 个班组 teams", away, *people, style="bold")
    return table


def _percent(share: Estimate) -> str:
    return f"{share.mean:.1%} ± {share.half_width * 100:.1f}"


def _one_less(plan: IntervalPlan) -> str:
    """What the best choice of one seat less would do for the callers who fare worst: in time, and
    answered at all. One of the two misses the target."""
    shares = [
        (
            min(kind.service_level.mean for kind in less.kinds.values() if kind.arrived),
            min(1 - kind.abandonment.mean for kind in less.kinds.values() if kind.arrived),
        )
        for less in plan.answer.one_less.values()
    ]
    if not shares:
        return "–"
    in_time, answered = max(shares, key=min)
    return f"{in_time:.1%} / {answered:.1%}"


def _spelled(
    forecast: Forecast,
    plans: Sequence[IntervalPlan],
    covered: ShiftPlan | None,
    seed: int,
    simulated: int,
) -> dict[str, Any]:
    return {
        "target": forecast.target.model_dump(),
        "seed": seed,
        "simulated_calls": simulated,
        "intervals": [_interval(plan) for plan in plans],
        "shifts": [
            {"shift": staff.shift.id, "hours": staff.shift.hours, "seats": dict(staff.seats)}
            for staff in (covered.shifts if covered else ())
        ],
        "shifts_exact": covered.exact if covered else None,
        "teams": covered.teams if covered else 0,
        "team": dict(covered.team) if covered else {},
        "people": dict(covered.people) if covered else {},
    }


def _interval(plan: IntervalPlan) -> dict[str, Any]:
    answer = plan.answer
    return {
        "from": clock(plan.begin_min),
        "to": clock(plan.end_min),
        "calls": dict(plan.calls),
        "erlangs": round(plan.erlangs, 3),
        "erlang_c": plan.erlang_c,
        "erlang_a": plan.erlang_a,
        "seats": dict(answer.seats),
        "cost": round(answer.cost, 4),
        "kinds": {name: _kind(kind) for name, kind in answer.result.kinds.items()},
        "occupancy": {name: round(busy, 4) for name, busy in answer.result.occupancy.items()},
        "one_less": {
            profile: {name: _kind(kind) for name, kind in result.kinds.items()}
            for profile, result in answer.one_less.items()
        },
    }


def _kind(kind: KindResult) -> dict[str, Any]:
    return {
        "simulated": kind.arrived,
        "in_time": asdict(kind.service_level),
        "abandoned": asdict(kind.abandonment),
        "mean_wait_s": asdict(kind.mean_wait_s),
    }


def register(root: typer.Typer) -> None:
    """Add this command to the `hotline` command."""
    root.command("plan")(plan)
