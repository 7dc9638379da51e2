"""Recognition of several languages: each has its own recogniser."""

from collections.abc import Mapping

from ivr.speech.ports import Hearing, Recogniser, SpeechAway, Told


class Languages:
    """`Recogniser` of all languages that have one."""

    def __init__(self, recognisers: Mapping[str, Recogniser]) -> None:
        self._recognisers = recognisers

    def able(self, language: str) -> bool:
        known = self._recognisers.get(language)
        return known is not None and known.able(language)

    def open(self, call_id: str, language: str, told: Told) -> Hearing:
        known = self._recognisers.get(language)
        if known is None:
            raise SpeechAway(f"there is no speech model for {language}", language=language)
        return known.open(call_id, language, told)

    @property
    def detail(self) -> str:
        return "; ".join(known.detail for known in self._recognisers.values())
