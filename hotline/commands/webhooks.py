"""`hotline webhooks`: who is told of tickets' events over HTTP. Over the running engine."""

from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from hotline import api
from hotline.commands.common import JsonOption, TenantOption, chosen, out, print_json, print_table

app = typer.Typer(help="Webhooks: who is told of events (事件推送).", no_args_is_help=True)


@app.command("list")
def list_webhooks(tenant: TenantOption = "", as_json: JsonOption = False) -> None:
    """All subscriptions, disabled ones too."""
    settings, city = chosen(tenant)
    found = api.ask(settings, f"/api/v1/tenants/{city.id}/webhooks")["webhooks"]
    if as_json:
        print_json(found)
        return
    zone = ZoneInfo(city.time_zone)
    columns = ("id", "address", "events", "told", "failing since", "disabled", "why")
    print_table(columns, [_row(one, zone) for one in found])


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="where to tell, https://…")],
    event: Annotated[
        list[str] | None, typer.Option("--event", help="one of these events; all if none is named")
    ] = None,
    tenant: TenantOption = "",
    as_json: JsonOption = False,
) -> None:
    """Subscribe an address; its secret is printed once."""
    settings, city = chosen(tenant)
    told = api.ask(
        settings,
        f"/api/v1/tenants/{city.id}/webhooks",
        method="POST",
        body={"url": url, "events": event or ["*"]},
    )
    if as_json:
        print_json(told)
        return
    out.print(f"{told['webhook']['id']}: is told from now on; its secret:", highlight=False)
    typer.echo(told["secret"])


@app.command()
def remove(
    hook: Annotated[str, typer.Argument(help="its id (see list)")], tenant: TenantOption = ""
) -> None:
    """Tell it no more."""
    settings, city = chosen(tenant)
    api.ask(settings, f"/api/v1/tenants/{city.id}/webhooks/{hook}", method="DELETE")
    out.print(f"{hook}: is told no more", highlight=False)


@app.command()
def enable(
    hook: Annotated[str, typer.Argument(help="its id (see list)")],
    new_secret: Annotated[bool, typer.Option("--new-secret", help="with another secret")] = False,
    tenant: TenantOption = "",
) -> None:
    """Tell a disabled one again, or give it another secret (printed once)."""
    settings, city = chosen(tenant)
    path = f"/api/v1/tenants/{city.id}/webhooks/{hook}/enable"
    told = api.ask(settings, path, method="POST", body={"new_secret": new_secret})
    out.print(f"{hook}: is told", highlight=False)
    if told["secret"]:
        typer.echo(told["secret"])


def _row(one: dict[str, Any], zone: ZoneInfo) -> tuple[str, ...]:
    return (
        one["id"], one["url"], " ".join(one["events"]), _clock(one["told_at"], zone),
        _clock(one["failing_since"], zone), _clock(one["disabled_at"], zone), one["reason"] or "-",
    )  # fmt: skip


def _clock(seconds: int, zone: ZoneInfo) -> str:
    if not seconds:
        return "-"
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone(zone):%Y-%m-%d %H:%M}"


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="webhooks")
