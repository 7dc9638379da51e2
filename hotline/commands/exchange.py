"""`hotline exchange`: peers and their secrets, what goes out to them, to webhooks and citizens."""

import secrets
import sys
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from hotline import api, secrets_kept
from hotline.commands.common import JsonOption, TenantOption, chosen, out, print_json, print_table
from hotline.errors import BadRequest, BadSettings
from hotline.peer_files import peer_secret, read_peers, secret_name
from hotline.settings import Settings
from ivr.documents import DocumentError
from ivr.tenants import Tenant
from tickets.peers import NOBODY, PeersFile

app = typer.Typer(help="Tickets exchanged with other houses (工单互转).", no_args_is_help=True)


@app.command()
def peers(tenant: TenantOption = "", as_json: JsonOption = False) -> None:
    """Other houses, what goes there, and whether a secret is kept for each."""
    settings, city = chosen(tenant)
    found = [
        {
            **peer.model_dump(mode="json"),
            "secret": peer_secret(settings.folders, city.id, peer.id) is not None,
        }
        for peer in _file(city).peers
    ]
    if as_json:
        print_json(found)
        return
    columns = ("peer", "name", "address", "we", "units", "requester", "secret")
    print_table(
        columns,
        [
            (
                p["id"], p["name"], p["address"], p["we"], " ".join(p["units"]) or "-",
                p["requester"], "kept" if p["secret"] else "missing",
            )
            for p in found
        ],
    )  # fmt: skip


@app.command()
def secret(
    peer: Annotated[str, typer.Argument(help="its id in the peers file")],
    given: Annotated[
        bool, typer.Option("--given", help="read theirs from standard input instead")
    ] = False,
    tenant: TenantOption = "",
) -> None:
    """Make the secret that we share with a peer (printed once), or keep the one it gave us."""
    settings, city = chosen(tenant)
    if peer not in _file(city).by_id:
        raise BadRequest(f"{city.id} has no peer {peer!r}: write it into its peers_file first")
    value = sys.stdin.readline().strip() if given else secrets.token_urlsafe(32)
    if len(value) < secrets_kept.LEAST_SECRET:
        raise BadRequest(
            f"{len(value)} characters are too few, {secrets_kept.LEAST_SECRET} are needed"
        )
    _home(settings)
    secrets_kept.write(settings.folders, secret_name(city.id, peer), value)
    if not given:
        typer.echo(value)


@app.command("list")
def list_messages(
    state: Annotated[str, typer.Option(help="waiting, sent or given_up")] = "",
    ticket: Annotated[str, typer.Option(help="of one ticket")] = "",
    tenant: TenantOption = "",
    as_json: JsonOption = False,
) -> None:
    """What goes out to peers, webhooks and (text messages) citizens, the newest hundred."""
    settings, city = chosen(tenant)
    path = f"/api/v1/tenants/{city.id}/exchange/messages?state={state}&ticket={ticket}"
    found = api.ask(settings, path)["messages"]
    if as_json:
        print_json(found)
        return
    columns = ("id", "to", "ticket", "word", "state", "made", "tries", "why")
    zone = ZoneInfo(city.time_zone)
    print_table(columns, [_row(one, zone) for one in found])


@app.command()
def again(
    message: Annotated[int, typer.Argument(help="the id of one that was given up (see list)")],
    tenant: TenantOption = "",
) -> None:
    """Send a message again that was given up."""
    settings, city = chosen(tenant)
    path = f"/api/v1/tenants/{city.id}/exchange/messages/{message}/again"
    api.ask(settings, path, method="POST")
    out.print(f"{message}: is sent again", highlight=False)


def _row(one: dict[str, Any], zone: ZoneInfo) -> tuple[str, ...]:
    made = datetime.fromtimestamp(one["made_at"], UTC).astimezone(zone)
    return (
        str(one["id"]), one["target"], one["ticket"], one["kind"], one["state"],
        f"{made:%m-%d %H:%M:%S}", str(one["tries"]), one["reason"] or "-",
    )  # fmt: skip


def _file(city: Tenant) -> PeersFile:
    try:
        return read_peers(city.peers_file) if city.peers_file else NOBODY
    except DocumentError as error:
        raise BadSettings(str(error)) from error


def _home(settings: Settings) -> None:
    if not settings.folders.secrets.is_dir():
        raise BadRequest(
            f"there is no installation in {settings.folders.root}: start it once with `make run`"
        )


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="exchange")
