"""The short demonstration: seats go ready, citizens call, tickets come of it. Under a minute.

Everything goes through the public doors (SIP, RTP, HTTP API). Each step is yielded when it has
happened; one that doesn't happen raises StepMissed with one sentence.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from simulator.audio import SAMPLE_RATE_HZ, speech_like, spoken
from simulator.citizens import Citizen, LiveCall
from simulator.console_door import ConsoleDoor
from simulator.errors import StepMissed
from simulator.seats import Account, Manners, Seats
from simulator.sipp import Address

ON_DUTY = frozenset({"ready", "reserved", "talking", "wrap_up"})
SENTENCE = "wo3 jia1 men2 kou3 de5 lu4 deng1 huai4 le5, qing3 pai4 ren2 lai2 xiu1 yi2 xia4."
SENTENCE_VOICE = "cmn-latn-pinyin"
TALK_S = 3.0
APPEAR_S = 10.0
POLL_S = 0.3
BEEP_S = 1.5
SERVED_S = 25.0
CONFIRM_TRIES = 6
HELP, QINGXIU = "3", "1"
"""Keys of the questions what kind and where."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, in Chinese and English. `tickets` only on the last one."""

    chinese: str
    english: str
    tickets: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """Where it is played.

    `trunk_ip` is a trunk's source address on this machine; `general` and `labour` are the
    accounts of two demonstration seats; `channels` counts Asterisk's channels.
    """

    sip: Address
    trunk_ip: str
    base_url: str
    token: str
    tenant: str
    general: Account
    general_seat: str
    labour: Account
    labour_seat: str
    channels: Callable[[], Awaitable[int]]


async def demonstrate(stage: Stage) -> AsyncGenerator[Step, None]:
    """Play it. On an installation where real seats are on duty nothing is played."""
    async with ConsoleDoor(stage.base_url, stage.token, stage.tenant) as door:
        ours = {stage.general_seat, stage.labour_seat}
        if any(s["state"] in ON_DUTY for s in await door.seats() if s["id"] not in ours):
            yield Step("有真实座席在岗，不作演示", "real seats are on duty: no demonstration")
            return
        play = _Play(stage, door, {ticket["number"] for ticket in await door.tickets()})
        accounts = [stage.general, stage.labour]
        manners = Manners(ring_s=0.8, talk_s=TALK_S)
        async with _hours_kept(door), Seats(accounts, sip=stage.sip, usual=manners) as seats:
            await door.set_hours("open")
            for seat in (stage.general_seat, stage.labour_seat):
                await play.ready(seat)
            yield Step("两个座席已注册并就绪", "two seats have registered and are ready")
            async for step in play.served(seats):
                yield step
            await door.set_hours("closed")
            yield Step("已设为下班时间", "the hours are forced closed")
            async for step in play.after_hours():
                yield step
        await play.channels_gone()
        english = "done: no channel is left, the hours are as they were"
        yield Step("演示完毕，线路全部空闲，营业时间已恢复", english, tuple(play.tickets))


