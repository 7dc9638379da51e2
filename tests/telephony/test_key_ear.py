"""When keys are listened to at all."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from telephony.events import ChannelSeen, KeyPressed
from telephony.keys import QUIET_S, Keys
from tests.ivr.script import in_virtual_time

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


class Ears:
    def __init__(self) -> None:
        self.heard: list[bool] = []

    async def action(
        self, name: str, fields: Mapping[str, str] | None = None, *, timeout_s: float = 5.0
    ) -> Any:
        raise AssertionError("nothing is asked here")

    async def channels(self) -> tuple[ChannelSeen, ...]:
        return ()

    async def look_after(self, endpoint: str) -> None:
        raise AssertionError("nobody rings here")

    def hear_keys(self, wanted: bool) -> None:
        self.heard.append(wanted)


@in_virtual_time
async def test_nothing_is_heard_any_more_when_nobody_waits_for_some_time() -> None:
    ears = Ears()
    keys = Keys(ears)
    keys.expect("a")
    keys.expect("b")
    keys.tell(KeyPressed("a", "2", NOW))
    await asyncio.sleep(QUIET_S * 2)
    assert False not in ears.heard, "somebody still waits"
    keys.forget("b")
    await asyncio.sleep(QUIET_S / 2)
    keys.expect("c")
    await asyncio.sleep(QUIET_S)
    assert False not in ears.heard, "a new one waits"
    keys.forget("c")
    await asyncio.sleep(QUIET_S + 1)
    assert ears.heard[-1] is False
