"""When keys are listened to at all."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from telephony.events import ChannelSeen, KeyPressed
from telephony.keys import QUIET_S, SAME_KEY, Keys
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


@in_virtual_time
async def test_a_key_that_the_session_has_already_is_no_second_one() -> None:
    """It ended a prompt, and AMI tells of it only when he waits: it counts once. Another key, the
    same one again, or another caller's, counts."""
    keys = Keys(Ears())
    for key, call_id in (("2", "a"), ("2", "a"), ("3", "a"), ("2", "b")):
        keys.told(call_id, key)
    pressed = keys.expect("a")
    for _ in range(2):
        keys.tell(KeyPressed("a", "2", datetime.now(UTC)))
    await asyncio.sleep(0)
    assert not pressed.done()
    keys.tell(KeyPressed("a", "2", datetime.now(UTC)))
    assert pressed.result() == "2"
    pressed = keys.expect("a")
    keys.tell(KeyPressed("a", "3", datetime.now(UTC) + SAME_KEY))
    assert pressed.result() == "3"
