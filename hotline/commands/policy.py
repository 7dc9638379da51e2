"""`hotline policy`: limits and cards (时限), mistakes in their files, how a due date came about."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from hotline.commands.common import JsonOption, TenantOption, chosen, out, print_json, print_table
from hotline.errors import BadRequest, BadSettings, HotlineError
from hotline.policies import (
    policy_path,
    preset_path,
    presets,
    read_calendar,
    read_policy,
    rules_for,
)
from ivr.documents import DocumentError
from ivr.tenants import Tenant
from tickets.calendar import CalendarEnd, moment, seconds
from tickets.effects import ClockName
from tickets.explain import Explained, explain
from tickets.model import Kind
from tickets.policy import AlwaysOn, Complexity, Matter, Policy, Urgency
from tickets.timetable import Rules

app = typer.Typer(help="Limits, cards and working days (办理时限).", no_args_is_help=True)

PresetOption = Annotated[
    str, typer.Option("--policy", help="a shipped policy instead of the tenant's own")
]


@app.command()
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="policies or calendars; those of all tenants if none is given"),
    ] = None,
) -> None:
    """Check policies and calendars; the exit code is 1 when one has a mistake."""
    try:
        for file in files or []:
            _check_file(file)
        if not files:
            settings, _ = chosen("")
            for tenant in settings.tenants:
                rules = rules_for(tenant)
                out.print(f"{tenant.id}: {_told(rules.policy)}, no mistake", highlight=False)
    except DocumentError as error:
        raise HotlineError(str(error)) from error


@app.command()
def show(tenant: TenantOption = "", preset: PresetOption = "", as_json: JsonOption = False) -> None:
    """A tenant's policy, or a shipped one."""
    _, city = chosen(tenant)
    try:
        path = preset_path(preset) if preset else policy_path(city)
        policy = read_policy(path)
    except DocumentError as error:
        raise BadSettings(str(error)) from error
    if as_json:
        print_json({"file": str(path), "presets": presets(), **policy.model_dump(mode="json")})
        return
    out.print(f"{policy.name} ({policy.id}), {path}", highlight=False)
    print_table(("clock", "for", "limit", "extensions"), list(_limits(policy)))
    print_table(("clock", "mark", "when"), list(_marks(policy)))


@app.command()
def due(
    kind: Annotated[Kind, typer.Option(help="what is asked")],
    at: Annotated[
        str, typer.Option(help="when it is dispatched, such as 2026-09-30 16:00; else now")
    ] = "",
    urgency: Annotated[Urgency, typer.Option()] = Urgency.NORMAL,
    complexity: Annotated[Complexity, typer.Option()] = Complexity.GENERAL,
    always: Annotated[str, typer.Option(help="danger or utilities: round the clock")] = "",
    class_code: Annotated[str, typer.Option("--class", help="code of its class")] = "",
    tenant: TenantOption = "",
    preset: PresetOption = "",
    as_json: JsonOption = False,
) -> None:
    """When it must be signed for and finished, in words: how the due date came about."""
    _, city = chosen(tenant)
    if always not in list(AlwaysOn):
        raise BadRequest(f"--always {always!r}: write danger or utilities")
    zone = ZoneInfo(city.time_zone)
    begins = _moment(at, zone) if at else datetime.now(zone)
    matter = Matter(kind, urgency, complexity, AlwaysOn(always), class_code)
    try:
        rules = rules_for(_with_preset(city, preset))
        told = [explain(rules, clock, matter, seconds(begins)) for clock in _ASKED]
    except DocumentError as error:
        raise BadSettings(str(error)) from error
    except CalendarEnd as error:
        raise BadRequest(f"--at {at}: {error}") from error
    found = [one for one in told if one is not None]
    if as_json:
        print_json({"policy": rules.policy.id, "clocks": [_plain(one, rules) for one in found]})
        return
    for one in found:
        _print(one, zone)


_ASKED = (ClockName.SIGN, ClockName.CONTACT, ClockName.FINISH)


def _with_preset(city: Tenant, preset: str) -> Tenant:
    if not preset:
        return city
    return city.model_copy(update={"policy": preset, "policy_file": None})


def _check_file(file: Path) -> None:
    """A policy has an id, a calendar hasn't."""
    try:
        policy = read_policy(file)
    except DocumentError as error:
        if "the field 'id' is missing" not in str(error):
            raise
        calendar = read_calendar(file)
        out.print(f"{file}: {len(calendar.days)} local days, no mistake", highlight=False)
        return
    out.print(f"{file}: {_told(policy)}, no mistake", highlight=False)


def _told(policy: Policy) -> str:
    return f"policy {policy.id}, {len(policy.finish)} rules of finish"


def _limits(policy: Policy) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("sign", "all", str(policy.sign), "")]
    if policy.contact:
        rows.append(("contact", "all", str(policy.contact), ""))
    for rule in policy.finish:
        whom = ", ".join((*rule.kinds, *rule.complexity, *rule.classes)) or "all others"
        extra = rule.extensions
        told = f"{extra.times} × {extra.limit}" if extra.times else "never"
        if extra.times and len(extra.only) < len(Complexity):
            told += f", {', '.join(extra.only)} only"
        rows.append(("finish", whom, str(rule.limit), told))
    for always, limits in policy.round_the_clock.items():
        for clock in ("sign", "contact", "finish", "desk"):
            if (limit := getattr(limits, clock)) is not None:
                rows.append((clock, f"{always}, round the clock", str(limit), ""))
    rows += [("desk", state, str(limit), "") for state, limit in policy.desk.items()]
    rows += [("all", urgency, f"{share} %", "") for urgency, share in policy.urgency.items()]
    return rows


def _marks(policy: Policy) -> list[tuple[str, ...]]:
    return [
        (
            clock, rule.mark,
            f"{rule.before} before" if rule.before else f"{rule.after} after" if rule.after
            else "when due",
        )
        for clock in ClockName for rule in policy.marks.of(clock)
    ]  # fmt: skip


def _plain(one: Explained, rules: Rules) -> dict[str, Any]:
    zone = rules.calendar.zone
    return {
        "clock": one.clock,
        "begins": one.begins.astimezone(zone).isoformat(),
        "due": one.due.astimezone(zone).isoformat(),
        "provisional": one.provisional,
        "reasons": [line.en for line in one.reasons],
        "days": [line.en for line in one.days],
        "marks": {m.name: moment(m.at).astimezone(zone).isoformat() for m in one.marks},
    }


def _print(one: Explained, zone: ZoneInfo) -> None:
    provisional = " (provisional)" if one.provisional else ""
    due_at = f"{one.due.astimezone(zone):%Y-%m-%d %H:%M}{provisional}"
    out.print(f"[bold]{one.clock}[/]: due {due_at}", highlight=False)
    for line in (*one.reasons, *one.days):
        out.print(f"  {line.en}", highlight=False)
    for mark in one.marks:
        out.print(f"  {moment(mark.at).astimezone(zone):%Y-%m-%d %H:%M} {mark.name}")


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(f"--at {text!r} is no time: write 2026-09-30 16:00") from error
    return when if when.tzinfo else when.replace(tzinfo=zone)


def register(root: typer.Typer) -> None:
    """Add these commands to the `hotline` command."""
    root.add_typer(app, name="policy")
