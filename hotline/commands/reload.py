"""`hotline reload`: the running engine reads its files and seats anew."""

import typer

from hotline import api
from hotline.commands.common import TenantOption, chosen, out


def reload(tenant: TenantOption = "") -> None:
    """Have the running engine read lines, flows, rules, rosters and seats anew; calls go on."""
    settings, city = chosen(tenant)
    for one in (city,) if tenant else settings.tenants:
        told = api.ask(settings, f"/api/v1/tenants/{one.id}/reload", method="POST")["reloaded"]
        out.print(f"{one.id}: {told['lines']} lines and {told['seats']} seats", highlight=False)


def register(app: typer.Typer) -> None:
    """Add this command to the `hotline` command."""
    app.command()(reload)
