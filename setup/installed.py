"""Whether this environment holds exactly what the lock says: exit 0 or a sentence and exit 1.

`python -I setup/installed.py requirements.lock PROJECT`
"""

import re
import sys
from importlib.metadata import distributions
from pathlib import Path

PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


def normal(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main(lock: Path, project: Path) -> str:
    """What is wrong, or an empty string."""
    if not any(Path(entry) == project for entry in sys.path):
        return f"{project} is not importable here"
    have = {normal(d.metadata["Name"]): d.version for d in distributions()}
    want = {normal(name): version for name, version in PIN.findall(lock.read_text())}
    wrong = [f"{name} {version}" for name, version in want.items() if have.get(name) != version]
    return f"not installed: {', '.join(sorted(wrong))}" if wrong else ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])) or None)
