"""The end of a ring, brought about over AMI: the seat's leg is hung up, its caller stays.

Asterisk has no "hang up unless it has answered", so a seat may pick up in the very moment. Until
the hang-up is sent the answer is the stronger one: whoever hears it calls `spare`. Once it is sent
there is no talk, whatever Asterisk says of an answer; the caller's channel is told so first, so
that neither his own hang-up nor an engine's death in between makes a talk of it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import structlog

from telephony.errors import ActionFailed, NotConnected
from telephony.events import ChannelSeen

log = structlog.get_logger(__name__)


class Manager(Protocol):
    """What is needed of the AMI here."""

    async def action(
        self, name: str, fields: Mapping[str, str] | None = None, *, timeout_s: float = 5.0
    ) -> Any: ...

    async def channels(self) -> Sequence[ChannelSeen]: ...


class EndingRing:
    """One ring being ended; implements `telephony.call.RingEnd`.

    `answered` hangs up a leg that has been answered, too. While AMI is away the seat rings on.
    """

    def __init__(self, manager: Manager, call_id: str, channel: str, *, answered: bool) -> None:
        self._manager = manager
        self._call_id = call_id
        self._channel = channel
        self._answered = answered
        self._sent = False
        self.task = asyncio.create_task(self._end())

    def spare(self) -> bool:
        """See `telephony.call.RingEnd`. When it isn't known whether the hang-up arrived (the
        connection broke in this moment) it counts as sent: rather asked twice than let go."""
        if self._sent:
            return False
        self.task.cancel()
        return True

    async def _end(self) -> None:
        try:
            legs = [leg for leg in await self._manager.channels() if self._rings(leg)]
            if not legs:
                return
            self._sent = True
            await self._act("Setvar", self._channel, Variable="HL_STAGE", Value="queued")
            for leg in legs:
                await self._act("Hangup", leg.channel)
        except (NotConnected, ActionFailed) as error:
            self._sent = self._sent and not isinstance(error, NotConnected)
            log.warning("ring_not_ended", call_id=self._call_id, error=str(error))

    def _rings(self, leg: ChannelSeen) -> bool:
        mine = leg.linked_id == self._call_id != leg.call_id
        return mine and (self._answered or not leg.up)

    async def _act(self, name: str, channel: str, **fields: str) -> None:
        await self._manager.action(name, {"Channel": channel, **fields})
