"""What tests of follow-up calls share: a tenant whose hours are now, a complaint and its reply."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import yaml

from hotline.policies import preset_path
from simulator.citizens import Citizen, LiveCall
from simulator.phones import Phone
from simulator.sipp import Address, Event
from tests.e2e.callbacks import VOICE, House, person_wanted
from tests.e2e.installation import TENANTS, Installation
from tests.e2e.prompts import brief_cache
from tests.e2e.telling import UNIT, Office

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
    zone = f'time_zone = "Etc/GMT{-ahead_h:+d}"'
    there = f'{zone}\npolicy_file = "policy.yaml"\nsurvey = true\nring_s = 4'
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

    def __init__(self, house: House, office: Office, caller: str) -> None:
        self.house = house
        self.office = office
        self.caller = caller
        self.number = ""
        self.life: dict[str, Any] = {}

    @property
    def phone(self) -> Phone:
        return self.house.phone

    async def taken(self) -> None:
        """He calls, a seat answers and hangs up, he is asked and says that he was satisfied with
        the talk; the call has left a ticket."""
        house = self.house
        await house.seat_is("ready")
        seen = len(house.seats.events)
        async with Citizen(self.caller, house.hotline.sip).dial("12345", voice=VOICE) as call:
            await person_wanted(call)
            talk = await house.seats.wait_for("answered", seen=seen, within_s=40)
            house.seats.hang_up(talk)
            rating = asyncio.create_task(_press_until_over(call))
            try:
                await call.ended(within_s=60)
            finally:
                rating.cancel()

        def there() -> bool:
            found = house.hotline.api("/api/v1/tenants/default/tickets")["tickets"]
            self.number = next((t["number"] for t in found if t["caller"] == self.caller), "")
            return bool(self.number)

        await house.until(there, "the ticket")

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
        await asyncio.to_thread(self.office.tell, self.number, *steps)

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
            heard = self._heard()
            while self._heard() == heard:
                self.phone.press(key)
                await self._heeded(heard)

    async def _heeded(self, heard: int) -> None:
        deadline_s = time.monotonic() + HEEDED_S
        while time.monotonic() < deadline_s and self._heard() == heard:
            await asyncio.sleep(0.1)

    def _heard(self) -> int:
        """How many answers the engines have heard of him."""
        log = (self.house.hotline.home / "log" / "engine.log").read_text(errors="replace")
        return sum(
            '"follow_up_heard"' in line and f'"{self.number}"' in line for line in log.splitlines()
        )

    async def state_is(self, state: str) -> list[dict[str, Any]]:
        """Wait until the ticket stands there; its life is in `life`, its history is returned."""
        path = f"/api/v1/tenants/default/tickets/{self.number}"

        def there() -> bool:
            self.life = self.house.hotline.api(path)["ticket"]["life"]
            return bool(self.life["state"] == state)

        await self.house.until(there, f"ticket {self.number} in {state}")
        return list(self.house.hotline.api(f"{path}/history")["events"])


async def _press_until_over(call: LiveCall) -> None:
    """The key that says he was satisfied, until he is let go."""
    while True:
        await asyncio.sleep(1.0)
        call.press("1")
