"""The real `hotline` command, run as users run it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
NOBODY = 65534


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
    clean = {k: v for k, v in os.environ.items() if not k.startswith("HOTLINE_")}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "hotline", *words],
        env={**clean, "HOTLINE_HOME": str(home), **(settings or {})},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)
