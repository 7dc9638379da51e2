"""A manager link that stays: connects, watches the pongs, connects again with backoff."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from panoramisk.message import Message

from telephony import counters
from telephony.errors import ActionFailed, NotConnected
from telephony.manager import GuardedManager

FIRST_BACKOFF_S = 0.1
LONGEST_BACKOFF_S = 1.0
"""It is loopback: to ask costs nothing, and while nobody answers calls wait."""

log = structlog.get_logger(__name__)


class AmiLink:
    """One logged-in connection, as long as Asterisk is there.

    `take` gets every event (it must only queue it), `up` and `down` are told of each change.
    """

    def __init__(
        self,
        name: str,
        config: Mapping[str, Any],
        *,
        take: Callable[[Message], None],
        up: Callable[[], None],
        down: Callable[[], None],
        ping_s: float,
        answer_s: float,
    ) -> None:
        self.name = name
        self._config = config
        self._take = take
        self._up = up
        self._down = down
        self._ping_s = ping_s
        self._answer_s = answer_s
        self._manager: GuardedManager | None = None

    @property
    def connected(self) -> bool:
        return self._manager is not None and not self._manager.lost.done()

    async def run(self) -> None:
        """Keep the link; ends only by cancellation."""
        backoff_s = FIRST_BACKOFF_S
        while True:
            if await self._once():
                backoff_s = FIRST_BACKOFF_S
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, LONGEST_BACKOFF_S)

    async def act(
        self, name: str, fields: Mapping[str, str], *, timeout_s: float, as_list: bool = False
    ) -> Any:
        """See GuardedManager.act; raises NotConnected while the link is down."""
        if self._manager is None:
            raise NotConnected(f"the manager link for {self.name} is down; nothing was sent")
        return await self._manager.act(name, fields, timeout_s=timeout_s, as_list=as_list)

    def drop(self, reason: str) -> None:
        """Give the connection up; `run` makes a new one."""
        if self._manager is not None:
            log.error("ami_link_dropped", link=self.name, reason=reason)
            self._manager.close()

    async def _once(self) -> bool:
        """One connection from beginning to end; whether it came up at all."""
        manager = GuardedManager(self._take, **self._config)
        try:
            await manager.connect_once(self._answer_s)
        except (OSError, NotConnected) as error:
            log.warning("ami_not_reachable", link=self.name, error=str(error))
            return False
        except ActionFailed as error:
            log.error("ami_login_refused", link=self.name, error=str(error))
            return False
        else:
            await self._while_up(manager)
            return True
        finally:
            manager.close()

    async def _while_up(self, manager: GuardedManager) -> None:
        self._manager = manager
        counters.AMI_RECONNECTS.labels(self.name).inc()
        counters.AMI_CONNECTED.labels(self.name).set(1)
        log.info("ami_link_up", link=self.name)
        self._up()
        try:
            await self._watch(manager)
        finally:
            self._manager = None
            counters.AMI_CONNECTED.labels(self.name).set(0)
            log.warning("ami_link_down", link=self.name)
            self._down()

    async def _watch(self, manager: GuardedManager) -> None:
        """Return when the connection is lost, or a ping finds no pong."""
        with contextlib.suppress(ActionFailed, NotConnected):
            while not manager.lost.done():
                await asyncio.wait({manager.lost}, timeout=self._ping_s)
                await manager.act("Ping", {}, timeout_s=self._answer_s, as_list=False)
