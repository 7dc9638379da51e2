"""What a conversation sees of a call whose audio runs through the engine: it talks and hears at
once. No Asterisk word passes this file; `telephony.audiosocket_session` implements it.

```
async with call.live_audio() as audio:       # raises AudioAway: record plainly instead
    audio.listen(listener)                   # 20 ms frames, keys and ends are told to it
    audio.play(pcm)                          # 8 kHz, mono, s16le; returns at once
    audio.pause(); audio.resume(back_s=0.4)  # talked over, and a false start
```

Inside of the block the only other verb of the call that works is `remember`. After the block all
of them do: the caller is still in the same session.
"""

from typing import Protocol

from telephony.errors import TelephonyError

RATE_HZ = 8000
FRAME_S = 0.02
FRAME_BYTES = 320
BYTES_PER_S = 2 * RATE_HZ


class AudioAway(TelephonyError):
    """The call's audio can't be led through the engine, or no longer; the caller is still there
    and is to be served without it (recorded plainly by Asterisk)."""

    id = "audio-away"


class Listener(Protocol):
    """Told in the event loop, in the order things happened. Every method must return at once; what
    one raises is logged and goes no further."""

    def heard(self, frame: bytes) -> None:
        """The next 20 ms of the caller (320 bytes, s16le). One each 20 ms: where his network sends
        nothing for a while (silence suppression) they are silence."""
        ...

    def pressed(self, key: str) -> None:
        """A key: one of `0123456789*#`."""
        ...

    def played_out(self) -> None:
        """What `play` began has been sent to its end; not told of what was stopped."""
        ...

    def ended(self) -> None:
        """The audio is over: the caller hung up, or the way to him broke. Nothing follows."""
        ...


class LiveAudio(Protocol):
    """One call's audio, both ways. Every method returns at once and never raises for an end that
    came meanwhile (the listener is told of it)."""

    @property
    def at_s(self) -> float:
        """Seconds of the caller's audio told so far: frames × 20 ms. The one clock of a spoken
        conversation; places in the engine's recording and the recogniser's times are the same."""
        ...

    @property
    def playing(self) -> bool:
        """Something is being played, or is paused."""
        ...

    def listen(self, listener: Listener) -> None:
        """Tell this listener from now on, instead of one before. Frames that came while nobody
        listened are told first (up to a second of them)."""
        ...

    def play(self, pcm: bytes) -> None:
        """Begin to play; what was playing is stopped."""
        ...

    def pause(self) -> None:
        """Be silent within 20 ms, keeping the place."""
        ...

    def resume(self, *, back_s: float = 0.0) -> None:
        """Go on, a little before the place where it was paused."""
        ...

    def stop(self) -> None:
        """Be silent within 20 ms."""
        ...

    async def over(self) -> None:
        """Wait for the end after `ended` was told, then raise what it was: CallEnded (he hung up)
        or AudioAway (only the audio broke, the session goes on)."""
        ...
