"""Files that are there wholly or not at all, and still there after a power cut."""

import errno
import os
import shutil
from pathlib import Path
from uuid import uuid4


def sync_folder(folder: Path) -> None:
    """Make the folder's entries (creations, renames, removals) durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(file: Path, content: bytes) -> None:
    """Write a file by rename: a reader sees the old one or the whole new one. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{uuid4().hex}.new")  # two may write the same at once
    try:
        with fresh.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(file)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(file.parent)


def move(source: Path, target: Path) -> None:
    """Move a file, durably: at any time at least one of the two is whole. Raises OSError.

    Over the border of a file system it is copied, synced, and only then removed here.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _sync_file(source)
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        fresh = target.with_name(f".{target.name}.{os.getpid()}.new")
        shutil.copy2(source, fresh)
        _sync_file(fresh)
        fresh.replace(target)
        sync_folder(target.parent)
        source.unlink()
    sync_folder(target.parent)
    sync_folder(source.parent)


def _sync_file(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
