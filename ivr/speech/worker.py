"""A process that recognises: one model, one recogniser per ear, one thread, everyone in turn.

`python -m ivr.speech.worker SOCKET BUSY NICE PARENT MODEL`: the numbers of two inherited files, how
much less important it is than others (0 to 19), the engine's process id, and the model's folder.
It ends with its parent, whatever it is doing. Nothing of the engine is imported here: native code
that crashes or hangs takes only this process with it.
"""

import ctypes
import json
import mmap
import os
import select
import signal
import socket
import struct
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ivr.speech.frames import Kind, Unpacker, pack
from ivr.speech.kept import LATE, SLICE, settled
from ivr.speech.ports import RATE_HZ, UNKNOWN
from ivr.speech.results import final

TURN = 5 * SLICE
"""Bytes after which somebody else comes first."""
ASKED = 2 * SLICE
"""Bytes after which unfinished words are asked for anew (120 ms): the network runs for a fifth of
a second at once, and to ask is a tenth of Vosk's work."""
_READ = 1 << 16
_RENEW = 90 * 2 * RATE_HZ
"""An ear's recogniser keeps what it computed of all its audio; after so many bytes it is made
anew, at the next end point."""
_PR_SET_PDEATHSIG = 1


class Ear:
    """One recogniser and what it has still to do."""

    def __init__(self, house: "House", number: int, words: Sequence[str]) -> None:
        self._house, self.number = house, number
        self._grammar = house.grammar(words)
        self.work: deque[bytes | Kind] = deque()
        self._recogniser = house.recogniser(self._grammar)
        self._heard = self._begun = 0  # bytes
        self._late: deque[bytes] = deque(maxlen=2 * LATE // SLICE + 2)
        self._asked = 0
        self._told = ""

    def turn(self) -> None:
        """Do what waits, up to a turn's audio."""
        done = 0
        while self.work and done < TURN:
            item = self.work.popleft()
            if isinstance(item, bytes):
                done += len(item)
                self._hear(item)
            elif item is Kind.FLUSH:
                self._tell(Kind.FLUSHED, self._recogniser.FinalResult())
            elif item is Kind.PAUSE:
                self._end_point(Kind.PAUSED)
            else:
                self._house.tell(Kind.SYNCED, self.number)
        if self._heard >= self._asked + ASKED and not self.work:
            self._asked = self._heard
            self._tell_partial()

    def _hear(self, audio: bytes) -> None:
        for at in range(0, len(audio), SLICE):
            piece = audio[at : at + SLICE]
            self._heard += len(piece)
            self._late.append(piece)
            if self._recogniser.AcceptWaveform(piece):
                self._end_point(Kind.FINAL)

    def _end_point(self, kind: Kind) -> None:
        """Here an utterance ends; what of it is not decoded yet begins the next one."""
        result = self._recogniser.Result()
        self._tell(kind, result)
        if self._heard - self._begun > _RENEW:
            self._renew(result)

    def _tell(self, kind: Kind, result: str) -> None:
        self._told = ""
        head = struct.pack("<II", self._heard // 2, self._begun // 2)
        self._house.tell(kind, self.number, head + result.encode())

    def _tell_partial(self) -> None:
        told = self._recogniser.PartialResult()
        if told == self._told:
            return
        self._told = told
        if text := json.loads(told).get("partial"):
            head = struct.pack("<I", self._heard // 2)
            self._house.tell(Kind.PARTIAL, self.number, head + text.encode())

    def _renew(self, result: str) -> None:
        """A fresh recogniser, which hears again what the old one hasn't decoded yet."""
        told = final(result, self._begun // 2, self._heard // 2)
        again = self._heard - 2 * settled(told, self._begun // 2)
        late = b"".join(self._late)
        self._recogniser = self._house.recogniser(self._grammar)
        self._begun = self._heard - again
        for at in range(len(late) - again, len(late), SLICE):
            self._recogniser.AcceptWaveform(late[at : at + SLICE])


class House:
    """The model, its ears, and the line to the engine."""

    def __init__(self, line: socket.socket, busy: mmap.mmap, model: Path) -> None:
        import vosk

        vosk.SetLogLevel(-1)
        self._vosk, self._line, self._busy = vosk, line, busy
        try:
            self._model = vosk.Model(str(model))
        except Exception:  # Vosk has said more on stderr than its exception does
            sys.exit(1)
        self._takes_grammar = (model / "graph" / "Gr.fst").exists()
        self._ears: dict[int, Ear] = {}
        self._next: deque[Ear] = deque()
        self._out = bytearray()

    def serve(self) -> None:
        """Until the engine closes the line."""
        facts = {"grammar": self._takes_grammar, "unknown": self._knows(UNKNOWN)}
        self.tell(Kind.READY, payload=json.dumps(facts).encode())
        unpacker, buffer = Unpacker(), memoryview(bytearray(_READ))
        news = select.poll()
        news.register(self._line, select.POLLIN)
        while True:
            if self._out:
                self._line.sendall(self._out)
                self._out.clear()
            if not self._next or news.poll(0):
                came = self._line.recv_into(buffer)
                if not came:
                    return
                for kind, ear, payload in unpacker.take(buffer[:came]):
                    self._take(kind, ear, payload)
            if self._next:
                self._work(self._next.popleft())

    def tell(self, kind: Kind, ear: int = 0, payload: bytes = b"") -> None:
        """A message to the engine, sent before the next turn."""
        self._out += pack(kind, ear, payload)

    def recogniser(self, grammar: str) -> Any:
        """A fresh one."""
        made = (
            self._vosk.KaldiRecognizer(self._model, RATE_HZ, grammar)
            if grammar
            else self._vosk.KaldiRecognizer(self._model, RATE_HZ)
        )
        made.SetWords(True)
        return made

    def grammar(self, words: Sequence[str]) -> str:
        """As Vosk takes it; "" for none: an empty one would crash the process."""
        if not words or not self._takes_grammar:
            return ""
        phrases = [" ".join(known) for word in words if (known := self._known_parts(word))]
        if not phrases:
            return ""
        more = [UNKNOWN] if self._knows(UNKNOWN) else []
        return json.dumps([*dict.fromkeys(phrases), *more], ensure_ascii=False)

    def _known_parts(self, phrase: str) -> list[str]:
        """A phrase as words of the model: as it is, else cut into the longest that are known."""
        parts: list[str] = []
        for word in phrase.split():
            rest = word
            while rest:
                known = next((n for n in range(len(rest), 0, -1) if self._knows(rest[:n])), 0)
                if not known:
                    return []
                parts.append(rest[:known])
                rest = rest[known:]
        return parts

    def _knows(self, word: str) -> bool:
        return bool(self._model.vosk_model_find_word(word) >= 0)

    def _take(self, kind: Kind, number: int, payload: bytes) -> None:
        if kind is Kind.PING:
            self.tell(Kind.PONG)
        elif kind is Kind.OPEN:
            self._mark(number)
            self._ears[number] = Ear(self, number, json.loads(payload))
        elif (ear := self._ears.get(number)) is not None:
            if kind is Kind.CLOSE:
                del self._ears[number]
                ear.work.clear()
                return
            if not ear.work:
                self._next.append(ear)
            ear.work.append(payload if kind is Kind.AUDIO else kind)

    def _work(self, ear: Ear) -> None:
        self._mark(ear.number)
        ear.turn()
        self._mark(0)
        if ear.work:
            self._next.append(ear)

    def _mark(self, number: int) -> None:
        """Whose turn it is, for the engine to read should we die or hang in it."""
        struct.pack_into("<I", self._busy, 0, number)


def die_with(parent: int) -> None:
    """Be killed when the engine ends, also while native code runs or we are stopped."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def main(words: Sequence[str]) -> None:
    """See above; `words` are the arguments."""
    line, busy, nice, parent, model = words
    die_with(int(parent))
    os.nice(int(nice))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the engine's to take
    shared = mmap.mmap(int(busy), mmap.PAGESIZE)
    with socket.socket(fileno=int(line)) as connection:
        House(connection, shared, Path(model)).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
