"""One call's recognition at a vosk-server: a connection a step, replaced when it breaks."""

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import structlog
from aiohttp import ClientError, ClientWebSocketResponse, WSMsgType

from ivr.speech.kept import KeptAudio, settled
from ivr.speech.ports import RATE_HZ, Final, Partial, SpeechEvent, SpeechLost, Told
from ivr.speech.results import final

log = structlog.get_logger(__name__)

PIECE = 1920
"""Bytes of a message: 120 ms; a message each 20 ms would be mostly headers."""
END, RESET = '{"eof" : 1}', '{"reset" : 1}'
LONGEST_S = 180.0
_UNANSWERED = 50
"""Messages on their way at most: a replay doesn't fill the server's buffers."""
_AGAIN_S, _CLOSE_S = 0.2, 1.0


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: until a connection stands; until a message is answered; how long a call waits for a
    server that doesn't answer at all; how often an idle server is asked whether it is there."""

    connect_s: float = 3.0
    answer_s: float = 5.0
    recover_s: float = 15.0
    probe_every_s: float = 10.0


class Broken(Exception):
    """This connection is of no use any more; the text says why."""


class Server(Protocol):
    """What a call needs of its server."""

    @property
    def patience(self) -> Patience: ...

    async def connect(self, words: Sequence[str]) -> ClientWebSocketResponse:
        """A new connection, configured; raises `Broken`."""
        ...

    def seems_away(self, why: str) -> None:
        """What a call has found out."""
        ...

    def over(self, hearing: "ServerHearing") -> None:
        """A call needs nothing more."""
        ...


class ServerHearing:
    """`Hearing` of a call at a server. What isn't final is kept, and said again over a new
    connection."""

    def __init__(self, server: Server, call_id: str, told: Told) -> None:
        self._server, self.call_id, self._told = server, call_id, told
        self._kept = KeptAudio()
        self._batch = bytearray()
        self._words: tuple[str, ...] = ()
        self._line: Line | None = None
        self._flush: asyncio.Future[Final] | None = None
        self._sync: asyncio.Future[None] | None = None
        self._over = False
        self._task = asyncio.create_task(self._run(), name=f"speech-{call_id}")
        self._task.add_done_callback(_log_failure)

    # --- Hearing

    def listen_for(self, words: Sequence[str] = ()) -> None:
        self._keep_batch()
        self._kept.settle(self._kept.end)
        self._words = tuple(words)
        self._answer_flush(Final((), self._kept.end / RATE_HZ))
        if self._line is not None:
            self._line.end()

    def feed(self, pcm: bytes, *, within_s: float = 0.0) -> None:
        self._batch += pcm
        if len(self._batch) >= PIECE:
            self._keep_batch()

    async def flush(self, *, silent: bool = False) -> Final:
        self._keep_batch()
        if self._over:
            return Final()
        if self._flush is None:
            self._flush = asyncio.get_running_loop().create_future()
            if self._line is not None:
                self._line.say(RESET)
        return await asyncio.shield(self._flush)

    async def caught_up(self) -> None:
        self._keep_batch()
        if self._over or (self._line is not None and self._line.idle):
            return
        if self._sync is None:
            self._sync = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._sync)

    def close(self) -> None:
        self._end()

    # --- for the server

    def lose(self, reason: str) -> None:
        """It is over; whoever waits is answered."""
        if not self._over:
            log.error("speech_lost", call_id=self.call_id, reason=reason)
            self._end()
            self._told(SpeechLost(reason))

    async def ended(self) -> None:
        """Wait until its connection is closed."""
        await asyncio.wait({self._task})

    # --- for its connection

    def partial(self, text: str, sample: int) -> None:
        """Words so far, and the sample until which they were heard."""
        self._tell(Partial(text, sample / RATE_HZ))

    def settled(self, told: Final, sample: int, *, flushed: bool) -> None:
        """A final result, and the sample until which it stands for good."""
        self._kept.settle(sample)
        if flushed:
            self._answer_flush(told)
        else:
            self._tell(told)

    def caught_up_now(self) -> None:
        """Nothing is on its way."""
        waiting, self._sync = self._sync, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    # --- inside

    async def _run(self) -> None:
        """One connection after the other, as long as there is hope."""
        loop = asyncio.get_running_loop()
        failing_since: float | None = None
        while not self._over:
            line: Line | None = None
            try:
                line = await self._connected()
                await line.lead()
                failing_since = None
            except Broken as error:
                if failing_since is None or (line is not None and line.answered):
                    failing_since = loop.time()
                if loop.time() - failing_since > self._server.patience.recover_s:
                    self.lose(str(error))
                    return
                log.warning("speech_connection_lost", call_id=self.call_id, reason=str(error))
                await asyncio.sleep(_AGAIN_S)
            finally:
                self._line = None
                if line is not None:
                    await line.close()

    async def _connected(self) -> "Line":
        """A connection that is told all that is kept."""
        while True:
            words = self._words
            socket = await self._server.connect(words)
            if words is self._words:
                break
            await socket.close()  # a new step began meanwhile
        self._line = line = Line(self, socket, self._kept.begin, self._server.patience.answer_s)
        for piece in self._kept:
            line.say(piece)
        if self._flush is not None:
            line.say(RESET)
        if line.idle:
            self.caught_up_now()
        return line

    def _keep_batch(self) -> None:
        if not self._batch or self._over:
            return
        piece = bytes(self._batch)
        self._batch.clear()
        self._kept.add(piece)
        if self._line is not None:
            self._line.say(piece)
        if self._kept.seconds > LONGEST_S:
            self.lose(f"nothing was recognised for {LONGEST_S:g} s")

    def _tell(self, event: SpeechEvent) -> None:
        if not self._over:
            self._told(event)

    def _answer_flush(self, told: Final) -> None:
        waiting, self._flush = self._flush, None
        if waiting is not None and not waiting.done():
            waiting.set_result(told)

    def _end(self) -> None:
        self._over = True
        self._kept, self._batch = KeptAudio(), bytearray()
        self._answer_flush(Final())
        self.caught_up_now()
        if self._line is not None:
            self._line.end()
        elif self._task is not asyncio.current_task():
            self._task.cancel()  # it is connecting, or pauses
        self._server.over(self)


