"""Where the tiny model lies in a cache: a folder named by what it is built from."""

import hashlib
from pathlib import Path

HERE = Path(__file__).parent
VOCABULARY = HERE.parents[2] / "tickets" / "understanding" / "data" / "vocabulary.yaml"
OTHERS = HERE / "others.yaml"
NAME = "tiny-cmn-"


def place(cache: Path) -> Path:
    """The folder of the model that the sources would give now, built or not."""
    digest = hashlib.sha256()
    for file in sorted([*HERE.glob("*.py"), OTHERS, VOCABULARY]):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return cache / f"{NAME}{digest.hexdigest()[:16]}"
