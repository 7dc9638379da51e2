"""What tests of follow-up calls share: a tenant whose hours are now, a complaint and its reply."""

import asyncio
import json
import re
import time
from datetime import UTC, datetime
from typing import Any

import yaml

from hotline.policies import preset_path
from simulator.citizens import Citizen
from simulator.phones import Phone
from simulator.sipp import Address, Event
from tests.e2e.callbacks import VOICE, House, person_wanted
from tests.e2e.installation import TENANTS, Installation
from tests.e2e.prompts import brief_cache
from tests.e2e.telling import UNIT, tell

TRIES = 2
SAYS_S = 0.3
"""So much of a greeting is heard before a key is pressed."""
HEEDED_S = 5.0


def following_up(own: Address) -> Installation:
    """An installation that phones citizens at `own`, twice at most, a second apart. It stands where
    it is one o'clock in the afternoon: nobody is phoned at night."""
    ahead_h = 13 - datetime.now(UTC).hour
    toml = f"""{TENANTS}dial = "{own}"

[[outbound]]
number = "139*"
trunk = "carrier"
"""
    there = f'time_zone = "Etc/GMT{-ahead_h:+d}"\npolicy_file = "policy.yaml"\nring_s = 4'
    installation = Installation(
        toml.replace("ring_s = 4", there), agi_tries=60, cache=brief_cache()
    )
    policy = yaml.safe_load(preset_path("guangxi").read_text())
    hours = ["08:00-21:00"]
    policy["follow_up"] = {
        "hours": hours, "days_off": hours, "tries": TRIES, "again_after_h": [0.0003],
        "ring_s": 20, "at_once": 1,
    }  # fmt: skip
    (installation.home / "policy.yaml").write_text(yaml.safe_dump(policy, allow_unicode=True))
    return installation


class Case:
    """One citizen's complaint in a house that follows up."""

    def __init__(self, house: House, caller: str) -> None:
        self.house = house
        self.caller = caller
        self.number = ""

    @property
    def phone(self) -> Phone:
        return self.house.phone

    async def taken(self) -> None:
        """He calls, a seat answers and hangs up; the call has left a ticket."""
        house = self.house
        await house.seat_is("ready")
        seen = len(house.seats.events)
        async with Citizen(self.caller, house.hotline.sip).dial("12345", voice=VOICE) as call:
            await person_wanted(call)
            talk = await house.seats.wait_for("answered", seen=seen, within_s=40)
            house.seats.hang_up(talk)
            await call.ended(within_s=40)
        await house.until(lambda: bool(house.tickets(self.caller)), "the ticket")
        (ticket,) = await asyncio.to_thread(house.tickets, self.caller)
        self.number = ticket["number"]

    async def answered(self, *, first: bool = True) -> None:
        """It is submitted and dispatched (the first time), signed, replied to, and passes."""
        about = {"title": "路灯不亮", "text": "青秀区民族大道路灯坏了", "kind": "complaint"}
        begin = [("seat", "submitted", about), ("reviewer", "dispatched", {"lead": UNIT})]
        steps = [
            *(begin if first else ()),
            ("department", "signed", {}),
            ("department", "contacted", {"how": "phone"}),
            ("department", "replied", {"reply": "路灯已经修好,请市民放心。"}),
            ("reviewer", "reply_passed", {}),
        ]
        await asyncio.to_thread(tell, self.house.hotline, self.number, *steps)

    async def rings(self, seen: int = 0) -> Event:
        """His telephone rings."""
        return await self.phone.wait_for("rang", seen=seen, within_s=60)

    async def picks_up(self, rang: Event) -> None:
        """He answers and hears who it is."""
        self.phone.answer(rang)
        await self.phone.hear(SAYS_S, within_s=60)

    async def says(self, *keys: str) -> None:
        """He presses these, each as an answer to the next question: that he can talk, solved,
        satisfied. A key that comes while nothing is asked is pressed again."""
        for key in keys:
            before = await asyncio.to_thread(self.progress)
            assert before != "gone", f"his call ended before he pressed {key}"
            while await asyncio.to_thread(self.progress) == before:
                self.phone.press(key)
                await self._heeded(before)

    async def _heeded(self, before: str) -> None:
        deadline_s = time.monotonic() + HEEDED_S
        while time.monotonic() < deadline_s:
            if await asyncio.to_thread(self.progress) != before:
                return
            await asyncio.sleep(0.2)

    def progress(self) -> str:
        """What his call knows of his answers; `gone` without a call."""
        for line in self.house.hotline.asterisk("core show channels concise").splitlines():
            channel = line.split("!")[0]
            if channel.startswith("PJSIP/trunk-"):
                told = self.house.hotline.asterisk(f"core show channel {channel}")
                found = re.search(r"^HL_KEYS=(\S*)$", told, re.MULTILINE)
                return found[1] if found else ""
        return "gone"

    async def told(self) -> dict[str, Any]:
        """The ticket's life and history."""
        words = ("tickets", "history", self.number, "--json")
        return dict(json.loads(await asyncio.to_thread(self.house.hotline.cli, *words)))

    async def state_is(self, state: str) -> dict[str, Any]:
        """Wait until the ticket stands there; its life and history then."""
        told: dict[str, Any] = {}

        def there() -> bool:
            words = ("tickets", "history", self.number, "--json")
            told.update(json.loads(self.house.hotline.cli(*words)))
            return bool(told["life"]["state"] == state)

        await self.house.until(there, f"ticket {self.number} in {state}")
        return told
