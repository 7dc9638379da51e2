"""Prompts: built once by set-up into the cache, then put into each home with its recordings."""

import shutil
from collections.abc import Callable
from pathlib import Path

from hotline.errors import SetupMissing
from hotline.home import Home
from hotline.settings import Settings
from ivr.audio import AudioError
from ivr.prompt_builder import build, install


def build_prompts(settings: Settings, progress: Callable[[int, int], None]) -> None:
    """Make every shipped prompt the cache lacks; raises `SetupMissing` when one can't be made."""
    try:
        build(_cache(settings), progress=progress)
    except AudioError as error:
        raise SetupMissing(f"prompts can't be made: {error}") from error
    except OSError as error:
        raise SetupMissing(f"prompts can't be kept: {error.filename}: {error.strerror}") from error


def prompts_complete(settings: Settings) -> bool:
    """Whether the cache has every shipped prompt; nothing is made."""

    class Lacking(Exception):
        """Ends the build before it begins."""

    def look(done: int, total: int) -> None:
        if done < total:
            raise Lacking

    try:
        build(_cache(settings), progress=look)
    except (Lacking, OSError):
        return False
    return True


def install_prompts(settings: Settings) -> int:
    """Put the cache's prompts, and recordings in the home, where Asterisk looks; how many files
    changed. The home keeps sounds of its own: its recordings aren't everybody's.

    Raises `SetupMissing` when the cache lacks some or a recording can't be used.
    """
    home = settings.folders
    sounds = _sounds(home)
    sounds.mkdir(parents=True, exist_ok=True)
    try:
        for file in _cache(settings).glob("*.*"):
            if not (sounds / file.name).exists():
                fresh = sounds / f".{file.name}.new"
                shutil.copy2(file, fresh)
                fresh.replace(sounds / file.name)
        custom = home.prompts / "custom"
        build(sounds, custom=custom)
        return install(sounds, home.prompts)
    except (AudioError, FileNotFoundError) as error:
        raise SetupMissing(f"prompts: {error}: run `make setup` once (as root)") from error


def _cache(settings: Settings) -> Path:
    return settings.cache.resolve() / "prompts"


def _sounds(home: Home) -> Path:
    return home.state / "sounds"
