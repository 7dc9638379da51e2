"""One callback's life: wait in the queue, ring when a seat is held, once more when in vain.

His place lies in the queue under the id of the call that will ring him. When somebody picks up,
that call comes in by the dialplan as any other, and its conversation finds the place, and the seat
that is held for it, under its own id. So an engine that dies leaves nothing behind but the row.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog

from hotline.callback_books import LEAVES_WORD, Active, CallbackBooks
from ivr.dialling import dialled
from ivr.ports import Clock, Place
from queue_manager.callback import Callback, CallbackEvent, CallbackState
from queue_manager.errors import PlaceGone
from queue_manager.model import LeaveReason, MissReason, Offer
from queue_manager.rules import CallbackOrder
from queue_manager.service import QueueService
from telephony.errors import ActionFailed, NotConnected
from telephony.events import ChannelSeen
from telephony.originate import Answer, Leg
from tickets.errors import StoreAway

RING_S = 30.0
"""How long a citizen's telephone rings."""
GREETING_S = 60.0
"""How long he may take to press the key, the greeting said three times."""
ASK_S = 10.0
GOODBYE_S = 15.0
"""How long the call in which he asked may last on when his turn has come already."""
AGAIN_S = 5.0
_SEAT_MISSES = {Answer.BUSY: MissReason.BUSY, Answer.NO_ANSWER: MissReason.NO_ANSWER}

log = structlog.get_logger(__name__)


