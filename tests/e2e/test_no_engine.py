"""No engine for good: Asterisk takes the request alone, and a ticket comes of it later, once."""

import asyncio
import json

from simulator.audio import speech_like
from simulator.citizens import Citizen
from tests.e2e.books import call_of, rows
from tests.e2e.installation import Installation
from tests.e2e.prompts import brief_cache


async def test_a_request_without_an_engine_becomes_one_ticket() -> None:
    """Engine stopped, a citizen speaks to the fallback; the engine comes back, twice."""
    caller = "13744440000"
    with Installation(agi_tries=2, cache=brief_cache()) as hotline:
        await asyncio.to_thread(hotline.supervisorctl, "stop", "engine")
        async with Citizen(caller, hotline.sip).dial("12333", voice=speech_like(6, "ulaw")) as call:
            await call.answered()
            outcome = await call.ended(within_s=90)
        assert outcome.ended_by == "hotline"
        item = json.loads(next(hotline.home.glob("spool/incoming/*.json")).read_text())
        assert item["reason"] == "request"
        assert item["voice_s"] > 1
        await asyncio.to_thread(hotline.supervisorctl, "start", "engine")
        await asyncio.to_thread(hotline.wait, lambda: hotline.ready, "the engine", seconds=60)
        ticket = await asyncio.to_thread(hotline.ticket_of, caller)
        assert ticket["origin"] == "voice_request"
        assert ticket["facts"]["line_id"] == "l12333"
        assert ticket["voice_s"] > 1
        assert (hotline.home / ticket["voice_path"]).stat().st_size > 8000
        hotline.kill("engine")
        await asyncio.to_thread(hotline.wait, lambda: not hotline.ready, "the kill")
        await asyncio.to_thread(hotline.wait, lambda: hotline.ready, "the engine", seconds=60)
        assert call_of(hotline.home, caller)["outcome"] == "voice_request"
        assert len(rows(hotline.home, "SELECT 1 FROM tickets")) == 1
        assert not list(hotline.home.glob("spool/incoming/*"))
        hotline.no_channels_left()
