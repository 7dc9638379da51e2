"""`hotline bench tickets`: a full store of tickets under traffic, on SQLite and PostgreSQL."""

import logging
import sys
from collections.abc import Callable
from typing import Annotated, Protocol

import structlog
import typer
import uvloop

from hotline.commands.common import JsonOption
from hotline.tickets_house import stores
from simulator.bench_steps import Figures, Steps
from simulator.bench_tickets import Plan, bench_tickets, report

BOTH = ("sqlite", "postgresql")
WHOLE = Plan()


class Tell(Protocol):
    """Prints what was measured."""

    def __call__(
        self, report: dict[str, object], figures: Figures, errors: list[str], *, as_json: bool
    ) -> None: ...


def register(
    bench_app: typer.Typer, tell: Tell, say: Callable[[str], None], commit: Callable[[], str]
) -> None:
    """Add the command to the `hotline bench` group."""

    @bench_app.command()
    def tickets(
        as_json: JsonOption = False,
        stored: Annotated[
            int, typer.Option(min=10_000, help="tickets in each store, with three events each")
        ] = WHOLE.stored,
        seconds: Annotated[float, typer.Option(min=2, help="of steady traffic")] = WHOLE.seconds,
        only: Annotated[str, typer.Option(help="one store: sqlite or postgresql")] = "",
    ) -> None:
        """Creates, transitions, lists, search, cards, due dates in two full stores. Needs root."""
        from hotline.engine import SWITCH_S  # here, as the other commands don't need it

        plan = Plan(stored=stored, seconds=seconds)
        chosen = [name for name in BOTH if only in ("", name)]
        if not chosen:
            raise typer.BadParameter(f"--only is one of {', '.join(BOTH)}")
        structlog.configure(  # standard output is for figures
            wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        )
        sys.setswitchinterval(SWITCH_S)  # as the engine has it
        steps = Steps(say)
        figures = steps.do(
            "bench tickets", lambda: uvloop.run(bench_tickets(stores(chosen), plan, steps))
        )
        tell(report(figures, commit()), figures, steps.errors, as_json=as_json)
