"""Is somebody speaking in these 20 ms? A function of the frames that came, nothing else.

Three judges have to agree: WebRTC's detector (does it look like a voice), the level above a floor
of noise that follows the line (is it meant for us), and that it moves: tones, hum and keys pressed
stand still to a hair, voices never do for long. Music moves: that no word comes of it is found out
later (`TurnRules.wordless_s`). docs/decisions/0201-voice-activity.md has the figures.
"""

import math
from collections import deque
from zlib import adler32

import webrtcvad

RATE_HZ = 8000
FRAME_SAMPLES = 160
FRAME_S = 0.02
STRICTEST = 3
LEAST_DB = -52.0
"""Quieter is nobody, whatever the floor (dB below full scale, mean of magnitudes)."""
LEAST_WHILE_PLAYING_DB = -38.0
"""While we speak: our own voice comes back over the line, about 20 dB weaker."""
HARDER_DB = 8.0
HARDEST_DB = -24.0
ABOVE_FLOOR_DB = 8.0
FIRST_FLOOR_DB = -62.0
HIGHEST_FLOOR_DB = -30.0
FLOOR_FALLS = 0.3
FLOOR_RISES_DB = 0.06
FLOOR_RISES_IN_VOICE_DB = 0.01
STILL_FRAMES = 5
STILL_DB = 0.5
_NEGATIVE = bytes(255 * (high > 127) for high in range(256))
_HIGH = bytes(255 - high if high > 127 else high for high in range(256))


class VoiceDetector:
    """Give it every frame, in order. `still`: the last ones were loud and stood still, so that what
    was taken for a voice just before was the beginning of a tone."""

    __slots__ = ("_floor_db", "_least_while_playing_db", "_levels", "_vad", "still")

    def __init__(self) -> None:
        self._vad = webrtcvad.Vad(STRICTEST)
        self._floor_db = FIRST_FLOOR_DB
        self.still = False
        self._least_while_playing_db = LEAST_WHILE_PLAYING_DB
        self._levels: deque[float] = deque((FIRST_FLOOR_DB,), maxlen=STILL_FRAMES)

    def voiced(self, frame: bytes, *, playing: bool = False) -> bool:
        """Whether the 20 ms (320 bytes, s16le) hold a voice; `playing` while we speak ourselves."""
        level = level_db(frame)
        levels = self._levels
        levels.append(level)
        loud = level > max(LEAST_DB, self._floor_db + ABOVE_FLOOR_DB)
        full = len(levels) == STILL_FRAMES
        self.still = loud and full and max(levels) - min(levels) <= STILL_DB
        voice = (
            loud
            and not self.still
            and (level > self._least_while_playing_db or not playing)
            and self._vad.is_speech(frame, RATE_HZ)
        )
        self._follow(level, voice=voice)
        return voice

    def mistook(self) -> None:
        """What was taken for a voice while we spoke was none: on this line it has to be louder.
        Else a line with a strong echo would have each prompt interrupt itself, for ever."""
        self._least_while_playing_db = min(self._least_while_playing_db + HARDER_DB, HARDEST_DB)

    def was_right(self) -> None:
        """It was one: a step back from the last mistake (perhaps it was none: words come late)."""
        softer = self._least_while_playing_db - HARDER_DB
        self._least_while_playing_db = max(softer, LEAST_WHILE_PLAYING_DB)

    def _follow(self, level: float, *, voice: bool) -> None:
        """Quiet moments pull the floor down at once, noise lifts it by 3 dB a second, a voice
        hardly (it has pauses in which the floor comes down again)."""
        if level < self._floor_db:
            self._floor_db += FLOOR_FALLS * (level - self._floor_db)
        else:
            rise = FLOOR_RISES_IN_VOICE_DB if voice else FLOOR_RISES_DB
            self._floor_db = min(self._floor_db + rise, level, HIGHEST_FLOOR_DB)


def level_db(frame: bytes) -> float:
    """The mean magnitude in dB below full scale; -96 for digital silence."""
    total = magnitude(frame)
    return 20 * math.log10(total / (FRAME_SAMPLES * 32768)) if total else -96.0


def magnitude(frame: bytes) -> int:
    """The sum of the samples' magnitudes, for 160 samples of s16le: every frame of every caller
    comes by here, so it's done a frame at once. A negative sample's is that of its bits turned
    over, and one more; Adler's checksum adds up bytes, exactly so for up to 256 of them."""
    highs = frame[1::2]
    negative = highs.translate(_NEGATIVE)
    lows = int.from_bytes(frame[::2], "little") ^ int.from_bytes(negative, "little")
    return (
        256 * _sum(highs.translate(_HIGH))
        + _sum(lows.to_bytes(FRAME_SAMPLES, "little"))
        + negative.count(255)
    )


def _sum(small: bytes) -> int:
    return adler32(small, 0) & 0xFFFF
