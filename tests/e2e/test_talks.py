"""A talk is handed over by REST, in a whole installation."""

import time
from typing import Any

import pytest

from simulator.citizens import Citizen
from simulator.seats import Manners, Seats
from tests.e2e.installation import Installation
from tests.servers import wait_until

pytestmark = pytest.mark.e2e

TALKS = "/api/v1/tenants/default/talks"


async def test_consult_and_complete_by_rest() -> None:
    """The list, the two verbs, and what is left of it: one ticket, with the last seat on it."""
    with Installation() as hotline:
        hotline.cli("hours", "set", "open")
        accounts = [hotline.add_seat("8001"), hotline.add_seat("8002", ready=False)]
        hotline.cli("seats", "pause", "8002", "--reason", "other")
        async with Seats(accounts, sip=hotline.sip, usual=Manners(talk_s=None)) as seats:
            wait_until(lambda: _state(hotline, "8001") == "ready", seconds=60, what="8001 ready")
            async with Citizen("13800138000", hotline.sip).dial("12345") as call:
                await call.answered()
                await call.hear(0.1)  # a key that comes before the first word is lost
                call.press("0")
                await seats.wait_for("answered", accounts[0].endpoint)
                [talk] = _talks(hotline, "talking")
                path = f"{TALKS}/{talk['call_id']}"
                assert talk["seat"] == "8001"
                target = {"target": {"seat": "8002"}}
                hotline.api(f"{path}/consult", method="POST", body=target)
                await seats.wait_for("answered", accounts[1].endpoint)
                _talks(hotline, "consulting")
                hotline.api(f"{path}/complete", method="POST", body={})
                [talk] = _talks(hotline, "talking")
                assert talk["seat"] == "8002"
                await seats.wait_for("caller_left", accounts[0].endpoint)
                call.hang_up()
                await call.ended()
            wait_until(lambda: not _talks_now(hotline), seconds=60, what="the end of the talk")
        wait_until(lambda: len(hotline.tickets()) == 1, seconds=60, what="the ticket")
        [ticket] = hotline.tickets()
        assert ticket["seat_id"] == "8002"


def _talks_now(hotline: Installation) -> list[dict[str, Any]]:
    return list(hotline.api(TALKS)["talks"])


def _talks(hotline: Installation, state: str) -> list[dict[str, Any]]:
    """The talks, once they stand so."""
    deadline = time.monotonic() + 60
    while True:
        talks = _talks_now(hotline)
        if talks and all(talk["state"] == state for talk in talks):
            return talks
        assert time.monotonic() < deadline, f"never {state}: {talks}"
        time.sleep(0.1)


def _state(hotline: Installation, seat_id: str) -> str:
    seats = hotline.api("/api/v1/tenants/default/seats")["seats"]
    return str(next(seat["state"] for seat in seats if seat["id"] == seat_id))
