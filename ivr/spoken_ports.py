"""What the intake's conversation is written against: a caller who is talked with by voice.

```
async with speaking(call, house, language="cmn", stored=file.stored) as caller:   # ivr.spoken
    turn = await caller.ask(("intake/what_kind",), SHORT_ANSWER, grammar=KINDS, keys="123456")
    await caller.say(("intake/heard_you",))
    await caller.say(("intake/you_said", OwnVoice(turn.begun_s, turn.ended_s)), keys="#")
```

`speaking` raises `AudioAway` when the call's audio can't be led through the engine, `SpeechAway`
(ivr.speech.ports) when nothing could be recognised and `recognise=True` asked for it: then record
plainly (ivr/voice_request.py). Inside, every coroutine raises `CallEnded` when the caller has hung
up and `AudioAway` when only the audio broke; what was said until then lies in `stored`, a whole WAV
file at any moment, whatever dies: all audio of the caller from the block's begin to its end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ivr.asking import StopAt
from ivr.turn_rules import ANY_KEY, Turn, TurnRules


@dataclass(frozen=True, slots=True)
class OwnVoice:
    """A piece of the caller's own recording, to be played back to him."""

    from_s: float
    to_s: float


Sound = str | OwnVoice
"""A prompt's name, as in `Call.play`, or the caller's own voice."""


class SpokenCaller(Protocol):
    """One caller in a spoken conversation."""

    @property
    def at_s(self) -> float:
        """Seconds since the block began: the place in the recording."""
        ...

    @property
    def recognising(self) -> bool:
        """Words are heard. False: only his voice is (the recogniser is lost)."""
        ...

    @property
    def recording_failed(self) -> bool:
        """His voice couldn't be written (disk full); the call goes on."""
        ...

    def use_language(self, language: str) -> None:
        """Prompts, and the recogniser where it can, in this language from now on."""
        ...

    async def say(self, sounds: Sequence[Sound], *, keys: str = "") -> str:
        """Play sounds to their end; one of `keys` stops them and is returned."""
        ...

    async def ask(
        self,
        sounds: Sequence[Sound],
        rules: TurnRules,
        *,
        grammar: Sequence[str] = (),
        keys: str = ANY_KEY,
        stop_at: StopAt | None = None,
    ) -> Turn:
        """Ask, be talked over, and listen to the answer. `grammar` as `Hearing.listen_for`; one of
        `keys` ends the turn. `stop_at` is asked of every text heard (also of unfinished ones): True
        ends the turn at once."""
        ...
