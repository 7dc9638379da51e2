"""Prompts: built once by set-up into the cache, then put into each home with its recordings.

`python -m hotline.prompts [--check] FOLDER` makes what the folder lacks, or only tells whether it
does. Set-up runs it before there are settings.
"""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from hotline.errors import SetupMissing
from hotline.settings import Settings
from ivr.audio import AudioError
from ivr.prompt_builder import build, install


class _Lacking(Exception):
    """Ends a build before it begins."""


def prompts_complete(cache: Path) -> bool:
    """Whether a folder has every shipped prompt; nothing is made."""

    def look(done: int, total: int) -> None:
        if done < total:
            raise _Lacking

    try:
        build(cache, progress=look)
    except (_Lacking, OSError):
        return False
    return True


def install_prompts(settings: Settings) -> int:
    """Put the cache's prompts, and recordings in the home, where Asterisk looks; how many files
    changed. The home keeps sounds of its own: its recordings aren't everybody's.

    Raises `SetupMissing` when the cache lacks some or a recording can't be used.
    """
    home = settings.folders
    sounds = home.state / "sounds"
    sounds.mkdir(parents=True, exist_ok=True)
    try:
        for file in prompt_cache(settings).glob("*.*"):
            if not (sounds / file.name).exists():
                fresh = sounds / f".{file.name}.new"
                shutil.copy2(file, fresh)
                fresh.replace(sounds / file.name)
        build(sounds, custom=home.prompts / "custom")
        return install(sounds, home.prompts)
    except (AudioError, FileNotFoundError) as error:
        raise SetupMissing(f"prompts: {error}: run `make setup` once (as root)") from error


def prompt_cache(settings: Settings) -> Path:
    """Where set-up keeps the prompts it built."""
    return settings.cache.resolve() / "prompts"


def main(words: Sequence[str]) -> str | int:
    """An exit code, or a sentence that means 1."""
    folder = Path(words[-1])
    if "--check" in words:
        return 0 if prompts_complete(folder) else 1
    try:
        build(folder, progress=lambda done, total: print(f"{done} of {total}"))
    except AudioError as error:
        return f"prompts can't be made: {error}"
    except OSError as error:
        return f"prompts can't be kept: {error.filename}: {error.strerror}"
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
