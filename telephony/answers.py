"""Tells a dialling call that its seat has answered: the AMI knows it, the AGI session doesn't."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from telephony.events import SeatAnswered, SnapshotTaken

OnAnswer = Callable[[datetime], Awaitable[None]]

log = structlog.get_logger(__name__)


class Ringing:
    """One ring attempt being watched; `on_answer` runs once at most."""

    __slots__ = ("_heard", "_on_answer", "_task", "endpoint")

    def __init__(self, endpoint: str, on_answer: OnAnswer) -> None:
        self.endpoint = endpoint
        self._on_answer = on_answer
        self._heard: asyncio.Future[datetime] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    def answered(self, at: datetime) -> None:
        """The seat answered; a second word of it changes nothing."""
        if self._task is None:
            self._heard.set_result(at)
            self._task = asyncio.create_task(self._tell(at))

    @property
    def is_answered(self) -> bool:
        return self._heard.done()

    async def heard(self, *, within_s: float, otherwise: datetime) -> datetime:
        """When the seat answered. AMI's word may be a moment behind AGI's, or AMI may be away:
        `otherwise` stands in then."""
        if not self._heard.done():
            await asyncio.wait({self._heard}, timeout=within_s)
        self.answered(otherwise)
        return self._heard.result()

    async def told(self) -> None:
        """Wait until `on_answer`, if it was begun, has come to its end."""
        if self._task is not None:
            await self._task

    async def _tell(self, at: datetime) -> None:
        try:
            await self._on_answer(at)
        except Exception:
            # The talk is going on: it must not end because a ticket could not be drafted.
            log.exception("answer_not_taken", endpoint=self.endpoint)


class AnswerRegistry:
    """Ring attempts by the caller's call_id."""

    def __init__(self) -> None:
        self._ringing: dict[str, Ringing] = {}

    def expect(self, call_id: str, endpoint: str, on_answer: OnAnswer) -> Ringing:
        """Watch one ring attempt until `forget`; endpoint "" takes any side's answer."""
        ringing = self._ringing[call_id] = Ringing(endpoint, on_answer)
        return ringing

    def forget(self, call_id: str, ringing: Ringing) -> None:
        """Stop watching; a newer attempt of the same call is left alone."""
        if self._ringing.get(call_id) is ringing:
            del self._ringing[call_id]

    def tell(self, event: SeatAnswered) -> None:
        """Take AMI's word; one about another seat or a finished attempt is stale and ignored."""
        ringing = self._ringing.get(event.call_id)
        if ringing is not None and ringing.endpoint in ("", event.endpoint):
            ringing.answered(event.at)

    def take(self, seen: SnapshotTaken) -> None:
        """An answer while AMI was away: a caller who is bridged while we ring for him talks."""
        for channel in seen.channels:
            ringing = self._ringing.get(channel.call_id)
            if ringing is not None and channel.bridged:
                ringing.answered(seen.at)
