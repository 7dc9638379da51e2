"""docs/api.md tells of every path and error there is, and of no other."""

import json
import re
from pathlib import Path

from console import errors
from console.app import doors
from console.errors import ConsoleError
from console.refusals import REFUSALS

DOCUMENT = Path(__file__).parents[2] / "docs" / "api.md"


def test_documented_paths_are_the_routed_paths() -> None:
    told = set(re.findall(r"^### `([A-Z]+ \S+)`$", DOCUMENT.read_text(), re.MULTILINE))
    routed = {
        f"{route.method} {re.sub(r':[^{}]+({[^}]*})?}', '}', route.path)}" for route in doors()
    }
    assert told == routed


def test_documented_error_ids_are_the_ones_that_exist() -> None:
    rows = re.findall(r"^\| (\d{3}) \| (.+) \|$", DOCUMENT.read_text(), re.MULTILINE)
    told = {
        (int(status), name) for status, names in rows for name in re.findall("`([a-z-]+)`", names)
    }
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    real = {
        (kind.status, kind.id)
        for kind in kinds
        if issubclass(kind, ConsoleError) and kind is not ConsoleError
    }
    assert told == real | {(refusal.status, name) for name, refusal in REFUSALS.items()}


def test_every_example_is_json() -> None:
    examples = re.findall(r"^```json\n(.+?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    assert len(examples) >= 4
    for example in examples:
        assert json.loads(example)
