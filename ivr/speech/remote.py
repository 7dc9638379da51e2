"""Recognition at a vosk-server (github.com/alphacep/vosk-server) over WebSocket, a connection per
call: for installations with many nodes.

The protocol: one JSON `{"config": {"sample_rate": 8000, "words": 1}}`, then binary audio (s16le);
each message is answered by one JSON, `{"partial": …}` or a result as Vosk's own. `{"reset" : 1}`
and `{"eof" : 1}`, spelled exactly so, are answered by the final result; the second ends the
connection.
"""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress

import structlog
from aiohttp import (
    ClientConnectionError,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    WSMsgType,
    WSServerHandshakeError,
)

from ivr.speech.ports import RATE_HZ, Hearing, SpeechAway, Told
from ivr.speech.remote_hearing import END, Broken, Patience, ServerHearing

log = structlog.get_logger(__name__)

_LONGEST_MESSAGE = 1 << 20


class VoskServer:
    """`Recogniser` of one language at one address (`ws://…` or `wss://…`)."""

    def __init__(
        self,
        address: str,
        *,
        language: str,
        patience: Patience = Patience(),  # noqa: B008
    ) -> None:
        self.address, self.language, self.patience = address, language, patience
        self._session: ClientSession | None = None
        self._hearings: set[ServerHearing] = set()
        self._watch: asyncio.Task[None] | None = None
        self._there = False
        self._why_not = "not asked yet"

    def start(self) -> None:
        """Begin to look whether the server is there."""
        self._watch = asyncio.create_task(self._look_forever(), name=f"speech-{self.language}")
        self._watch.add_done_callback(_log_failure)

    async def close(self) -> None:
        """End all; calls that are still heard are told `SpeechLost`."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        for hearing in tuple(self._hearings):
            hearing.lose("the engine stops")
            await hearing.ended()
        if self._session is not None:
            await self._session.close()

    def able(self, language: str) -> bool:
        return language == self.language and self._there

    def open(self, call_id: str, language: str, told: Told) -> Hearing:
        if not self.able(language):
            raise SpeechAway(self.detail, language=language)
        hearing = ServerHearing(self, call_id, told)
        self._hearings.add(hearing)
        return hearing

    @property
    def detail(self) -> str:
        state = "answers" if self._there else self._why_not
        return f"{self.language}: {self.address} {state}"

    async def connect(self, words: Sequence[str]) -> ClientWebSocketResponse:
        """A new connection, configured; raises `Broken`."""
        if self._session is None:
            self._session = ClientSession(
                timeout=ClientTimeout(total=None, connect=self.patience.connect_s)
            )
        config: dict[str, object] = {"sample_rate": RATE_HZ, "words": 1}
        if words:
            config["phrase_list"] = list(words)
        try:
            async with asyncio.timeout(self.patience.connect_s):
                line = await self._session.ws_connect(
                    self.address, max_msg_size=_LONGEST_MESSAGE, autoping=True
                )
                await line.send_str(json.dumps({"config": config}, ensure_ascii=False))
        except (ClientConnectionError, WSServerHandshakeError, OSError, ValueError) as error:
            self.seems_away(f"can't be reached: {error}")
            raise Broken(f"{self.address} can't be reached: {error}") from error
        except TimeoutError as error:
            self.seems_away(f"didn't answer within {self.patience.connect_s:g} s")
            raise Broken(f"{self.address} didn't answer") from error
        self._there = True
        return line

    def seems_away(self, why: str) -> None:
        """What a call has found out."""
        if self._there or self._why_not != why:
            log.error("speech_server_away", address=self.address, reason=why)
        self._there, self._why_not = False, why

    def over(self, hearing: ServerHearing) -> None:
        """A call needs nothing more."""
        self._hearings.discard(hearing)

    async def _look_forever(self) -> None:
        """An idle server is asked for a whole exchange: it may accept and never answer."""
        while True:
            with suppress(Broken):
                await self.look()
            await asyncio.sleep(self.patience.probe_every_s)

    async def look(self) -> None:
        """Ask for a whole (empty) exchange; `able` and `detail` tell afterwards. Raises `Broken`
        when there is no connection at all."""
        line = await self.connect(())
        try:
            async with asyncio.timeout(self.patience.answer_s):
                await line.send_str(END)
                answer = await line.receive()
            if answer.type is not WSMsgType.TEXT:
                self.seems_away("doesn't speak vosk-server's protocol")
        except TimeoutError:
            self.seems_away(f"didn't answer within {self.patience.answer_s:g} s")
        except (ClientConnectionError, OSError) as error:
            self.seems_away(f"broke off: {error}")
        finally:
            with suppress(ClientConnectionError, OSError, TimeoutError):
                async with asyncio.timeout(1.0):
                    await line.close()


def _log_failure(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("task_failed", exc_info=task.exception())
