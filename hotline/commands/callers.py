"""`hotline callers`: what the staff note of a number, so that the next call is met with it."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from hotline.commands.common import (
    JsonOption,
    TenantOption,
    chosen,
    out,
    print_json,
    print_table,
)
from hotline.errors import BadRequest
from hotline.settings import Settings
from hotline.store import with_store
from ivr.caller import caller_id
from ivr.tenants import Tenant
from storage.database import Database
from storage.known_callers import MarkedCaller, SqlKnownCallers

app = typer.Typer(help="Known callers: elders, languages.", no_args_is_help=True)

NumberArgument = Annotated[str, typer.Argument(help="telephone number, such as 13900000000")]


@app.command("mark")
def mark_caller(
    number: NumberArgument,
    elder: Annotated[bool, typer.Option(help="goes first in the queue")] = False,
    language: Annotated[str, typer.Option(help="spoken to him first, such as za")] = "",
    tenant: TenantOption = "",
) -> None:
    """Note what a caller is; counts from his next call on."""
    settings, city = chosen(tenant)
    e164 = _number(number, city)
    if not elder and not language:
        raise BadRequest("nothing to note: give --elder, --language or both")
    _refuse_unknown(language, city)
    note = MarkedCaller(city.id, e164, elder, language, datetime.now(UTC), "cli")

    async def write(database: Database) -> None:
        await SqlKnownCallers(database).mark(note)

    with_store(settings, write)
    _tell(settings, city, f"{e164}: noted")


@app.command("forget")
def forget_caller(number: NumberArgument, tenant: TenantOption = "") -> None:
    """Take the note of a number away."""
    settings, city = chosen(tenant)
    e164 = _number(number, city)

    async def write(database: Database) -> bool:
        return await SqlKnownCallers(database).forget(city.id, e164)

    if not with_store(settings, write):
        raise BadRequest(f"nothing is noted of {e164}")
    _tell(settings, city, f"{e164}: forgotten")


@app.command("list")
def list_callers(tenant: TenantOption = "", as_json: JsonOption = False) -> None:
    """Every number something is noted of."""
    settings, city = chosen(tenant)

    async def read(database: Database) -> list[MarkedCaller]:
        return list(await SqlKnownCallers(database).marked(city.id))

    marked = with_store(settings, read)
    if as_json:
        print_json([{"number": m.e164, "elder": m.elder, "language": m.language} for m in marked])
        return
    print_table(
        ("number", "elder", "language", "noted"),
        [
            (m.e164, "yes" if m.elder else "", m.language, f"{m.set_at:%Y-%m-%d %H:%M} {m.set_by}")
            for m in marked
        ],
    )


def _number(text: str, city: Tenant) -> str:
    e164 = caller_id(text, area_code=city.area_code).e164
    if not e164:
        raise BadRequest(f"{text!r} is no telephone number: write it with its area code")
    return e164


def _refuse_unknown(language: str, city: Tenant) -> None:
    from hotline.commands.seat_words import known_skills
    from queue_manager.rule_faults import unknown_skill
    from queue_manager.rules import LANGUAGE

    file, known = known_skills(city)
    if language and LANGUAGE + language not in known:
        reason = unknown_skill(LANGUAGE + language, known)
        raise BadRequest(f"--language {language}: {file}: {reason}")


def _tell(settings: Settings, city: Tenant, done: str) -> None:
    from hotline.seats_config import reload_engine

    running = reload_engine(settings, city.id)
    out.print(done if running else f"{done} (no engine runs)", highlight=False)


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="callers")
