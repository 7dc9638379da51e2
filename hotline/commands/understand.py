"""`hotline understand TEXT`: what the rules make of a sentence."""

from dataclasses import asdict
from typing import Annotated

import typer

from hotline.commands.common import JsonOption, print_json, print_table
from hotline.errors import HotlineError
from hotline.loading import load_settings
from hotline.understood import rules_of
from tickets.understanding.model import Hit, Understanding
from tickets.understanding.rules import RulesError
from tickets.understanding.understand import understand

Row = tuple[str, ...]


def understand_text(
    text: Annotated[str, typer.Argument(help="what a citizen says")], as_json: JsonOption = False
) -> None:
    """Kind, place, class, phone numbers and danger, with scores and the words that gave them."""
    try:
        found = understand(text, context=rules_of(load_settings()))
    except RulesError as error:
        raise HotlineError(str(error)) from error
    if as_json:
        print_json(asdict(found))
    else:
        print_table(("what", "value", "score", "because of"), _rows(found))


def _rows(found: Understanding) -> list[Row]:
    rows: list[Row] = []
    if found.danger:
        rows.append(
            (
                "DANGER",
                f"{found.danger.danger} → {found.danger.line}",
                "",
                _words(found.danger.hits),
            )
        )
    rows += [
        ("kind", kind.kind.value, f"{kind.score:.2f}", _words(kind.hits)) for kind in found.kinds
    ]
    rows += [
        (
            "class",
            f"{one.code} {' / '.join(one.path)} → {one.unit}",
            f"{one.score:.2f}",
            _words(one.hits),
        )
        for one in found.classes
    ]
    rows += [
        ("place", f"{place.division} {place.name}{place.detail}", f"{place.score:.2f}", place.said)
        for place in found.places
    ]
    rows += [("phone", phone.e164 or phone.short, "", phone.raw) for phone in found.phones]
    return rows


def _words(hits: tuple[Hit, ...]) -> str:
    return " ".join(hit.words for hit in hits)


def register(root: typer.Typer) -> None:
    """Add this command to the `hotline` command."""
    root.command(name="understand")(understand_text)
