"""`hotline bench NAME`: measures this very installation's parts, in a home of its own."""

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace
from typing import Annotated

import structlog
import typer
import uvloop
from rich.console import Console

from hotline.arena import arena
from hotline.commands import bench_tickets
from hotline.commands.common import JsonOption, out, print_json, print_table
from hotline.errors import PartsFailed
from hotline.failover_house import failover_house
from hotline.loading import load_settings
from hotline.routing_house import RealHouse
from hotline.settings import PROJECT
from hotline.speech_house import speech_house
from hotline.understanding_bench import bench_understanding
from hotline.understanding_bench import report as understanding_report
from ivr.speech.tiny.place import place
from simulator import bench_failover, bench_routing, bench_speech
from simulator.bench_calls import bench_calls, report
from simulator.bench_plan import QUICK, Measure, Plan
from simulator.bench_steps import Figures, Steps, with_errors
from simulator.errors import SimulatorError
from simulator.load import raw_sockets_allowed

bench_app = typer.Typer(help="measure speed and memory on this machine", no_args_is_help=True)
progress = Console(stderr=True)


@bench_app.callback()
def bench() -> None:
    """Whatever ends a bench ends the servers it started: SIGTERM as Ctrl-C, background or not.
    Standard output is for figures: what parts in this process log goes to the other one."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


@bench_app.command()
def calls(
    as_json: JsonOption = False,
    quick: Annotated[bool, typer.Option("--quick", help="a smoke test of some seconds")] = False,
    pairs: Annotated[int, typer.Option(min=1, max=50, help="pairs of bursts at each rate")] = 5,
    only: Annotated[list[Measure] | None, typer.Option(help="measure this part alone")] = None,
) -> None:
    """The same calls through app_queue and through the engine, in turn. Needs root, ~35 minutes."""
    plan = QUICK if quick else Plan(pairs=pairs)
    plan = replace(plan, measures=frozenset(only or Measure))
    _may_make_sound("bench calls")
    steps = Steps(_say)
    figures: dict[str, float | None] = {}
    try:
        asyncio.run(steps.take("bench calls", _measure(plan, steps, figures)))
    except KeyboardInterrupt:  # Ctrl-C or SIGTERM: half an hour's figures are told all the same
        steps.errors.append("bench calls: ended by a signal before all was measured")
    _tell(report(figures, _commit()), figures, steps.errors, as_json=as_json)


@bench_app.command()
def routing(
    as_json: JsonOption = False,
    quick: Annotated[bool, typer.Option("--quick", help="a smoke test of a few seconds")] = False,
) -> None:
    """What one decision of the matcher costs with 500,000 callers waiting. About two minutes."""
    plan = bench_routing.QUICK if quick else bench_routing.Plan()
    steps = Steps(_say)
    figures = steps.do(
        "bench routing", lambda: bench_routing.bench_routing(RealHouse(), plan, _say)
    )
    _tell(bench_routing.report(figures, _commit()), figures, steps.errors, as_json=as_json)


@bench_app.command()
def failover(
    as_json: JsonOption = False,
    quick: Annotated[bool, typer.Option("--quick", help="few calls, half a minute")] = False,
) -> None:
    """Two nodes under load, and the engine that leads is killed. Needs root and PostgreSQL."""
    plan = bench_failover.QUICK if quick else bench_failover.FailoverPlan()
    _may_make_sound("bench failover")
    steps = Steps(_say)
    figures = steps.do("bench failover", lambda: asyncio.run(measure_failover(plan)))
    _tell(bench_failover.report(figures, _commit()), figures, steps.errors, as_json=as_json)


async def measure_failover(plan: bench_failover.FailoverPlan) -> dict[str, float]:
    """The figures of a failover, on two private nodes."""
    _say("starting two private nodes: Asterisk and engine each, one Redis and PostgreSQL")
    async with failover_house(plan) as (house, folder):
        return await bench_failover.bench_failover(house, plan, folder, _say)


@bench_app.command()
def speech(
    as_json: JsonOption = False,
    quick: Annotated[bool, typer.Option("--quick", help="few callers, half a minute")] = False,
) -> None:
    """Live audio through the engine against bare Vosk on the same audio. About four minutes."""
    plan = bench_speech.QUICK if quick else bench_speech.Plan()
    steps = Steps(_say)
    figures = steps.do("bench speech", lambda: uvloop.run(measure_speech(plan)))
    _tell(bench_speech.report(figures, _commit()), figures, steps.errors, as_json=as_json)


async def measure_speech(plan: bench_speech.Plan) -> dict[str, float]:
    """The figures of speech with the demonstration's model, on a private engine."""
    _say("making voices, starting a private engine with two recognisers")
    async with speech_house(place(load_settings().cache.resolve() / "speech")) as house:
        return await bench_speech.bench_speech(house, plan, _say)


@bench_app.command()
def understanding(
    as_json: JsonOption = False,
    text_only: Annotated[
        bool, typer.Option("--text-only", help="nothing spoken: a second")
    ] = False,
) -> None:
    """How well sentences are understood, on text and by ear. About three minutes."""
    model = place(load_settings().cache.resolve() / "speech")
    steps = Steps(_say)
    figures = steps.do(
        "bench understanding", lambda: bench_understanding(model, _say, audio=not text_only)
    )
    _tell(understanding_report(figures, _commit()), figures, steps.errors, as_json=as_json)


def _tell(report: dict[str, object], figures: Figures, errors: list[str], *, as_json: bool) -> None:
    """Print what was measured; the command fails when some of it couldn't be."""
    told = with_errors(report, errors)
    if errors and not figures and not as_json:
        raise PartsFailed("; ".join(errors))
    if as_json:
        print_json(told)
    else:
        rows = [(name, "-" if value is None else f"{value:g}") for name, value in figures.items()]
        print_table(("figure", "value"), rows)
        out.print("targets met" if told["met"] else "targets NOT met")
    if errors:
        raise typer.Exit(PartsFailed.code)


def _may_make_sound(bench: str) -> None:
    try:
        raw_sockets_allowed()
    except SimulatorError as error:
        raise PartsFailed(f"{bench}: {error}") from error


async def _measure(plan: Plan, steps: Steps, figures: dict[str, float | None]) -> None:
    """Fills in the figures: they are there also when ending the arena fails."""
    _say("starting a private Asterisk, database and engine")
    async with arena(plan) as (built, folder):
        await bench_calls(built, plan, folder, steps, figures)


def _say(line: str) -> None:
    progress.print(line, highlight=False, soft_wrap=True)


def _commit() -> str:
    """The commit that runs, with `+` when files differ from it; `unknown` outside of git."""
    git = ["git", "-C", str(PROJECT)]
    try:
        words = [*git, "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    bench_tickets.register(bench_app, _tell, _say, _commit)
    root.add_typer(bench_app, name="bench")
