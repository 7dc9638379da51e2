"""`hotline status`: what the running engine says of itself."""

from typing import Any

import typer
from rich.markup import escape

from hotline import api
from hotline.commands.common import JsonOption, out, print_json, print_table
from hotline.loading import load_settings


def status(as_json: JsonOption = False) -> None:
    """Parts, and per tenant: who waits, what the seats do, today's calls and tickets."""
    told = api.ask(load_settings(), "/api/v1/status")
    if as_json:
        print_json(told)
        return
    ready = "[green]ready for calls[/]" if told["ready"] else "[red]no calls can be taken[/]"
    out.print(f"{ready}, up {told['uptime_s']:.0f} s")
    for name, part in told["parts"].items():
        mark = "[green]✓[/]" if part["up"] else "[red]✗[/]"
        out.print(f"  {mark} {name} [dim]{escape(part['detail'])}[/]")
    print_table(
        ("tenant", "waiting", "longest", "seats", "answered", "abandoned", "tickets today"),
        [_row(tenant) for tenant in told["tenants"]],
    )


def _row(tenant: dict[str, Any]) -> tuple[str, ...]:
    seats = ", ".join(f"{count} {state}" for state, count in tenant["seats_by_state"].items())
    return (
        tenant["tenant"],
        str(tenant["waiting"]),
        f"{tenant['longest_wait_s'] or 0:.0f} s",
        seats or "none",
        f"{tenant['answered']} of {tenant['offered']}",
        str(tenant["abandoned"]),
        str(tenant["tickets_today"]),
    )


def register(app: typer.Typer) -> None:
    """Add this command to the `hotline` command."""
    app.command()(status)
