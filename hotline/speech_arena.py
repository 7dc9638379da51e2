"""The benchmark's engine for `hotline bench speech`: AudioSocket, spoken conversations, recogniser
and recordings as the real one has them, and nothing else. Its calls come without Asterisk.

It is told what to do on its standard input and answers on its standard output, a line of JSON each.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import uvloop

from hotline import logs
from hotline.engine import SWITCH_S, settle_memory
from hotline.speech_bare import WORKERS
from ivr.prompt_sounds import PromptSounds
from ivr.speech.pool import VoskPool
from ivr.spoken import Spoken, SpokenParts
from ivr.turn_rules import FREE_SPEECH, SHORT_ANSWER, TurnRules
from recordings.live import LiveRecordings
from telephony.audiosocket_server import AudioSocketServer
from telephony.audiosocket_session import AudioSession
from telephony.errors import CallEnded
from telephony.live_audio import LiveAudio

LANGUAGE = "cmn"
SHORT, LONG = "short", "long"
EVERY_TALKED_OVER = 3
LISTENS = replace(FREE_SPEECH, answer_s=600, longest_s=600, wordless_s=600, watchdog_s=700)


class _Info:
    """The part of a call's facts that is asked for here."""

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id


class Called:
    """A call whose audio is connected by whoever is told its UUID."""

    def __init__(self, number: int, server: AudioSocketServer) -> None:
        self.info = _Info(f"bench-{number}")
        self.stored = f"recordings/requests/2026/01/01/bench-{number}.wav"
        self.text: list[str] = []
        self._server = server
        self._on_wire = asyncio.Event()
        self.session: AudioSession = server.issue(self._on_wire.set)
        self.session.decides(self._over)

    @asynccontextmanager
    async def live_audio(self) -> AsyncIterator[LiveAudio]:
        """The audio, once it is connected."""
        await self._on_wire.wait()
        try:
            yield self.session
        finally:
            self._server.forget(self.session)

    async def _over(self) -> None:
        raise CallEnded("hangup")

    async def converse(self, parts: SpokenParts, *, answers: bool) -> None:
        """Ask for ever, or listen for ever."""
        with suppress(CallEnded):
            # only the call's name and audio are used
            async with parts.speaking(self, LANGUAGE, self.stored) as caller:  # type: ignore[arg-type]
                turn = 0
                while True:
                    await self._turn(caller, turn, answers=answers)
                    turn += 1

    async def _turn(self, caller: Spoken, turn: int, *, answers: bool) -> None:
        last = turn % EVERY_TALKED_OVER == EVERY_TALKED_OVER - 1
        sounds = ((LONG if last else SHORT),) if answers else ()
        rules: TurnRules = SHORT_ANSWER if answers else LISTENS
        heard = await caller.ask(sounds, rules)
        self.text.append(heard.text)

    def told(self) -> dict[str, object]:
        """What the bench is told of it in the end."""
        session = self.session
        return {"text": " ".join(self.text), "came": session.came, "filled": session.filled}


async def main(home: Path, model: Path) -> None:
    """Serve until the standard input ends."""
    pool = VoskPool(model, language=LANGUAGE, workers=WORKERS)
    server = AudioSocketServer()
    recordings = LiveRecordings(home)
    parts = SpokenParts(PromptSounds(home / "prompts"), recordings, pool)
    async with AsyncExitStack() as stack:
        pool.start()
        stack.push_async_callback(pool.close)
        await server.start()
        stack.push_async_callback(server.close)
        stack.push_async_callback(recordings.close)
        async with asyncio.timeout(60):
            while not pool.able(LANGUAGE):  # noqa: ASYNC110 - a recogniser tells of no changes
                await asyncio.sleep(0.05)
        settle_memory()
        _tell({"address": server.address})
        orders = await _orders()
        number = 0
        while order := await orders.readline():
            wanted = json.loads(order)
            calls = [Called(number + n, server) for n in range(wanted["calls"])]
            number += len(calls)
            talks = [
                asyncio.create_task(call.converse(parts, answers=wanted["answers"]))
                for call in calls
            ]
            _tell({"uuids": [str(call.session.name) for call in calls]})
            await asyncio.gather(*talks)
            _tell({"heard": [{**call.told(), "stored": call.stored} for call in calls]})


async def _orders() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _tell(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    logs.configure("error")
    sys.setswitchinterval(SWITCH_S)
    uvloop.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
