"""A reply spoken by the prompts' synthesiser, made before its citizen is rung, gone afterwards.

Replies are what units write: long ones are cut at a sentence, and whatever can't be spoken in time
isn't. The call is then made without it, and a fixed sentence takes its place.
"""

import asyncio
import re
from pathlib import Path

import structlog

from ivr import audio
from ivr.prompt_texts import Catalogue

LONGEST = 240
"""Signs: about a minute."""
WITHIN_S = 15.0
_END = re.compile(r"[。!?!?;;\n]|\.\s")
_UNSPOKEN = re.compile(r"[\x00-\x1f\x7f<>{}\[\]|\\^~`_*#]+")

log = structlog.get_logger(__name__)


class ReplySounds:
    """Spoken replies in a folder of the home, each under the id of its call."""

    def __init__(self, folder: Path, catalogue: Catalogue) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._catalogue = catalogue

    async def make(self, call_id: str, text: str, language: str) -> bool:
        """Speak it; False when that can't be done in time: then there is no such sound."""
        spoken = spoken_part(text)
        if not spoken:
            return False
        try:
            async with asyncio.timeout(WITHIN_S):
                await asyncio.to_thread(self._speak, call_id, spoken, language)
        except (TimeoutError, audio.AudioError, OSError) as error:
            log.warning("reply_not_spoken", call_id=call_id, reason=str(error) or "took too long")
            self.remove(call_id)
            return False
        return True

    def find(self, call_id: str) -> Path | None:
        """The sound's place without its ending; None when there is none."""
        whole = self._folder / call_id
        return whole if whole.with_name(f"{call_id}.wav").is_file() else None

    def remove(self, call_id: str) -> None:
        """It has been heard."""
        for file in self._folder.glob(f"{call_id}.*"):
            file.unlink(missing_ok=True)

    def keep(self, call_ids: frozenset[str]) -> None:
        """Remove what calls of before have left, but for these."""
        for file in self._folder.glob("*.*"):
            if file.is_file() and file.name.rpartition(".")[0] not in call_ids:
                file.unlink(missing_ok=True)

    def _speak(self, call_id: str, text: str, language: str) -> None:
        speech = self._catalogue.languages[self._known(language)]
        work = self._folder / f".{call_id}"
        work.mkdir(exist_ok=True)
        try:
            wav = work / "sound.wav"
            audio.speak(text, speech.voice, speech.words_per_minute, wav)
            audio.encode(wav)
            for ending in reversed(audio.FORMATS):  # the WAV file last: with it all are there
                wav.with_suffix(f".{ending}").replace(self._folder / f"{call_id}.{ending}")
        finally:
            for left in work.glob("*"):
                left.unlink(missing_ok=True)
            work.rmdir()

    def _known(self, language: str) -> str:
        """The language whose voice is heard."""
        speech = self._catalogue.languages.get(language)
        if speech is None:
            return next(iter(self._catalogue.languages))
        return speech.fallback or language


def spoken_part(text: str) -> str:
    """What of a reply is spoken: without signs that have no sound, whole sentences."""
    plain = _UNSPOKEN.sub(" ", text).strip()
    if len(plain) <= LONGEST:
        return plain
    ends = [match.end() for match in _END.finditer(plain, 0, LONGEST)]
    return plain[: ends[-1] if ends else LONGEST].strip()