@dataclass(slots=True)
class _Play:
    """The acts. `known` are tickets that are not (or no longer) news, `tickets` those made."""

    stage: Stage
    door: ConsoleDoor
    known: set[str]
    tickets: list[dict[str, Any]] = field(default_factory=list)

    async def served(self, seats: Seats) -> AsyncIterator[Step]:
        """Two calls in the hours: 12345 in Chinese, the dual-track 12333 in English."""
        general, labour = self.stage.general.endpoint, self.stage.labour.endpoint
        voice = await _voice()
        for caller, number, key, language, english, seat in (
            ("13800138001", "12345", "1", "普通话", "Mandarin", general),
            ("13800138002", "12333", "4", "英语", "English", labour),
        ):
            seen = len(seats.events)
            async with self._citizen(caller).dial(number, voice=voice, loop=True) as call:
                await call.answered()
                yield Step(f"市民拨打{number}，系统接听", f"a citizen dials {number}, answered")
                await call.hear(1.5)
                call.press(key)
                yield Step(f"按{key}选{language}", f"presses {key} for {english}")
                await seats.wait_for("answered", seat, seen=seen, within_s=SERVED_S)
                yield Step(f"座席{seat}接听", f"seat {seat} picks up")
                before_s = call.heard_voice_s
                outcome = await call.ended(within_s=SERVED_S)
            if outcome.heard_voice_s - before_s < TALK_S / 2:
                raise StepMissed(f"the citizen at {number} heard nothing of the talk")
            ticket = await self._ticket(caller, number, APPEAR_S)
            yield Step(f"通话结束，工单{ticket}", f"the talk is over: ticket {ticket}")

    async def after_hours(self) -> AsyncIterator[Step]:
        """One call when nobody is on duty: a spoken request, confirmed by key."""
        caller, voice = "13800138003", await _voice()
        async with self._citizen(caller).dial("12345") as call:
            await call.answered()
            await call.hear(2.0)
            yield Step("市民拨打12345，听到下班提示", "a citizen dials 12345, hears it is closed")
            call.press("1")
            await call.hear(1.5)
            if await self.door.understands_speech():
                call.press(HELP)
                await call.hear(1.5)
                call.press(QINGXIU)
                yield Step("按键选求助、青秀区", "chooses help, Qingxiu district by key")
                await call.hear(1.5)
            else:
                call.press("#")
                await asyncio.sleep(BEEP_S)
            call.say(voice)
            await asyncio.sleep(len(voice) / SAMPLE_RATE_HZ)
            call.press("#")
            yield Step("市民说出诉求，按#结束", "says the request, ends it with #")
            ticket = await self._confirmed(call, caller)
            yield Step(f"听回放，按1确认，工单{ticket}", f"confirms with 1: ticket {ticket}")
            await call.hear(2.0)
            yield Step("听到工单号，市民挂机", "hears the ticket's number and hangs up")

    async def ready(self, seat: str) -> None:
        """Asked until it is: a telephone that has just registered is known a moment later."""
        deadline = _now() + APPEAR_S
        while (state := await self.door.make_ready(seat)) != "ready":
            if _now() > deadline:
                raise StepMissed(f"seat {seat} didn't become ready: it is {state}")
            await asyncio.sleep(POLL_S)

    async def channels_gone(self) -> None:
        """Wait until Asterisk has no channel."""
        deadline = _now() + APPEAR_S
        while left := await self.stage.channels():
            if _now() > deadline:
                raise StepMissed(f"{left} channels are left in Asterisk after all calls ended")
            await asyncio.sleep(POLL_S)

    async def _confirmed(self, call: LiveCall, caller: str) -> str:
        """Press 1 until the ticket is there: yes, this number may be called; yes, it is right."""
        for _ in range(CONFIRM_TRIES):
            await call.hear(1.5)
            call.press("1")
            try:
                return await self._ticket(caller, "12345", 1.5)
            except StepMissed:
                continue
        raise StepMissed("no ticket came of the spoken request")

    async def _ticket(self, caller: str, called: str, within_s: float) -> str:
        """The number of a new ticket of this caller and called number, once it is there."""
        deadline = _now() + within_s
        while True:
            for ticket in await self.door.tickets(20):
                same = (ticket["caller"], ticket["called_number"]) == (caller, called)
                if same and ticket["number"] not in self.known:
                    self.known.add(ticket["number"])
                    self.tickets.append(ticket)
                    return str(ticket["number"])
            if _now() > deadline:
                raise StepMissed(f"no ticket came of the call to {called} within {within_s:g} s")
            await asyncio.sleep(POLL_S)

    def _citizen(self, number: str) -> Citizen:
        return Citizen(number, self.stage.sip, ip=self.stage.trunk_ip)


@asynccontextmanager
async def _hours_kept(door: ConsoleDoor) -> AsyncIterator[None]:
    """Whatever happens inside, the hours are as before afterwards."""
    before = await door.hours_mode()
    try:
        yield
    finally:
        await door.set_hours(before)


async def _voice() -> bytes:
    """A citizen's sentence, spoken where there is a synthesiser."""
    made = await asyncio.to_thread(spoken, SENTENCE, SENTENCE_VOICE, "ulaw")
    return made or speech_like(4.0, "ulaw")


def _now() -> float:
    return asyncio.get_running_loop().time()
