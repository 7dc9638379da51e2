"""panoramisk's AMI manager with guards: one connection, no replay, nothing lost in decoding.

What is guarded, and why, is numbered after docs/decisions/0041-guarded-panoramisk.md.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager
from panoramisk.message import Message

from telephony import counters
from telephony.agi import checked
from telephony.errors import ActionFailed, NotConnected, UnsafeValue
from telephony.told import EventTold, is_event

MESSAGE_LIMIT_BYTES = 1_048_576
GREETING = b"Asterisk Call Manager/"
END = b"\r\n\r\n"

log = structlog.get_logger(__name__)


class GuardedAction(Action):  # type: ignore[misc]  # panoramisk has no types
    """An action whose refusal ends it: panoramisk awaits a list for ever after `Error`."""

    @property
    def multi(self) -> bool:
        return bool(self.as_list) and self.responses[0].response != "Error"


class GuardedProtocol(AMIProtocol):  # type: ignore[misc]  # panoramisk has no types
    """Frames bytes before decoding them, and outlives what a single message does wrong."""

    closed: bool

    def __init__(self, manager: "GuardedManager") -> None:
        self._manager = manager
        self._bytes = b""
        self._greeted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.factory = self._manager  # messages may come before panoramisk sets it

    def data_received(self, data: bytes) -> None:
        if self.closed:
            return
        *blocks, self._bytes = (self._bytes + data).split(END)
        if not self._greeted and not self._greets([*blocks, self._bytes][0]):
            self._drop("not_a_manager")
        elif len(self._bytes) > MESSAGE_LIMIT_BYTES:
            self._drop("message_too_long")
        else:
            for block in blocks:
                if not self.closed:
                    self._take(block)

    def _greets(self, first: bytes) -> bool:
        self._greeted = first.startswith(GREETING)
        return self._greeted or GREETING.startswith(first)

    def _take(self, block: bytes) -> None:
        try:
            text = block.decode("utf-8", "replace").strip()
            if is_event(text):
                self._manager.dispatch(EventTold(text))
            elif message := Message.from_line(text):
                self.handle_message(message)
        except Exception:
            counters.AMI_BAD_MESSAGES.labels("unreadable").inc()
            log.exception("ami_message_not_taken")

    def _drop(self, reason: str) -> None:
        counters.AMI_BAD_MESSAGES.labels(reason).inc()
        log.error("ami_peer_dropped", reason=reason)
        self._bytes = b""
        self.transport.abort()

    def close(self) -> None:
        """Fail what awaits an answer (panoramisk would send it again some day) and close."""
        for action in {id(a): a for a in self.responses.values()}.values():
            if not action.future.done():
                action.future.set_exception(ActionFailed("the manager connection was lost"))
                action.future.exception()  # marked as seen: its waiter may have given up
        self.responses.clear()
        if not self.closed:
            self.closed = True
            self.transport.close()


class GuardedManager(Manager):  # type: ignore[misc]  # panoramisk has no types
    """One connection's life: `connect_once`, actions, `lost`. Connecting again is the link's."""

    pinger: asyncio.TimerHandle | None
    awaiting_actions: deque[Action]

    def __init__(self, take: Callable[[Message], None], **config: Any) -> None:
        loop = asyncio.get_running_loop()
        protocol_factory = lambda: GuardedProtocol(self)  # noqa: E731 - read by panoramisk's config
        super().__init__(loop=loop, protocol_factory=protocol_factory, **config)
        self._take = take
        self._refused = False
        self.lost: asyncio.Future[None] = loop.create_future()

    async def connect_once(self, timeout_s: float) -> None:
        """Connect and log in; raises OSError, NotConnected (no answer) or ActionFailed (refused).

        `authenticated` is true afterwards.
        """
        connecting = self.connect()
        try:
            async with asyncio.timeout(timeout_s):
                await connecting
                await asyncio.wait({self.authenticated_future})
        except TimeoutError:
            raise NotConnected(f"no answer within {timeout_s} s") from None
        if self._refused:
            raise ActionFailed("the manager interface refused user or secret (manager.conf)")
        if not self.authenticated:
            raise NotConnected("the connection closed before the login was answered")

    async def act(
        self, name: str, fields: Mapping[str, str], *, timeout_s: float, as_list: bool
    ) -> Any:
        """Send one action and await its answer: a Message, or the list of them.

        Raises NotConnected when there is nothing to send on, UnsafeValue before a CR or LF is
        sent, ActionFailed when refused, unanswered in time or cut off. It is never sent again.
        """
        protocol = self.protocol
        if protocol is None or protocol.closed or self.lost.done():
            raise NotConnected("the manager connection is away; nothing was sent")
        for key, value in fields.items():
            if ":" in checked(key) or not checked(value).isprintable():
                raise UnsafeValue(f"action {name}: unprintable {key}={value!r}")
        action = GuardedAction({"Action": name, **fields}, as_list=as_list)
        future = protocol.send(action, as_list=as_list)
        try:
            async with asyncio.timeout(timeout_s):
                answer = await future
        except TimeoutError:
            counters.AMI_LATE_ACTIONS.inc()
            raise ActionFailed(f"no answer to action {name} within {timeout_s} s") from None
        finally:
            protocol.responses.pop(action.id, None)
        first = answer[0] if isinstance(answer, list) else answer
        if not first.success:
            raise ActionFailed(f"action {name}: {first.message or first.response}")
        return answer

    def connection_made(self, connecting: "asyncio.Future[Any]") -> None:
        # panoramisk retries by itself for ever, also after close, and fails on a cancelled try.
        if not connecting.cancelled() and connecting.exception() is None:
            super().connection_made(connecting)

    def connection_lost(self, exc: Any) -> None:
        self._stop_pinging()
        if not self.lost.done():
            self.lost.set_result(None)

    def dispatch(self, event: Message) -> list[str]:
        """Every event goes to one taker, which only queues it."""
        self._take(event)
        return []

    def login(self, future: "asyncio.Future[Any]") -> bool:
        if future.cancelled() or future.exception() is not None:
            return False
        self._refused = not super().login(future)
        self._stop_pinging()
        return not self._refused

    def ping(self) -> None:
        """Nothing: panoramisk doesn't look at the Pong; the link's watch does."""

    def close(self) -> None:
        super().close()
        if not self.lost.done():
            self.lost.set_result(None)

    def _stop_pinging(self) -> None:
        if self.pinger is not None:
            self.pinger.cancel()
            self.pinger = None
        self.awaiting_actions = deque()
