"""Spoken intakes with their real parts: audio, recogniser, understanding, recordings, journal."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import tzinfo
from typing import Any

import structlog

from hotline.settings import Settings
from hotline.understood import rules_of
from ivr.documents import DocumentError
from ivr.intake_house import SpokenHouse
from ivr.intake_left import watch_left
from ivr.intake_mind import load_mind
from ivr.ports import Tickets
from ivr.prompt_sounds import PromptSounds
from ivr.prompt_texts import load_catalogue
from ivr.speech.ports import Recogniser
from ivr.spoken import SpokenParts
from ivr.voice_files import HomeVoiceFiles
from ivr.voice_request import MOST_TAKES
from recordings.live import LiveRecordings
from storage.talk_journal import FileTalkJournal
from tickets.kept import KeptTalk
from tickets.understanding.rules import RulesError

TALKS = "talks"

log = structlog.get_logger(__name__)


class SpokenIntakes:
    """What the engine needs of them: the `house` of its conversations (None when the data of the
    understanding can't be used), and `watch`."""

    def __init__(
        self,
        settings: Settings,
        recogniser: Recogniser,
        zones: Mapping[str, tzinfo],
    ) -> None:
        home = settings.folders
        self._zones = zones
        self._voice = HomeVoiceFiles(home.root)
        self._recordings = LiveRecordings(home.root)
        self._journal = FileTalkJournal(home.journal / TALKS)
        self.house: SpokenHouse | None
        parts = SpokenParts(PromptSounds(home.prompts), self._recordings, recogniser)
        catalogue = load_catalogue(home.prompts / "custom")
        try:
            mind = load_mind(catalogue, rules_of(settings))
        except (DocumentError, RulesError) as error:
            log.error("understanding_unusable", reason=str(error))  # callers are recorded plainly
            self.house = None
            return
        self.house = SpokenHouse(
            speaking=parts.speaking,
            able=recogniser.able,
            says=catalogue.has,
            mind=mind,
            journal=self._journal,
        )

    def watch(self, tickets: Tickets, led: Callable[[str], bool]) -> Coroutine[Any, Any, None]:
        """Make tickets of conversations nobody leads any more, for ever."""
        return watch_left(self._journal, tickets, self._parts, led)

    async def close(self) -> None:
        """Finish what is being recorded."""
        await self._recordings.close()

    async def _parts(self, kept: KeptTalk) -> Sequence[tuple[str, float]]:
        facts = kept.new.facts
        zone = self._zones.get(facts.tenant)
        day = facts.started_at.astimezone(zone).date()
        places = [self._voice.place(facts.call_id, day, n + 1).stored for n in range(MOST_TAKES)]
        found = [(stored, await self._voice.seconds(stored)) for stored in places]
        return [(stored, seconds) for stored, seconds in found if seconds > 0]
