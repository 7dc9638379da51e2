"""Tells watchers that something changed: at most once per interval, and free when nobody looks."""

import asyncio
from collections.abc import Callable

import structlog

_INTERVAL_S = 0.05

log = structlog.get_logger(__name__)

Watcher = Callable[[], None]


class Board:
    """The watchers of one tenant's queue. They are told that, not what: they read it then."""

    def __init__(self) -> None:
        self._watchers: dict[object, Watcher] = {}
        self._timer: asyncio.TimerHandle | None = None

    def subscribe(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` soon after changes; returns what ends the subscription."""
        key = object()
        self._watchers[key] = watcher

        def unsubscribe() -> None:
            self._watchers.pop(key, None)

        return unsubscribe

    def changed(self) -> None:
        """Something changed."""
        if self._watchers and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_INTERVAL_S, self._tell)

    def close(self) -> None:
        """No more calls to anybody."""
        self._watchers.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self) -> None:
        self._timer = None
        for watcher in tuple(self._watchers.values()):
            try:
                watcher()
            except Exception:
                log.exception("board_watcher_failed")
