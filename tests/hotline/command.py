"""The real `hotline` command, run as users run it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.hotline.forked import forked

PROJECT = Path(__file__).resolve().parents[2]
NOBODY = 65534
TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended and what it said."""

    code: int
    out: str
    errors: str

    @property
    def sentence(self) -> str:
        """The one line on stderr; an assertion when there is more or less."""
        lines = self.errors.splitlines()
        assert len(lines) == 1, f"not one sentence: {self.errors!r}"
        assert "Traceback" not in self.errors
        return lines[0]


def hotline(*words: str, home: Path, settings: Mapping[str, str] | None = None) -> Said:
    """`hotline WORDS` with this home and no other setting of the caller's."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "hotline", *words],
        env=_environment(home, settings),
        cwd="/",
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def forked_hotline(*words: str, home: Path, settings: Mapping[str, str] | None = None) -> Said:
    """The same in a fork that needn't import anything, and without the engine's box."""
    environment = _environment(home, settings)
    return Said(*forked(words, environment=environment, cwd=Path("/"), timeout_s=TIMEOUT_S))


def _environment(home: Path, settings: Mapping[str, str] | None) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HOTLINE_")}
    return {**clean, "HOTLINE_HOME": str(home), **(settings or {})}
