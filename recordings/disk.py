"""Room on the disk: asked by /readyz, and before audio is promised."""

import shutil
from pathlib import Path

LOW_BYTES = 500 * 1024 * 1024


def free_bytes(folder: Path) -> int:
    """Bytes that an ordinary user may still write below an existing folder."""
    return shutil.disk_usage(folder).free


def is_low(free: int, threshold: int = LOW_BYTES) -> bool:
    """Whether so little is free that recordings are in danger."""
    return free < threshold
