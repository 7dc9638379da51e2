"""Whether this environment holds exactly what the lock says: exit 0 or a sentence and exit 1.

`python -I setup/installed.py requirements.lock PROJECT VERSION`
"""

import re
import sys
from importlib.metadata import distributions
from pathlib import Path

PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


def normal(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main(lock: Path, project: Path, version: str) -> str:
    """What is wrong, or an empty string."""
    if not any(Path(entry) == project for entry in sys.path):
        return f"{project} is not importable here"
    have = {normal(d.metadata["Name"]): d.version for d in distributions()}
    want = {normal(name): pinned for name, pinned in PIN.findall(lock.read_text())}
    want["hotline12345"] = version
    wrong = [f"{name} {pinned}" for name, pinned in want.items() if have.get(name) != pinned]
    return f"not installed: {', '.join(sorted(wrong))}" if wrong else ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]) or None)
