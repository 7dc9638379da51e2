"""Which recognition an installation has, by its settings, and how it stands."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import structlog

from console.ports import PartHealth
from hotline.settings import Settings
from ivr.speech.languages import Languages
from ivr.speech.pool import VoskPool
from ivr.speech.ports import NoRecogniser, Recogniser
from ivr.speech.process import WorkerProcess
from ivr.speech.remote import VoskServer
from ivr.speech.remote_hearing import Broken, Patience
from ivr.speech.tiny.place import place

log = structlog.get_logger(__name__)

DEMONSTRATION = "cmn"
"""The language of the model that set-up builds."""
PUBLISHED = (
    "unpack a published model (such as vosk-model-small-cn-0.22) and name its folder in "
    "HOTLINE_SPEECH_MODELS (docs/speech.md)"
)
NICE = 19
"""Who only tries disturbs nobody."""
MODEL_FILES = ("am/final.mdl", "conf/model.conf")


def models(settings: Settings) -> Mapping[str, Path]:
    """The model of each language; where none is set, the demonstration's."""
    return settings.speech_models or {DEMONSTRATION: place(settings.cache.resolve() / "speech")}


def wrong_models(settings: Settings) -> Iterator[tuple[str, str]]:
    """Languages whose model can't be used, as far as can be seen without loading it; and why."""
    for language, model in models(settings).items():
        if not model.is_dir():
            yield language, f"there is no folder {model}"
        elif lacking := [name for name in MODEL_FILES if not (model / name).is_file()]:
            yield language, f"{model} is no Vosk model: it has no {' and no '.join(lacking)}"


def why_not_loaded(model: Path, patience_s: float) -> str:
    """Why a worker can't load this model (cut short, say); "" when it can. Loads it."""

    async def load() -> str:
        worker = WorkerProcess(lambda kind, ear, payload: None)
        try:
            await worker.start(model, NICE, patience_s)
        except OSError as error:
            return str(error)
        finally:
            await worker.end()
        return ""

    return asyncio.run(load())


def asked(language: str, address: str, patience_s: float) -> tuple[bool, str]:
    """Whether the vosk-server of a language answers, and the sentence that says so."""
    server = VoskServer(address, language=language, patience=Patience(answer_s=patience_s))

    async def ask() -> None:
        try:
            with suppress(Broken):
                await server.look()
        finally:
            await server.close()

    asyncio.run(ask())
    return server.able(language), server.detail


def how_to_mend(settings: Settings) -> str:
    """What to do about a model that can't be used."""
    return PUBLISHED if settings.speech_models else "run `make setup` once: it builds the model"


class Speech:
    """The installation's recognition: `recogniser` is there whatever is set, or missing."""

    def __init__(self, settings: Settings) -> None:
        self._on = settings.speech != "off"
        self._parts: list[VoskPool | VoskServer] = []
        self.recogniser: Recogniser = NoRecogniser()
        if settings.speech == "vosk":
            pools = {
                language: VoskPool(model, language=language, workers=settings.speech_workers)
                for language, model in models(settings).items()
            }
            self._parts += pools.values()
            self.recogniser = Languages(pools)
        elif settings.speech == "remote":
            servers = {
                language: VoskServer(address, language=language)
                for language, address in settings.speech_servers.items()
            }
            self._parts += servers.values()
            self.recogniser = Languages(servers)

    def start(self) -> None:
        """Begin; never raises for what is missing: the calls are recorded plainly then."""
        for part in self._parts:
            part.start()
        log.info("speech_begins", parts=len(self._parts))

    async def close(self) -> None:
        for part in self._parts:
            await part.close()

    @property
    def calls(self) -> int:
        """How many calls are being heard here; those at servers don't need this machine."""
        return sum(part.calls for part in self._parts if isinstance(part, VoskPool))

    async def health(self) -> PartHealth:
        """For /readyz: away means that after hours callers are recorded and not understood."""
        detail = self.recogniser.detail
        if not self._on:
            return PartHealth(True, detail)
        up = all(part.able(part.language) for part in self._parts)
        return PartHealth(up, detail if up else f"callers are only recorded; {detail}")
