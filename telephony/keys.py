"""What is done for a waiting caller over AMI, beside his FastAGI session: his keys are heard, an
announcement to him is cut short, a seat that rings for him is let go, a word noted on his channel.

`SET MUSIC` leaves the channel idle and discards digits, but Asterisk tells of each on AMI
(`DTMFEnd`): nothing has to run for a held caller. The other way round a running STREAM FILE can be
ended only by a digit, so we press one for him that no telephone has (`PlayDTMF`, `Receive`).
https://docs.asterisk.org/Asterisk_22_Documentation/API_Documentation/AMI_Actions/PlayDTMF/
"""

import asyncio
from collections import deque
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import structlog

from telephony import ring_end
from telephony.errors import ActionFailed, NotConnected
from telephony.events import KeyPressed

SAME_KEY = timedelta(seconds=1)
"""AMI's word of a key comes on another connection than the session's own, before it or after."""
MOST_TOLD = 512
QUIET_S = 10.0
"""So long nobody must wait for a key until they are no longer told."""
WAKE_KEY = "D"
WAKE_MS = "200"
"""Longer than Asterisk's least length of a digit: it counts at once, nothing is made up for it."""

log = structlog.get_logger(__name__)


class Manager(ring_end.Manager, Protocol):
    """What is needed of the AMI here."""

    def hear_keys(self, wanted: bool) -> None: ...

    async def look_after(self, endpoint: str) -> None: ...


class Keys:
    """Who waits for a key, by call_id; and the short tasks of the rest."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._expected: dict[str, asyncio.Future[str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._told: deque[tuple[str, str, datetime]] = deque(maxlen=MOST_TOLD)

    def told(self, call_id: str, key: str) -> None:
        """The session has this key by a command of its own (a prompt that it ended). AMI's word of
        it, should that come only now, is no second key."""
        self._told.append((call_id, key, datetime.now(UTC)))

    def expect(self, call_id: str) -> asyncio.Future[str]:
        """The next key of this caller. Cancel it when it is no longer wanted; none comes while AMI
        is away. A second one for the same call takes the first one's place."""
        key: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._expected[call_id] = key
        self._manager.hear_keys(True)
        return key

    def forget(self, call_id: str) -> None:
        """The call is over here."""
        if self._expected.pop(call_id, None) is not None and not self._expected:
            asyncio.get_running_loop().call_later(QUIET_S, self._hear_no_more)

    def _hear_no_more(self) -> None:
        if not self._expected:
            self._manager.hear_keys(False)

    def tell(self, event: KeyPressed) -> None:
        """Take AMI's word of a key; one that nobody waits for is passed over, and one that the
        session has already."""
        for told in self._told:
            call_id, digit, at = told
            if (call_id, digit) == (event.call_id, event.key) and event.at < at + SAME_KEY:
                self._told.remove(told)
                return
        key = self._expected.get(event.call_id)
        if key is not None and not key.done() and event.key != WAKE_KEY:
            self.forget(event.call_id)
            key.set_result(event.key)

    def wake(self, channel: str) -> None:
        """End what is being played to this channel; returns at once. While AMI is away it plays
        to its end."""
        self._spawn(self._press(channel))

    def end_ring(self, call_id: str, channel: str, *, answered: bool) -> ring_end.EndingRing:
        """Hang up whom this caller's Dial has rung; `answered`: also when it has just answered.
        Returns at once. While AMI is away it rings to its end."""
        ending = ring_end.EndingRing(self._manager, call_id, channel, answered=answered)
        self._tasks.add(ending.task)
        ending.task.add_done_callback(self._tasks.discard)
        return ending

    def note(self, channel: str, variables: Mapping[str, str]) -> None:
        """Write variables on a channel whose session is busy; returns at once."""
        self._spawn(self._write(channel, variables))

    def look_after(self, endpoint: str) -> None:
        """It rings there, and nobody picks up: is the telephone there at all? Returns at once."""
        self._spawn(self._look(endpoint))

    async def remember(self, channel: str, variables: Mapping[str, str]) -> None:
        """Write variables on a channel whose session is busy. While AMI is away they aren't
        written: a new engine would know the call as it stood before."""
        fields = ({"Channel": channel, "Variable": n, "Value": v} for n, v in variables.items())
        try:
            await asyncio.gather(*(self._manager.action("Setvar", told) for told in fields))
        except (NotConnected, ActionFailed) as error:
            log.warning("call_not_remembered", channel=channel, error=str(error))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, endpoint: str) -> None:
        try:
            await self._manager.look_after(endpoint)
        except (NotConnected, ActionFailed) as error:
            log.info("phone_not_asked", endpoint=endpoint, error=str(error))

    async def _write(self, channel: str, variables: Mapping[str, str]) -> None:
        try:
            for name, value in variables.items():
                fields = {"Channel": channel, "Variable": name, "Value": value}
                await self._manager.action("Setvar", fields)
        except (NotConnected, ActionFailed) as error:
            log.warning("note_not_written", channel=channel, error=str(error))

    async def _press(self, channel: str) -> None:
        fields = {
            "Channel": channel,
            "Digit": WAKE_KEY,
            "Duration": WAKE_MS,
            "Receive": "true",
        }
        try:
            await self._manager.action("PlayDTMF", fields)
        except (NotConnected, ActionFailed) as error:
            log.info("announcement_not_cut", error=str(error))
