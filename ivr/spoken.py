"""`SpokenCaller` on live audio: every frame is recorded, recognised and judged as it comes.

The decisions are `ivr.turn`'s and `ivr.voice`'s; here they meet the audio, the recogniser and the
recording of one call.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import structlog

from ivr.asking import Asking, StopAt, known, turn_of
from ivr.between import Between
from ivr.prompt_sounds import PromptSounds
from ivr.speech.ports import (
    Final,
    Hearing,
    Partial,
    Recogniser,
    SpeechAway,
    SpeechEvent,
    Word,
)
from ivr.spoken_ports import OwnVoice, Sound
from ivr.turn import Do, State, TurnTaking
from ivr.turn_rules import ANY_KEY, Turn, TurnRules
from ivr.voice import VoiceDetector
from recordings.live import LiveRecording, LiveRecordings
from telephony.call import Call
from telephony.errors import CallEnded
from telephony.live_audio import BYTES_PER_S, FRAME_S, LiveAudio

BACK_S = 0.4
"""A prompt that comes back begins a little before where it was paused."""
FLUSH_S = 10.0
"""Longest wait for the last words of an answer; then it goes on without them. A recogniser that is
so far behind has a hundred callers, or lost its worker and hears the answer once more."""

log = structlog.get_logger(__name__)


def patience_s(quiet_s: float) -> float:
    """How long a frame may be kept from the recogniser after so much silence: each 60 ms only where
    an utterance may end; while he speaks the network runs for a fifth of a second at once, and
    where nobody has spoken for a second nothing is urgent before a voice is there."""
    if quiet_s < 0.3:
        return 0.18
    return 0.06 if quiet_s < 1.0 else 0.24


@dataclass(frozen=True, slots=True)
class SpokenParts:
    """What spoken conversations need; `speaking` opens one."""

    sounds: PromptSounds
    recordings: LiveRecordings
    recogniser: Recogniser

    @asynccontextmanager
    async def speaking(self, call: Call, language: str, stored: str) -> "AsyncIterator[Spoken]":
        """See `ivr.spoken_ports`. Raises SpeechAway before anything has begun, or AudioAway."""
        if not self.recogniser.able(language):
            raise SpeechAway(self.recogniser.detail, language=language)
        async with call.live_audio() as audio:
            recording = self.recordings.begin(stored)
            caller = Spoken(call.info.call_id, audio, recording, self, language)
            try:
                caller.begin()
                yield caller
            finally:
                caller.close()
                await self.recordings.finish(recording)


class Spoken:
    """One caller who is talked with by voice; see `ivr.spoken_ports.SpokenCaller`."""

    def __init__(
        self,
        call_id: str,
        audio: LiveAudio,
        recording: LiveRecording,
        parts: SpokenParts,
        language: str,
    ) -> None:
        self._call_id = call_id
        self._audio = audio
        self._recording = recording
        self._parts = parts
        self._language = language
        self._voice = VoiceDetector()
        self._hearing: Hearing | None = None
        self._heard_from_s = 0.0
        self._grammar: tuple[str, ...] = ()
        self._between = Between()
        self._asking: Asking | None = None
        self._saying: asyncio.Future[str] | None = None
        self._keys = ""
        self._frames = self._voiced = 0
        self._gone = False

    # --- ivr.spoken_ports.SpokenCaller

    @property
    def at_s(self) -> float:
        return self._frames * FRAME_S

    @property
    def recognising(self) -> bool:
        return self._hearing is not None

    @property
    def recording_failed(self) -> bool:
        return self._recording.failed

    def use_language(self, language: str) -> None:
        self._language = language
        if self._hearing is not None:
            self._hearing.close()
        self._hear()

    async def say(self, sounds: Sequence[Sound], *, keys: str = "") -> str:
        pcm = await self._pcm(sounds)
        if not pcm:
            await self._check_there()
            return ""
        self._saying = asyncio.get_running_loop().create_future()
        self._keys = keys
        try:
            await self._check_there()
            self._audio.play(pcm)
            key = await self._saying
            await self._check_there()
            return key
        finally:
            self._saying = None
            self._audio.stop()

    async def ask(
        self,
        sounds: Sequence[Sound],
        rules: TurnRules,
        *,
        grammar: Sequence[str] = (),
        keys: str = ANY_KEY,
        stop_at: StopAt | None = None,
    ) -> Turn:
        pcm = await self._pcm(sounds)
        await self._check_there()
        self._listen_for(tuple(grammar))
        taking = TurnTaking(
            rules, self.at_s, prompt_s=len(pcm) / BYTES_PER_S, recognised=self.recognising
        )
        asking = self._asking = Asking(taking, keys, stop_at, self._between)
        self._between = Between()
        heard = self.recognising
        try:
            if pcm:
                self._audio.play(pcm)
            await asking.done
            await self._check_there()
            heard = await self._last_words(asking) and heard
        finally:
            self._asking = None
            self._audio.stop()
        return turn_of(asking, heard=heard and self.recognising)

    # --- telephony.live_audio.Listener

    def heard(self, frame: bytes) -> None:
        if self._gone:
            return
        self._frames += 1
        self._recording.write(frame)
        voiced = self._voice.voiced(frame, playing=self._audio.playing)
        if voiced:
            self._voiced = self._frames
        if self._hearing is not None:
            quiet_s = (self._frames - self._voiced) * FRAME_S
            self._hearing.feed(frame, within_s=patience_s(quiet_s))
        asking = self._asking
        if asking is not None and not asking.done.done():
            self._do(asking, asking.taking.frame(self.at_s, voiced=voiced, still=self._voice.still))
        elif voiced:
            self._between.voice(self.at_s)

    def pressed(self, key: str) -> None:
        asking = self._asking
        if asking is not None and key in asking.keys and not asking.done.done():
            asking.pressed = key
            self._do(asking, asking.taking.key())
        elif self._saying is not None and key in self._keys and not self._saying.done():
            self._audio.stop()
            self._saying.set_result(key)

    def played_out(self) -> None:
        asking = self._asking
        if asking is not None:
            self._do(asking, asking.taking.prompt_ended(self.at_s))
        elif self._saying is not None and not self._saying.done():
            self._saying.set_result("")

    def ended(self) -> None:
        self._gone = True
        if self._asking is not None and not self._asking.done.done():
            self._asking.done.set_result(None)
        if self._saying is not None and not self._saying.done():
            self._saying.set_result("")

    # --- begin and end

    def begin(self) -> None:
        """Be recorded and heard from the first frame on."""
        self._hear()
        self._audio.listen(self)

    def close(self) -> None:
        """Nothing is recorded or recognised any more."""
        self._gone = True
        if self._hearing is not None:
            self._hearing.close()
            self._hearing = None

    # --- recognition

    def _hear(self) -> None:
        self._hearing, self._heard_from_s, self._grammar = None, self.at_s, ()
        # A recogniser lost between `able` and here: the call goes on by keys, his voice is kept.
        with suppress(SpeechAway):
            self._hearing = self._parts.recogniser.open(self._call_id, self._language, self._told)

    def _listen_for(self, grammar: tuple[str, ...]) -> None:
        """What he says already belongs to this question, unless it has words of its own."""
        if self._hearing is not None and grammar != self._grammar:
            self._hearing.listen_for(grammar)
        self._grammar = grammar

    def _told(self, event: SpeechEvent) -> None:
        asking = self._asking
        if isinstance(event, Partial):
            if asking is not None and event.text != asking.partial:
                asking.partial = event.text
                self._new_words(asking, event.text, event.until_s)
        elif isinstance(event, Final):
            if asking is None:
                self._between.heard(self._placed(event))
                return
            asking.heard_s = self._heard_from_s + event.until_s
            if event.words:
                self._final(asking, event)
        else:
            log.warning("speech_lost", call_id=self._call_id, reason=event.reason)
            self._hearing = None
            if asking is not None:
                asking.taking.unrecognised()

    def _new_words(self, asking: Asking, text: str, until_s: float) -> None:
        """A voice that says no word we know may be music: only its loudness counts. Words heard
        before this question count when they go on in it."""
        until_s = min(self.at_s, self._heard_from_s + until_s)
        if until_s <= asking.asked_s:
            return
        if known(text):
            self._do(asking, asking.taking.words(until_s))
        said = " ".join((*(word.text for word in asking.words), text))
        self._stop_at(asking, said, going_on=True)

    def _stop_at(self, asking: Asking, said: str, *, going_on: bool) -> None:
        if asking.taking.state is State.SPEAKING and asking.must_stop(said, going_on=going_on):
            self._do(asking, asking.taking.stop())

    def _final(self, asking: Asking, final: Final) -> None:
        if asking.partial != final.text:
            self._new_words(asking, final.text, final.until_s)
        asking.words += self._placed(final)
        asking.partial = ""
        self._stop_at(asking, " ".join(word.text for word in asking.words), going_on=False)
        if known(final.text):
            self._do(asking, asking.taking.endpoint())

    async def _last_words(self, asking: Asking) -> bool:
        """What was said and isn't final yet belongs to the answer, too; what comes now doesn't.
        False when it didn't come in time."""
        if self._hearing is None or asking.complete:
            return True
        try:
            if asking.may_have_words:
                async with asyncio.timeout(FLUSH_S):
                    last = await self._hearing.flush(silent=asking.taking.silent)
                    asking.words += self._placed(last)
                return True
        except TimeoutError:
            log.warning("last_words_late", call_id=self._call_id)
        if self._hearing is not None:
            self._hearing.listen_for(self._grammar)
        return not asking.may_have_words

    def _placed(self, final: Final) -> tuple[Word, ...]:
        """Words with their places in the recording."""
        by = self._heard_from_s
        if not by:
            return final.words
        return tuple(
            replace(word, start_s=word.start_s + by, end_s=word.end_s + by) for word in final.words
        )

    # --- sound

    def _do(self, asking: Asking, do: Do) -> None:
        if do is Do.PAUSE:
            self._audio.pause()
        elif do is Do.RESUME:
            self._voice.mistook()
            self._audio.resume(back_s=BACK_S)
        elif do is Do.STOP:
            self._audio.stop()
            if asking.taking.interrupted:
                self._voice.was_right()
        if asking.taking.state is State.OVER and not asking.done.done():
            asking.done.set_result(None)

    async def _pcm(self, sounds: Sequence[Sound]) -> bytes:
        pieces = [await self._piece(sound) for sound in sounds]
        return b"".join(pieces)

    async def _piece(self, sound: Sound) -> bytes:
        if isinstance(sound, OwnVoice):
            return await self._parts.recordings.read(self._recording, sound.from_s, sound.to_s)
        return await self._parts.sounds.pcm(self._language, sound)

    async def _check_there(self) -> None:
        """Raises CallEnded or AudioAway when his audio is over."""
        if self._gone:
            await self._audio.over()
            raise CallEnded("audio is over")
