"""What commands share: the settings, the tenant, printing, and the options' spelling."""

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hotline.errors import BadRequest
from hotline.loading import load_settings
from hotline.settings import Settings
from ivr.tenants import Tenant

TenantOption = Annotated[
    str, typer.Option("--tenant", help="city or province; the first one if not given")
]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON for machines")]

LONGEST_NAME = 60

out = Console(width=None if sys.stdout.isatty() else 240)  # a pipe cuts no column


def chosen(tenant: str) -> tuple[Settings, Tenant]:
    """Settings and the tenant that is meant; raises `BadSettings`, `BadRequest`."""
    settings = load_settings()
    if not tenant:
        return settings, settings.tenants[0]
    for known in settings.tenants:
        if known.id == tenant:
            return settings, known
    names = ", ".join(known.id for known in settings.tenants)
    raise BadRequest(f"there is no tenant {tenant!r}; known are: {names}")


def check_words(what: str, text: str) -> None:
    """Raises `BadRequest` for what is no name: a second line, a control sign or `;` in it."""
    if not text.isprintable() or ";" in text or len(text) > LONGEST_NAME:
        raise BadRequest(
            f"{what} {text[:LONGEST_NAME]!r}: one line without ; and control signs, "
            f"{LONGEST_NAME} signs at most"
        )


def print_json(value: Any) -> None:
    """One JSON document, Chinese readable; times as the API writes them (ISO 8601)."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def print_table(columns: tuple[str, ...], rows: Sequence[tuple[str | Text, ...]]) -> None:
    """A table as wide as needed, or one sentence when there is nothing. Cells are shown as they
    stand: what people named is no mark-up."""
    if not rows:
        out.print("[dim]nothing there[/]")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    out.print(table)