class Line:
    """One connection: what waits to be sent, and what is still to be answered."""

    def __init__(
        self,
        hearing: ServerHearing,
        socket: ClientWebSocketResponse,
        begun: int,
        answer_s: float,
    ) -> None:
        self._hearing, self._socket, self._answer_s = hearing, socket, answer_s
        self._begun, self._heard = begun, 0
        self._waiting: deque[bytes | str] = deque()
        self._sent: deque[tuple[float, int]] = deque()
        self._move = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._partial = ""
        self.answered = False

    @property
    def idle(self) -> bool:
        """Whether all that was said is answered."""
        return not self._waiting and not self._sent

    def say(self, message: bytes | str) -> None:
        """To be sent in its turn."""
        self._waiting.append(message)
        self._move.set()

    def end(self) -> None:
        """It isn't needed any more."""
        if not self._ended.done():
            self._ended.set_result(None)

    async def lead(self) -> None:
        """Speak and listen until `end`; raises `Broken`."""
        tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._receive())]
        try:
            await asyncio.wait({*tasks, self._ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        if not self._ended.done():
            for result in results:
                if isinstance(result, Exception):
                    raise result

    async def close(self) -> None:
        """Close the connection, without long farewells."""
        with suppress(ClientError, OSError, TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._socket.close()

    async def _send(self) -> None:
        try:
            while True:
                while self._waiting and len(self._sent) < _UNANSWERED:
                    message = self._waiting.popleft()
                    if isinstance(message, bytes):
                        self._sent.append((self._loop.time(), len(message)))
                        await self._socket.send_bytes(message)
                    else:
                        self._sent.append((self._loop.time(), 0))
                        await self._socket.send_str(message)
                self._move.clear()
                await self._move.wait()
        except (ClientError, OSError) as error:
            raise Broken(f"the server broke off: {error}") from error

    async def _receive(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._answer_s):
                    message = await self._socket.receive()
            except TimeoutError:
                if self._sent and self._loop.time() - self._sent[0][0] > self._answer_s:
                    raise Broken(f"no answer within {self._answer_s:g} s") from None
                continue
            if message.type is not WSMsgType.TEXT:
                raise Broken("the server broke off")
            self._take(message.data)

    def _take(self, text: str) -> None:
        """One answer; answers come in the order of what was said."""
        if not self._sent:
            raise Broken("the server answers what nobody asked")
        _, size = self._sent.popleft()
        self._heard += size
        self._move.set()
        until = self._begun + self._heard // 2
        try:
            told = json.loads(text)
            partial = str(told.get("partial", "")) if size else ""
            over = not size or "partial" not in told
            result = final(text, self._begun, until) if over else None
        except (ValueError, AttributeError) as error:
            raise Broken(f"the server says {text[:200]!r}") from error
        self.answered = True
        if result is not None:
            self._partial = ""
            sure = settled(result, self._begun) if size else until
            self._hearing.settled(result, sure, flushed=not size)
        elif partial and partial != self._partial:
            self._partial = partial
            self._hearing.partial(partial, until)
        if self.idle:
            self._hearing.caught_up_now()


def _log_failure(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("task_failed", exc_info=task.exception())
