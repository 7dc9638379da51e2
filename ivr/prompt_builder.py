"""Makes every prompt's sound, once, and puts the sounds where Asterisk looks for them.

Sounds are kept in a cache under a hash of what they are made from, so a second run has nothing to
do and a changed text makes one new sound. `<home>/prompts/custom/<language>/<name>.wav`, recorded
by people, takes the place of the spoken one.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from ivr import audio
from ivr.prompt_texts import Catalogue, load_catalogue

PIPELINE_VERSION = 1
"""To be raised when `audio` makes other sounds of the same texts."""
WORKERS = 2
MUSIC = "moh/hotline"
MOMENT = "moment"
"""A tenth of a second of silence: telephony/talking.py says what for."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Sound:
    """One sound to be made: a text spoken by a voice, a recording, silence of some length, or (none
    of them) the music."""

    text: str = ""
    voice: str = ""
    words_per_minute: int = 0
    recording: Path | None = None
    silence_s: float = 0.0

    @property
    def key(self) -> str:
        """The same for the same content."""
        digest = hashlib.sha256(
            f"{PIPELINE_VERSION}|{self.voice}|{self.words_per_minute}|{self.text}".encode()
        )
        if self.silence_s:
            digest.update(f"|{self.silence_s:g} s of silence".encode())
        if self.recording is not None:
            digest.update(self.recording.read_bytes())
        return digest.hexdigest()[:32]

    def make(self, wav: Path) -> None:
        """Make it; raises `AudioError`."""
        if self.recording is not None:
            audio.convert(self.recording, wav)
        elif self.text:
            audio.speak(self.text, self.voice, self.words_per_minute, wav)
        elif self.silence_s:
            audio.silence(self.silence_s, wav)
        else:
            audio.melody(wav)
        audio.encode(wav)


def build(cache: Path, *, custom: Path | None = None, progress: Progress | None = None) -> None:
    """Make what the cache lacks, on two processes; `progress(done, total)` counts all sounds.

    Raises `AudioError` naming the prompt, `DocumentError` for a mistake in the texts.
    """
    cache.mkdir(parents=True, exist_ok=True)
    sounds = dict(_sounds(load_catalogue(custom), custom))
    missing: dict[str, tuple[str, Sound]] = {}
    for name, sound in sounds.items():
        if not _complete(cache, sound.key):
            missing.setdefault(sound.key, (name, sound))
    done = total = len(sounds)
    done -= len(missing)
    if progress is not None:
        progress(done, total)
    with ThreadPoolExecutor(WORKERS) as pool:
        tasks = [pool.submit(_make, cache, name, sound) for name, sound in missing.values()]
        try:
            for task in as_completed(tasks):
                task.result()
                done += 1
                if progress is not None:
                    progress(done, total)
        finally:
            pool.shutdown(cancel_futures=True)


def install(cache: Path, prompts: Path) -> int:
    """Put built sounds in place (`prompts/<language>/<name>.{wav,alaw,ulaw}`); how many files
    changed. Run `build` with `custom=prompts / "custom"` before; raises FileNotFoundError else."""
    changed = 0
    custom = prompts / "custom"
    for name, sound in _sounds(load_catalogue(custom), custom):
        for ending in audio.FORMATS:
            source = cache / f"{sound.key}.{ending}"
            target = prompts / f"{name}.{ending}"
            if not _same(source, target):
                _put(source, target)
                changed += 1
    return changed


def _sounds(catalogue: Catalogue, custom: Path | None) -> Iterator[tuple[str, Sound]]:
    """Every file to be installed (`cmn/welcome`), in every language, with what it is made from."""
    spoken = {name for texts in catalogue.texts.values() for name in texts}
    for language in catalogue.languages:
        for name in sorted(spoken | catalogue.recordings.get(language, frozenset())):
            yield f"{language}/{name}", _sound(catalogue, custom, language, name)
    yield MUSIC, Sound()
    yield MOMENT, Sound(silence_s=0.1)


def _sound(catalogue: Catalogue, custom: Path | None, language: str, name: str) -> Sound:
    """A recording in the language, else its voice, else the same of its fallback."""
    if custom is not None and name in catalogue.recordings.get(language, frozenset()):
        return Sound(recording=custom / language / f"{name}.wav")
    speech = catalogue.languages[language]
    if speech.fallback is not None:
        return _sound(catalogue, custom, speech.fallback, name)
    return Sound(catalogue.texts[language][name], speech.voice, speech.words_per_minute)


def _complete(cache: Path, key: str) -> bool:
    return all((cache / f"{key}.{ending}").exists() for ending in audio.FORMATS)


def _make(cache: Path, name: str, sound: Sound) -> None:
    """Make one sound beside the cache and move it in whole: a killed run leaves nothing half."""
    with tempfile.TemporaryDirectory(dir=cache, prefix="new-") as folder:
        wav = Path(folder) / "sound.wav"
        try:
            sound.make(wav)
        except audio.AudioError as why:
            raise audio.AudioError(f"prompt {name}: {why}") from why
        for ending in audio.FORMATS:
            wav.with_suffix(f".{ending}").replace(cache / f"{sound.key}.{ending}")


def _same(source: Path, target: Path) -> bool:
    """True when the target is the source: linked, or copied with its time."""
    try:
        there, here = target.stat(), source.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, here) or (
        (there.st_size, there.st_mtime_ns) == (here.st_size, here.st_mtime_ns)
    )


def _put(source: Path, target: Path) -> None:
    """Link, or copy where links can't be made (other disk, other owner); never half a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.new")
    fresh.unlink(missing_ok=True)
    try:
        os.link(source, fresh)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copy2(source, fresh)
    fresh.replace(target)
