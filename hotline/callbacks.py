"""Callbacks that keep the place: taken from conversations, led in their turn, shown to people.

`ivr.ports.Callbacks` for the conversations, `console.ports.Callbacks` for the console. What was
open when an engine died is taken up by the next: who waits gets his place back before any seat is
ready; who was being rung is looked for in Asterisk's first snapshot, so that he isn't rung twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import structlog

from console.errors import CallbackTalking, UnknownCallback
from console.ports import CallbackView
from hotline.callback_books import Active, CallbackBooks
from hotline.callback_runner import CallbackRunner, Outside, over_without_word
from ivr.dialling import dialled
from ivr.ports import CallbackRequest, KeptPlace
from queue_manager.callback import Callback, CallbackEvent, CallbackState, expires_at
from queue_manager.rules import CallbackOrder, CallbackRules
from storage.callbacks import KeptCallback
from storage.spool_item import SpoolItem, origin_of
from telephony.events import ChannelHungUp, ChannelSeen, Event, SnapshotTaken
from tickets.errors import StoreAway
from tickets.model import Origin

READ_AGAIN_S = 1.0

log = structlog.get_logger(__name__)


class Callbacks:
    """The callbacks of all tenants. `rules` are a tenant's own; `spawn` keeps a task; `allowed`:
    whether any number may be rung at all; `node`: only those taken at this node are led here (""
    when it is the only one)."""

    def __init__(
        self,
        books: CallbackBooks,
        outside: Outside,
        rules: Callable[[str], CallbackRules],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        *,
        allowed: bool = True,
        node: str = "",
    ) -> None:
        self._books = books
        self._out = outside
        self._rules = rules
        self._spawn = spawn
        self._node = node
        self.open = allowed
        self._runner = CallbackRunner(books, outside, spawn)
        self._unclear: list[Active] = []
        self._taking: set[asyncio.Future[bool]] = set()

    # --- at the start

    async def start(self) -> None:
        """Take up what is open; before any seat can be ready. Raises StoreAway."""
        for kept in await self._books.unmet():
            callback = kept.callback
            taken_at = callback.call_id.rpartition("-")[0]
            if self._node not in ("", taken_at):
                continue
            if callback.tenant not in self._out.queues:
                log.error("callback_of_nobody", tenant=callback.tenant, call_id=callback.call_id)
                continue
            before = self._books.of_number(callback.tenant, callback.number)
            active = self._books.add(kept)
            if before is not None:
                self._keep_one(before, active)
            if active.callback.under_way:
                self._unclear.append(active)
            else:
                self._begin(active)
        log.info("callbacks_taken_up", count=len(list(self._books.all())))

    async def start_later(
        self, wait_healthy: Callable[[], Awaitable[None]], journalled: Callable[[], int]
    ) -> None:
        """`start` when SQL is back and knows all that the journal knew."""
        while True:
            await wait_healthy()
            try:
                if not journalled():
                    await self.start()
                    break
            except StoreAway as error:
                log.warning("callbacks_not_read", reason=str(error))
            await asyncio.sleep(READ_AGAIN_S)
        for active in self._unclear:
            self._spawn(self._look_for(active))
        self._unclear = []

    def take_event(self, event: Event) -> bool:
        """One event of `telephony`, before the queues hear of it. True when it is nobody else's:
        the end of a call that rings in vain."""
        if isinstance(event, SnapshotTaken):
            self._runner.rung_before(event.channels)
            seen = {channel.call_id: channel for channel in event.channels}
            for active in self._unclear:
                self._resume(active, seen.get(active.callback.leg_id))
            self._unclear = []
        elif isinstance(event, ChannelHungUp):
            ringing = self._books.of_leg(event.call_id)
            return ringing is not None and ringing.callback.state is CallbackState.CALLING
        return False

    def _keep_one(self, newer: Active, older: Active) -> None:
        """He asked again while SQL was away and nobody knew that he had asked before: the earlier
        place is his, unless he is being rung for the later one."""
        dropped, kept = (older, newer) if newer.callback.under_way else (newer, older)
        if self._books.apply(dropped, CallbackEvent.CANCELLED, result="asked_again"):
            self._spawn(self._settled(dropped.kept))
        self._books.prefer(kept)

    def _begin(self, active: Active) -> None:
        """Give him his place now, not when his task runs: others may be served in between."""
        if not active.callback.resting(self._out.clock.now()):
            self._runner.enter(active)
        self._spawn(self._runner.run(active))

    def _resume(self, active: Active, channel: ChannelSeen | None) -> None:
        """An engine died while he was rung, or on the line: what is true now?"""
        callback = active.callback
        if channel is None:
            if callback.under_way:
                self._books.apply(active, over_without_word(callback), result="engine_died")
                self._spawn(self._settled(active.kept))
            if not active.callback.over:
                self._begin(active)
        elif channel.variables.get("ANSWERED_AT"):
            if callback.order is CallbackOrder.SEAT_FIRST:
                queue = self._out.queues[callback.tenant]
                queue.restore_talk(callback.seat_id, callback.leg_id)
            self._spawn(self._runner.run(active))
        else:
            if callback.order is CallbackOrder.CUSTOMER_FIRST:
                self._runner.enter(active)
            self._spawn(self._rejoined(active))

    async def _settled(self, kept: KeptCallback) -> None:
        await self._books.settle(kept)

    async def _rejoined(self, active: Active) -> None:
        await self._runner.rejoin(active)
        await self._runner.run(active)

    async def _look_for(self, active: Active) -> None:
        """SQL came back after the first snapshot: the run itself finds out whether it lives."""
        await self._runner.run(active)

    # --- ivr.ports.Callbacks

    async def take(self, request: CallbackRequest) -> bool:
        """See the port. Nobody is promised a call that no rule allows."""
        if self._books.find(request.tenant, request.call_id) is not None:
            return True
        number = dialled(request.number_e164)
        if not number or not self._out.trunk(number):
            log.info(
                "callback_not_allowed",
                tenant=request.tenant,
                call_id=request.call_id,
                pii_number=request.number_e164,
            )
            return False
        before = self._books.of_number(request.tenant, request.number_e164)
        if before is not None:
            await self._books.happen(before, CallbackEvent.CANCELLED, result="asked_again")
        taking = asyncio.ensure_future(self._take(request))
        self._taking.add(taking)
        taking.add_done_callback(self._taking.discard)
        return await asyncio.shield(taking)  # a hang-up now must not break off the writing

    async def _take(self, request: CallbackRequest) -> bool:
        kept = KeptCallback(self._callback(request), request.facts)
        active = await self._books.take(kept)
        if active is None:
            return await self._books.known(kept)
        self._begin(active)
        return True

    async def take_over(self, tenant: str, number_e164: str) -> KeptPlace | None:
        """See the port. Who talks with a seat already isn't calling by himself."""
        active = self._books.of_number(tenant, number_e164) if number_e164 else None
        if active is None or active.callback.state is CallbackState.TALKING:
            return None
        callback = active.callback
        await self._books.happen(active, CallbackEvent.CANCELLED, result="called_again")
        return KeptPlace(callback.call_id, callback.queued_at, callback.priority)

    async def happened(self, call_id: str, event: CallbackEvent, *, seat_id: str = "") -> None:
        """See the port. With the seat first the queue learns here of the talk's begin and end."""
        active = self._books.of_leg(call_id)
        if active is None or active.callback.last_leg_id != call_id:
            return
        if active.callback.order is CallbackOrder.SEAT_FIRST:
            self._tell_queue(active, call_id, event)
        await self._books.happen(active, event, seat_id=seat_id)

    def _tell_queue(self, active: Active, call_id: str, event: CallbackEvent) -> None:
        """With the seat first nobody else tells the queue of the talk."""
        queue = self._out.queues[active.callback.tenant]
        if event is CallbackEvent.SEAT_ANSWERED:
            if active.place is not None and active.offer is not None:
                active.place.answered(active.offer)
            else:
                queue.restore_talk(active.callback.seat_id, call_id)
        elif event is CallbackEvent.TALK_ENDED:
            queue.talk_ended_by_call(call_id)

    # --- for people

    async def callbacks(self, tenant: str) -> Sequence[CallbackView]:
        """`console.ports.Callbacks`: the last ones taken; only open ones while SQL is away."""
        return [_view(kept.callback) for kept in await self._books.listed(tenant)]

    async def call_off(self, tenant: str, call_id: str, *, by: str) -> None:
        """`console.ports.Callbacks`: a person's word, `by` is his token's id. Raises
        `UnknownCallback`, and `CallbackTalking` when the two have each other already."""
        active = self._books.find(tenant, call_id)
        if active is None:
            raise UnknownCallback
        if active.callback.state is CallbackState.TALKING:
            raise CallbackTalking
        await self._books.happen(active, CallbackEvent.CANCELLED, result=f"by {by}")

    def _callback(self, request: CallbackRequest) -> Callback:
        rules, now = self._rules(request.tenant), self._out.clock.now()
        return Callback(
            tenant=request.tenant,
            call_id=request.call_id,
            number=request.number_e164,
            line_id=request.line_id,
            queue_id=request.queue_id,
            needs=request.needs,
            language=request.language,
            priority=request.priority,
            queued_at=request.queued_at,
            taken_at=now,
            expires_at=expires_at(rules, now),
            order=request.order,
            tries=rules.tries,
            retry_s=rules.retry_s,
        )


def over_of_item(item: SpoolItem) -> CallbackEvent:
    """How a call of ours ended that the spool tells of: no engine was there to hear it."""
    talked = origin_of(item, has_voice=False) is Origin.TALK
    return CallbackEvent.TALK_ENDED if talked else CallbackEvent.NOT_REACHED


def _view(callback: Callback) -> CallbackView:
    return CallbackView(
        call_id=callback.call_id,
        number=callback.number,
        line_id=callback.line_id,
        queue_id=callback.queue_id,
        state=callback.state.value,
        queued_at=callback.queued_at,
        taken_at=callback.taken_at,
        expires_at=callback.expires_at,
        rings_first=callback.order.value,
        attempts=callback.attempts,
        tries=callback.tries,
        result=callback.result,
        seat_id=callback.seat_id,
        next_at=callback.next_at,
        ended_at=callback.ended_at,
    )
