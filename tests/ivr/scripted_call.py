"""The caller of a script: he plays `telephony`'s call, and may hang up or lose his engine at any
step."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from ivr.conversation import hang_up
from telephony.call import CallInfo, DialResult, DialStatus, RecordResult
from telephony.errors import CallEnded
from tests.ivr.stage import CATALOGUE

if TYPE_CHECKING:
    from tests.ivr.script import World

T = TypeVar("T")


class ScriptedCall:
    """The caller. `hang_up_at` and `stop_at` are numbers of steps, counted from 1."""

    def __init__(self, world: "World") -> None:
        script = world.script
        self._world = world
        self._digits = deque(script.digits)
        self._seats = deque(script.seats)
        self._transfers = deque(script.transfers)
        self._takes = deque(script.takes)
        self.variables: dict[str, str] = {}
        self.dialstatus = ""
        self.said: list[str] = []
        self.heard_at_s: list[tuple[float, str]] = []
        self.languages: list[str] = []
        self.dialled: list[str] = []
        self.told_tickets: list[str] = []
        self.steps = 0
        self.rung = 0
        self.holds = 0
        self.let_go = 0
        self.cut = False
        self.spared = 0
        self.hang_up_at = 0
        self.stop_at = 0
        self.stopped = asyncio.Event()
        self.finishing = False
        self.gone = False
        self.done = False
        self.dialplan: asyncio.Task[object] | None = None
        self.key: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.info = CallInfo(
            call_id="hl-1795233600.7",
            channel="PJSIP/trunk-demo-00000007",
            node="hl",
            trunk="demo",
            called_number=script.called,
            caller_number=script.caller,
            caller_name="",
            first_called=script.first_called,
            asserted_caller=script.asserted,
            answered_at=script.now,
            recording="/hotline/recordings/2026/11/21/hl-1795233600.7.wav",
        )

    def seen(self) -> CallInfo:
        """The call as a new AGI session finds it."""
        known = {k: v for k, v in self.variables.items() if v}
        if known:
            known["DIALSTATUS"] = self.dialstatus
        return replace(self.info, variables=known)

    def come_back(self) -> None:
        """The dialplan brings the caller to an engine again."""
        self.info = self.seen()
        self.stop_at = 0

    def leave(self) -> None:
        """The caller hangs up: the dialplan's `h` tells the engine, unless all was done."""
        self.gone = True
        if not self.done:
            self.dialplan = asyncio.ensure_future(hang_up(self.seen(), self._world.desk))

    async def _step(self) -> None:
        self.steps += 1
        await asyncio.sleep(0)
        if self.steps == self.stop_at:
            self.stopped.set()
            await asyncio.Event().wait()
        if self.steps == self.hang_up_at:
            self.leave()
        if self.gone:
            raise CallEnded("hangup")

    async def play(self, prompts: Sequence[str], *, language: str, interrupt: str = "") -> str:
        await self._step()
        assert prompts
        assert all(CATALOGUE.has(language, prompt) for prompt in prompts)
        now_s = asyncio.get_running_loop().time()
        self.said.extend(prompts)
        self.heard_at_s.extend((now_s, prompt) for prompt in prompts)
        self.languages.append(language)
        return ""

    async def ask(
        self,
        prompts: Sequence[str],
        *,
        language: str,
        max_digits: int = 1,
        timeout_s: float = 5.0,
    ) -> str:
        await self.play(prompts, language=language)
        return self._digits.popleft() if self._digits else ""

    async def record(
        self, path: str, *, max_s: float, silence_s: float, beep: bool = True
    ) -> RecordResult:
        length = self._takes.popleft() if self._takes else 0.0
        stored = f"{path.removeprefix('/hotline/')}.wav"
        try:
            await self._step()
        except CallEnded:
            self._world.voice.files[stored] = length / 2
            raise
        self._world.voice.files[stored] = length
        return RecordResult(path, length, "#")

    async def play_file(self, path: str, *, interrupt: str = "") -> str:
        await self._step()
        self.said.append(path)
        return ""

    async def music(self, on: bool) -> None:
        await self._step()

    async def hold(self, wake: Awaitable[T]) -> T:
        """A caller with nothing more to do leaves in the end."""
        self.holds += 1
        waiting = asyncio.ensure_future(wake)
        try:
            await self._step()
            if self.holds > 12:
                self.leave()
                raise CallEnded("hangup")
            return await waiting
        finally:
            waiting.cancel()

    async def hold_until(
        self, awaited: "Sequence[asyncio.Future[Any]]", within_s: float | None
    ) -> None:
        any_of = asyncio.FIRST_COMPLETED
        await self.hold(asyncio.wait(awaited, timeout=within_s, return_when=any_of))

    async def announce(
        self,
        prompts: Sequence[str],
        *,
        language: str,
        until: "asyncio.Future[Any]",
        keys: str = "",
        timeout_s: float = 0.0,
    ) -> str:
        """A word takes a tenth of a second; the caller answers questions only."""
        for prompt in prompts:
            if until.done():
                return ""
            await self.play((prompt,), language=language)
        if timeout_s == 0.0 or until.done():
            return ""
        await self._step()
        digit = self._digits.popleft() if self._digits else ""
        if not digit:
            await asyncio.wait({until}, timeout=timeout_s)
        return digit if digit in keys else ""

    def end_ring(self, *, answered: bool = False) -> "ScriptedCall":
        self.let_go += 1
        if self.cut:
            self.variables["STAGE"] = "queued"
        return self

    def spare(self) -> bool:
        """Whether a seat that picks up while its ring is being ended keeps him."""
        self.spared += 1
        return not self.cut

    def note(self, **variables: str) -> None:
        self.variables.update(variables)

    def next_key(self) -> "asyncio.Future[str]":
        self.key = asyncio.get_running_loop().create_future()
        return self.key

    async def dial(
        self,
        endpoint: str,
        *,
        ring_s: float,
        on_answer: Callable[[datetime], Awaitable[None]],
        variables: Mapping[str, str] | None = None,
    ) -> DialResult:
        self.variables.update(variables or {})
        self.dialstatus = ""
        await self._step()
        self.rung += 1
        status = self._seats.popleft()
        self.dialled.append(endpoint)
        self.dialstatus = status
        if status is not DialStatus.ANSWER:
            return DialResult(status)
        told = asyncio.ensure_future(self._tell(on_answer))
        try:
            if self._world.script.hears_ami:
                await asyncio.sleep(0)
            else:
                told.cancel()
            await self._step()  # the talk
        except CallEnded:
            await asyncio.wait({told})
            raise
        if told.cancelled():
            await on_answer(self._world.script.now)
        else:
            await told
        return DialResult(DialStatus.ANSWER, 12.0)

    async def _tell(self, on_answer: Callable[[datetime], Awaitable[None]]) -> None:
        await on_answer(self._world.script.now)

    async def transfer(
        self,
        target: str,
        *,
        caller: str,
        first_called: str,
        ticket: str = "",
        on_answer: Callable[[datetime], Awaitable[None]] | None = None,
    ) -> DialResult:
        self.dialstatus = ""
        await self._step()
        self.dialled.append(f"{target} {caller} {first_called}")
        self.told_tickets.append(ticket)
        self.dialstatus = self._transfers.popleft() if self._transfers else DialStatus.CONGESTION
        if self.dialstatus == DialStatus.ANSWER:
            if on_answer is not None:
                await on_answer(self._world.script.now)
            await self._step()  # the talk
        return DialResult(DialStatus(self.dialstatus))

    async def moment(self) -> None:
        await self._step()

    async def join(self, leg: str, *, beside: bool = False) -> bool:
        await self._step()
        self.dialled.append(f"{'beside' if beside else 'with'} {leg}")
        return True

    async def remember(self, **variables: str) -> None:
        await self._step()
        self.variables.update(variables)

    async def finish(self) -> None:
        self.finishing = True
        await self._step()
        self.done = True
