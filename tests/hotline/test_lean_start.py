"""The engine begins without what only a command line needs, and may open files enough."""

import subprocess
import sys

from tests.hotline.command import PROJECT

BEGINS = """
import resource, sys, types
engine = types.ModuleType("hotline.engine")
engine.main = lambda turn: print("turn" if turn is not None else "no turn")
sys.modules["hotline.engine"] = engine
from hotline.cli import main
code = main(sys.argv[1:])
import structlog
held = sorted({name.partition(".")[0] for name, found in sys.modules.items() if found}
              & {"typer", "click", "rich", "pygments"})
print(code, *held)
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def _begun(*words: str) -> list[str]:
    command = ["prlimit", "--nofile=256:4096", sys.executable, "-P", "-c", BEGINS, *words]
    done = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.splitlines()


def test_it_holds_neither_the_command_line_nor_a_terminals_colours() -> None:
    """Nobody would ever use them; the logger would fetch the colours by itself."""
    assert _begun("engine")[:2] == ["no turn", "0"]


def test_it_may_open_as_many_files_as_it_is_allowed_to() -> None:
    """A login shell's soft limit is 1,024, and a caller who waits is seven files of Asterisk's."""
    assert _begun("engine")[-1] == "4096 4096"
