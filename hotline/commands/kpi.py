"""`hotline kpi`: rates of tickets (办结率 满意率 …), each with numerator and denominator."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from hotline.commands.common import JsonOption, TenantOption, chosen, print_json, print_table
from hotline.errors import BadRequest
from hotline.store import with_store
from storage.database import Database
from storage.ticket_stories import stories
from tickets.calendar import seconds
from tickets.kpi import Kpis, Share, Story, by_group, ranking

GROUPS: Mapping[str, Callable[[Story], str]] = {
    "all": lambda story: "all",
    "unit": lambda story: story.unit or "-",
    "class": lambda story: story.class_code or "-",
}
CHINESE = {
    "first_call_answer": "直接答复率", "signed_in_time": "按时签收率",
    "contacted_in_time": "响应率", "finished_in_time": "按时办结率", "returned": "退单率",
    "dispatched_right": "派单准确率",
    "called_back": "回访率", "reached": "接通回访率", "satisfied": "满意率", "solved": "解决率",
    "closed": "办结率",
}  # fmt: skip


def kpi(
    first: Annotated[str, typer.Option("--from", help="first day; else 30 days ago")] = "",
    last: Annotated[str, typer.Option("--to", help="last day; else today")] = "",
    by: Annotated[str, typer.Option(help="all, unit (ranked) or class")] = "all",
    tenant: TenantOption = "",
    as_json: JsonOption = False,
) -> None:
    """Rates of the tickets made on these days."""
    settings, city = chosen(tenant)
    if by not in GROUPS:
        raise BadRequest(f"--by {by!r}: write {', '.join(GROUPS)}")
    now = datetime.now(ZoneInfo(city.time_zone))
    end = _day("--to", last) or now.date()
    begin = _day("--from", first) or end - timedelta(days=30)
    if begin > end:
        raise BadRequest(f"--from {begin} lies after --to {end}")

    async def read(database: Database) -> dict[str, Kpis]:
        found: dict[str, Kpis] = {}
        async for page in stories(database, city.id, begin, end):
            for name, figures in by_group(page, GROUPS[by], seconds(now)).items():
                found[name] = found[name] + figures if name in found else figures
        return found

    ranked = ranking(with_store(settings, read))
    if as_json:
        print_json([{"group": name, **_plain(figures)} for name, figures in ranked])
        return
    rows: list[tuple[str, ...]] = [
        (name, CHINESE[field], field, _told(share))
        for name, figures in ranked
        for field, share in _shares(figures)
    ]
    print_table((by, "", "figure", "rate"), rows)


def _shares(figures: Kpis) -> list[tuple[str, Share]]:
    return [(f.name, getattr(figures, f.name)) for f in fields(figures) if f.name in CHINESE]


def _told(share: Share) -> str:
    rate = "-" if share.rate is None else f"{share.rate:.1%}"
    return f"{rate} ({share.numerator}/{share.denominator})"


def _plain(figures: Kpis) -> dict[str, Any]:
    shares = {
        name: {"numerator": s.numerator, "denominator": s.denominator, "rate": s.rate}
        for name, s in _shares(figures)
    }
    return {"tickets": figures.tickets, **shares}


def _day(option: str, text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise BadRequest(f"{option} {text!r} is no day: write 2026-11-23") from error


def register(root: typer.Typer) -> None:
    """Add this command to the `hotline` command."""
    root.command("kpi")(kpi)
