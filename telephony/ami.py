"""The manager interface as a stream of events and a place for actions.

Two links: one only for events, one for actions. After each (re)connection events are kept back,
a snapshot is taken over the other link, hang-ups that were missed are made up for, and then the
kept events follow. https://docs.asterisk.org (AMI, action Status and PJSIPShowContacts)
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from panoramisk.message import Message

from telephony import counters
from telephony.errors import ActionFailed, NotConnected
from telephony.events import (
    ChannelHungUp,
    ChannelSeen,
    ConnectionLost,
    Event,
    SnapshotTaken,
)
from telephony.link import AmiLink
from telephony.translate import (
    STATUS_VARIABLES,
    Contacts,
    channel_seen,
    hung_up,
    key_pressed,
    leg_begun,
    leg_hung_up,
    originate_ended,
    seat_answered,
    told_at,
)

USER = "hotline"
INBOX_LIMIT = 20_000
SNAPSHOT_S = 30.0
RETRY_S = 0.2
UNKNOWN_CAUSE = 0
NODE_CHANNELS = "PJSIP/node-"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Up:
    """The event link is up and Asterisk fully booted."""


@dataclass(frozen=True, slots=True)
class _Down:
    """The event link is down."""

    at: datetime


HEARD = "system,call"


class Ami:
    """Asterisk's manager interface. `start`, read `events()` (one reader), `close`."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        secret: str,
        ping_s: float = 10.0,
        answer_s: float = 5.0,
        inbox_limit: int = INBOX_LIMIT,
    ) -> None:
        login = {"host": host, "port": port, "username": USER, "secret": secret}
        self._inbox: asyncio.Queue[Message | _Up | _Down] = asyncio.Queue()
        self._inbox_limit = inbox_limit
        self._booted = False
        self._at_once: Callable[[Event], None] | None = None
        self._caught_up = False
        self._alive: dict[str, str] = {}
        self._contacts = Contacts()
        self._answer_s = answer_s
        self._keys_wanted = False
        self._asking: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._events = AmiLink(
            "events",
            {**login, "events": HEARD},
            take=self._take,
            up=self._hear_again,
            down=self._events_down,
            ping_s=ping_s,
            answer_s=answer_s,
        )
        self._actions = AmiLink(
            "actions",
            {**login, "events": "off"},
            take=_ignore,
            up=_nothing,
            down=_nothing,
            ping_s=ping_s,
            answer_s=answer_s,
        )

    def hear_keys(self, wanted: bool) -> None:
        """Whether callers' keys are told as events; returns at once, holds over reconnections.

        Only while somebody waits for one: every key of every greeting would wake us else.
        """
        if wanted is not self._keys_wanted:
            self._keys_wanted = wanted
            self._hear()

    def _hear_again(self) -> None:
        """A new connection tells what its login named."""
        if self._keys_wanted:
            self._hear()

    def _hear(self) -> None:
        task = asyncio.create_task(self._ask_to_hear())
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask_to_hear(self) -> None:
        mask = f"{HEARD},dtmf" if self._keys_wanted else HEARD
        try:
            await self._events.act("Events", {"EventMask": mask}, timeout_s=self._answer_s)
        except (NotConnected, ActionFailed) as error:
            log.info("events_not_chosen", mask=mask, error=str(error))

    async def start(self) -> None:
        """Begin to connect; doesn't wait for it."""
        for link in (self._events, self._actions):
            self._tasks.append(asyncio.create_task(link.run(), name=f"ami-{link.name}"))

    async def close(self) -> None:
        """Close both connections; events end."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def connected(self) -> bool:
        """True when events come in and actions go out."""
        return self._booted and self._events.connected and self._actions.connected

    def track(self, call_id: str, channel: str) -> None:
        """Count a channel among the living: its end is told even when AMI was away then."""
        self._alive[call_id] = channel

    async def action(
        self, name: str, fields: Mapping[str, str] | None = None, *, timeout_s: float = 5.0
    ) -> Message:
        """Send one action over the action link; its answer.

        Raises NotConnected (nothing was sent), UnsafeValue, ActionFailed (refused, no answer in
        time, connection lost). Nothing is ever sent twice: whoever asked decides anew.
        """
        answer = await self._actions.act(name, fields or {}, timeout_s=timeout_s)
        assert isinstance(answer, Message)
        return answer

    async def look_after(self, endpoint: str) -> None:
        """Have Asterisk ask a telephone now whether it is there, if it has ever said so: one that
        is silent is told as an event."""
        if self._contacts.answers(endpoint):
            await self.action("PJSIPQualify", {"Endpoint": endpoint})

    async def channels(self) -> tuple[ChannelSeen, ...]:
        """Every living channel with its HL_ variables; raises as `action` does."""
        fields = {"Variables": STATUS_VARIABLES, "AllVariables": "false"}
        listed = await self._actions.act("Status", fields, timeout_s=SNAPSHOT_S, as_list=True)
        return tuple(channel_seen(m) for m in listed if m.event == "Status")

    def tell_at_once(self, take: Callable[[Event], None]) -> None:
        """Give `take` what comes while nothing waits to be read: most events need no queue and no
        task's turn then. What can't be told so comes by `events`, as ever; the order is kept."""
        self._at_once = take

    async def events(self) -> AsyncIterator[Event]:
        """What Asterisk tells, in order, but for what is told at once; a SnapshotTaken follows
        each (re)connection."""
        was_up = False
        try:
            while True:
                item = await self._inbox.get()
                if isinstance(item, Message):
                    if event := self._event(item):
                        yield event
                elif isinstance(item, _Up):
                    self._caught_up = False
                    async for event in self._snapshot():
                        was_up = True
                        yield event
                    self._caught_up = self._booted
                elif was_up:
                    was_up = False
                    yield ConnectionLost(item.at)
        finally:
            self._caught_up = False

    async def _snapshot(self) -> AsyncIterator[Event]:
        """Ask until Asterisk tells what lives, or the event link falls."""
        while self._booted:
            known = dict(self._alive)
            try:
                channels = await self.channels()
                await self._ask_contacts()
            except (NotConnected, ActionFailed) as error:
                log.debug("ami_snapshot_again", error=str(error))
                await asyncio.sleep(RETRY_S)
                continue
            now = datetime.now(UTC)
            for event in self._missed(known, channels, now):
                yield event
            yield SnapshotTaken(channels, self._contacts.reachable, now)
            return

    def _missed(
        self, known: Mapping[str, str], channels: tuple[ChannelSeen, ...], now: datetime
    ) -> Iterator[Event]:
        """The hang-ups of channels known before the snapshot was asked for, and not in it."""
        living = {c.call_id: c.channel for c in channels}
        for call_id, channel in known.items():
            if call_id not in living and self._alive.pop(call_id, ""):
                yield ChannelHungUp(call_id, channel, UNKNOWN_CAUSE, now)
        self._alive |= living

    async def _ask_contacts(self) -> None:
        try:
            listed = await self._actions.act(
                "PJSIPShowContacts", {}, timeout_s=SNAPSHOT_S, as_list=True
            )
        except ActionFailed as error:
            if "No Contacts found" not in str(error):
                raise
            listed = []
        self._contacts.replace(listed)

    def _event(self, message: Message) -> Event | None:
        try:
            return self._translated(message)
        except Exception:
            counters.AMI_BAD_MESSAGES.labels("unreadable").inc()
            log.exception("ami_event_not_taken", event_name=message.event)
            return None

    def _translated(self, message: Message) -> Event | None:
        now = told_at(message)
        match message.event:
            case "Hangup":
                ended = hung_up(message, now)
                self._alive.pop(ended.call_id, None)
                if ended.channel.startswith(NODE_CHANNELS):
                    return leg_hung_up(message, now)
                return ended
            case "UserEvent":
                return leg_begun(message, now)
            case "DialEnd":
                return seat_answered(message, now)
            case "OriginateResponse":
                return originate_ended(message, now)
            case "DTMFEnd":
                return key_pressed(message, now)
            case "ContactStatus":
                status = message.contactstatus
                return self._contacts.take(message.endpointname, message.uri, status, now)
            case _:
                return None

    def _take(self, message: Message) -> None:
        if message.event == "FullyBooted":
            self._booted = True
            self._inbox.put_nowait(_Up())
        elif self._caught_up and self._at_once is not None and self._inbox.empty():
            if event := self._event(message):
                self._at_once(event)
        elif self._inbox.qsize() < self._inbox_limit:
            self._inbox.put_nowait(message)
        else:
            # Something must be given up: better all, and the snapshot tells the truth again.
            counters.AMI_BAD_MESSAGES.labels("inbox_full").inc()
            self._events.drop("inbox_full")

    def _events_down(self) -> None:
        self._booted = self._caught_up = False
        self._inbox.put_nowait(_Down(datetime.now(UTC)))


def _nothing() -> None:
    """No one waits for this."""


def _ignore(message: Message) -> None:
    """The action link has no events of its own."""