class Lines(Protocol):
    """Asterisk, as far as calls are made (telephony.originate.Originator)."""

    async def ring_number(self, number: str, trunk: str, leg: Leg) -> Answer: ...

    async def ring_seat(self, endpoint: str, leg: Leg) -> Answer: ...

    async def outcome(self, leg_id: str, *, within_s: float) -> Answer: ...

    async def lives(self, call_id: str) -> bool: ...

    async def hang_up(self, call_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Outside:
    """What a callback leans on: its tenant's queue and ring time, the trunk for a number ("" when
    no rule allows it), Asterisk, the time."""

    queues: Mapping[str, QueueService]
    ring_s: Callable[[str], float]
    trunk: Callable[[str], str]
    lines: Lines
    clock: Clock


class CallbackRunner:
    """Leads callbacks, each in a task of its own."""

    def __init__(
        self,
        books: CallbackBooks,
        outside: Outside,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._books = books
        self._out = outside
        self._spawn = spawn
        self._rung_before: dict[str, set[str]] = {}

    def enter(self, active: Active) -> Place:
        """Take his place in the queue, at once."""
        if active.place is None:
            caller = active.callback.waiting_caller()
            hold_s = RING_S + GREETING_S + self._out.ring_s(caller.tenant)
            active.place = self._out.queues[caller.tenant].enter(caller, hold_s=hold_s)
            active.place.when_moved(
                lambda priority: self._spawn(self._books.moved_up(active, priority))
            )
        return active.place

    def rung_before(self, channels: Iterable[ChannelSeen]) -> None:
        """Legs that an engine before us made, also those of which nothing can be read as yet:
        their telephones are not rung beside them."""
        for channel in channels:
            if channel.variables.get("CALLBACK"):
                number = channel.variables.get("CALLER", "")
                self._rung_before.setdefault(number, set()).add(channel.call_id)

    async def run(self, active: Active) -> None:
        """Lead it to one of its ends."""
        try:
            while not active.callback.over:
                try:
                    if active.callback.under_way:
                        await self._see_through(active)
                    else:
                        await self._turn(active)
                except (NotConnected, ActionFailed, PlaceGone, StoreAway) as why:
                    log.info("callback_put_off", call_id=active.callback.leg_id, reason=str(why))
                    await self._put_off(active)
                except Exception:  # whatever it was: somebody still waits to be called back
                    log.exception("callback_stumbled", call_id=active.callback.leg_id)
                    await self._put_off(active)
        finally:
            self._leave(active)

    async def _put_off(self, active: Active) -> None:
        self._leave(active)
        await self._wait(active, AGAIN_S)

    # --- waiting

    async def _turn(self, active: Active) -> None:
        """Wait until a seat is his, then ring him."""
        callback, now = active.callback, self._out.clock.now()
        if now >= callback.expires_at:
            await self._books.happen(active, CallbackEvent.TIME_OVER)
        elif callback.resting(now):
            assert callback.next_at is not None
            await self._wait_until(active, min(callback.next_at, callback.expires_at))
        else:
            offer = await self._offered(active, self.enter(active))
            if active.callback.state is not CallbackState.WAITING:
                self._leave(active)  # called off, or a call that was thought lost is answered
            elif offer is not None:
                await self._attempt(active, offer)

    async def _offered(self, active: Active, place: Place) -> Offer | None:
        """The seat that is held for him; None when something else has happened."""
        offer = asyncio.ensure_future(place.next_offer())
        left_s = (active.callback.expires_at - self._out.clock.now()).total_seconds()
        try:
            await self._either(active, offer, left_s)
            return offer.result() if offer.done() else None
        finally:
            offer.cancel()

    # --- ringing

    async def _attempt(self, active: Active, offer: Offer) -> None:
        """A seat is held: ring him (or the seat first) and see it through."""
        callback = active.callback
        before = self._rung_before.get(dialled(callback.number), set()) - {callback.leg_id}
        for call_id in (callback.call_id, *before):
            if await self._still_on_line(call_id):
                await self._put_off(active)
                return
        seat = offer.seat.seat_id
        if not await self._books.happen(active, CallbackEvent.RUNG, seat_id=seat):
            await self._books.reread(active)
            return
        active.offer = offer
        try:
            if active.callback.state is CallbackState.CALLING:
                await self._ring(active, offer)
        finally:
            self._leave(active)

    async def _ring(self, active: Active, offer: Offer) -> None:
        callback = active.callback
        if callback.order is CallbackOrder.SEAT_FIRST:
            ring_s = self._out.ring_s(callback.tenant)
            leg = _leg(active, trunk="", ring_s=ring_s, seat_id=offer.seat.seat_id)
            ringing = self._out.lines.ring_seat(offer.ring_at, leg)
        else:
            number = dialled(callback.number)
            trunk = self._out.trunk(number)
            if not trunk:
                await self._books.happen(active, CallbackEvent.NOT_REACHED, result="no_rule")
                return
            ringing = self._out.lines.ring_number(number, trunk, _leg(active, trunk, RING_S))
        answer = await self._until_answered(active, asyncio.ensure_future(ringing))
        if answer is Answer.ANSWERED:
            await self._see_through(active)
        elif callback.order is CallbackOrder.SEAT_FIRST:
            if active.place is not None:
                active.place.missed(offer, _SEAT_MISSES.get(answer, MissReason.UNREACHABLE))
            await self._books.happen(active, CallbackEvent.SEAT_MISSED, result=f"seat_{answer}")
        else:
            await self._books.happen(active, CallbackEvent.NOT_REACHED, result=answer.value)

    async def _until_answered(self, active: Active, ringing: "asyncio.Future[Answer]") -> Answer:
        """How the ringing ends; a callback that is called off meanwhile stops it."""
        try:
            while not ringing.done():
                await self._either(active, ringing, None)
                if active.callback.over:
                    await self._out.lines.hang_up(active.callback.last_leg_id)
                    return Answer.NO_ANSWER
                if active.callback.state is not CallbackState.CALLING:
                    return Answer.ANSWERED  # its conversation was faster than Asterisk's word
            return ringing.result()
        finally:
            ringing.cancel()

    async def _see_through(self, active: Active) -> None:
        """Until the call that rings him has ended: its conversation tells, and only if that says
        nothing, Asterisk is asked twice whether it is there."""
        leg, gone = active.callback.leg_id, 0
        while active.callback.under_way and active.callback.leg_id == leg:
            await self._wait(active, ASK_S)
            if active.callback.over:
                break
            gone = 0 if await self._out.lines.lives(leg) else gone + 1
            if gone > 1:
                await self._books.happen(active, over_without_word(active.callback))
        if active.callback.state is CallbackState.CANCELLED:
            await self._out.lines.hang_up(leg)

    async def rejoin(self, active: Active) -> None:
        """A leg that rings already (an engine before us made it): learn how it ends."""
        leg = active.callback.leg_id
        ending = asyncio.ensure_future(self._out.lines.outcome(leg, within_s=RING_S))
        answer = await self._until_answered(active, ending)
        if answer is not Answer.ANSWERED and not active.callback.over:
            await self._books.happen(active, CallbackEvent.NOT_REACHED, result=answer.value)
            self._leave(active)

    async def _still_on_line(self, call_id: str) -> bool:
        """Whether a call goes on that he is in already; it is given a moment to end."""
        deadline_s = asyncio.get_running_loop().time() + GOODBYE_S
        while await self._out.lines.lives(call_id):
            if asyncio.get_running_loop().time() > deadline_s:
                return True
            await asyncio.sleep(1.0)
        return False

    # --- inside

    def _leave(self, active: Active) -> None:
        """Give up the place that we hold for him, and the seat; for good when it has failed."""
        if active.place is not None:
            failed = active.callback.state in LEAVES_WORD
            active.place.leave(LeaveReason.ABANDONED if failed else LeaveReason.CALLBACK)
        active.place = active.offer = None

    async def _wait_until(self, active: Active, when: datetime) -> None:
        await self._wait(active, max(0.0, (when - self._out.clock.now()).total_seconds()))

    async def _wait(self, active: Active, seconds: float) -> None:
        """Until something happens to it, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await active.changed.wait()
        active.changed.clear()

    async def _either(
        self, active: Active, other: "asyncio.Future[Any]", seconds: float | None
    ) -> None:
        """Until something happens to it or the other is done."""
        changed = asyncio.ensure_future(active.changed.wait())
        try:
            both: set[asyncio.Future[Any]] = {changed, other}
            await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
        active.changed.clear()


def over_without_word(callback: Callback) -> CallbackEvent:
    """What must have happened when the call that rings him is gone and nobody told how."""
    match callback.state:
        case CallbackState.TALKING:
            return CallbackEvent.TALK_ENDED
        case CallbackState.CALLING:
            return CallbackEvent.LOST
    return CallbackEvent.NOT_REACHED


def _leg(active: Active, trunk: str, ring_s: float, seat_id: str = "") -> Leg:
    """The call that rings him, with what its conversation (or the engine after us) must know."""
    callback, facts = active.callback, active.kept.facts
    number = dialled(callback.number)
    variables = {
        "STAGE": "called_back",
        "CALLBACK": callback.order.value,
        "ORIGIN": callback.call_id,
        "TRUNK": trunk,
        "CALLED": facts.called_number,
        "CALLER": number,
        "TENANT": callback.tenant,
        "LINE": callback.line_id,
        "LANG": callback.language,
        "KIND": facts.kind.value if facts.kind else "",
        "KEYS": facts.keys,
        "QUEUED_AT": f"{callback.queued_at.timestamp():.6f}",
        "PRIORITY": str(callback.priority),
        "QUEUE": callback.queue_id,
        "NEEDS": str(callback.needs),
        "SEAT": seat_id,
    }
    shown = number if seat_id else "".join(c for c in facts.called_number if c.isdigit())
    return Leg(callback.leg_id, shown, ring_s, {k: v for k, v in variables.items() if v})
