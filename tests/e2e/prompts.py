"""Prompts that are soon over, for installations whose tests don't care how long a sentence is."""

import atexit
import os
import shutil
import tempfile
import wave
from functools import cache
from pathlib import Path

from hotline.parts import run_user
from hotline.prompts import prompt_cache
from hotline.settings import Settings
from ivr.prompt_builder import MUSIC, install

BRIEF_S = 0.5
WHOLE = {"recording_notice", "welcome", "unknown_number", "callback_greeting", Path(MUSIC).name}
"""What keeps its length, since its sound is measured or something happens meanwhile."""


@cache
def brief_cache() -> Path:
    """A cache (the setting `cache`) with everything of set-up's and these prompts; made once."""
    real = Settings().cache.resolve()
    brief = Path(tempfile.mkdtemp(prefix="hl-brief-", dir="/tmp"))
    atexit.register(shutil.rmtree, brief, ignore_errors=True)
    brief.chmod(0o755)
    for other in real.iterdir():
        if other.name != "prompts":
            (brief / other.name).symlink_to(other)
    shutil.copytree(prompt_cache(Settings()), brief / "prompts")
    installed = brief / "named"
    install(brief / "prompts", installed)  # links: what is cut by its name is cut in the cache
    for wav in installed.rglob("*.wav"):
        if wav.stem not in WHOLE:
            _cut(wav)
    shutil.rmtree(installed)
    return brief


def sounds_of(settings: Settings) -> Path:
    """A folder with the sounds of these settings' cache that belongs to whom the parts run as: a
    home whose `state/sounds` are links to them has nothing to copy. Made once for each cache."""
    return _sounds(prompt_cache(settings), run_user(settings).pw_uid)


@cache
def _sounds(prompts: Path, owner: int) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="hl-sounds-", dir="/tmp"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for file in prompts.glob("*.*"):
        os.chown(shutil.copyfile(file, folder / file.name), owner, -1)
    return folder


def _cut(wav: Path) -> None:
    """Keep the beginning, in all three formats."""
    with wave.open(str(wav)) as sound:
        form, rate = sound.getparams(), sound.getframerate()
        frames = sound.readframes(round(BRIEF_S * rate))
    with wav.open("r+b") as file:
        file.truncate(0)
        with wave.open(file, "wb") as sound:
            sound.setparams(form)
            sound.writeframes(frames)
    for ending in (".alaw", ".ulaw"):
        with wav.with_suffix(ending).open("r+b") as file:
            file.truncate(min(file.seek(0, 2), round(BRIEF_S * rate)))
