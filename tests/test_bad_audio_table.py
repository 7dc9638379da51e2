"""The table of bad audio names tests that exist, and twenty cases."""

import ast
from pathlib import Path

from tests.bad_audio import CASES

PROJECT = Path(__file__).resolve().parent.parent


def test_every_case_is_a_test_of_the_suite() -> None:
    assert len(CASES) == 20
    for node in {node for nodes in CASES.values() for node in nodes}:
        file, _, name = node.partition("::")
        tree = ast.parse((PROJECT / file).read_text())
        functions = {
            f.name for f in tree.body if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert name.partition("[")[0] in functions, node
