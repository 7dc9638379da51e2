"""Phones citizens with the result of their tickets (回访), within the hours of the policy.

All that must survive is in SQL: when who is phoned next, and that he is being phoned. The watch
claims whose time has come, a task for each makes the call, the conversation tells what he said. An
engine that dies leaves a row that says so; the next one looks whether the call lives. When SQL is
away what was said goes to the journal.
"""

import asyncio
import contextlib
from collections import Counter as Tally
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import structlog

from hotline.callback_runner import ASK_S
from hotline.home import INSIDE
from ivr.dialling import dialled
from ivr.follow_up import MARK, Progress
from ivr.follow_up_ear import Ear, Keys
from ivr.ports import Clock
from ivr.reply_sound import ReplySounds
from storage.follow_up_told import ToldFollowUp
from storage.follow_ups import Due, Ended, SqlFollowUps
from storage.spool_item import SpoolItem
from telephony.errors import ActionFailed, NotConnected, UnsafeValue
from telephony.originate import Answer
from telephony.originate import Leg as Call
from tickets.errors import StoreAway
from tickets.follow_up import FollowUp, Heard, Leg
from tickets.follow_up_rules import FollowUpRules

LOOK_S = 5.0
AGAIN_S = 30.0
HOTLINE = "12345"
"""Shown to who came in otherwise than by a call."""
SOUNDS = "followups"
"""Folder of the home's state with the replies that are being told."""

log = structlog.get_logger(__name__)


class Lines(Protocol):
    """Asterisk, as far as citizens are phoned (telephony.originate.Originator)."""

    async def ring_number(self, number: str, trunk: str, leg: Call) -> Answer: ...

    async def lives(self, call_id: str) -> bool: ...


class FollowUpJournal(Protocol):
    """The disk's own memory, seen from here (storage.journal.Journal)."""

    async def keep_follow_up(self, told: ToldFollowUp) -> None: ...


class Counter(Protocol):
    """Where they are counted (console.metrics.Metrics)."""

    def follow_up_tried(self, tenant: str, result: str) -> None: ...

    def follow_up_ended(self, tenant: str, outcome: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Outside:
    """What phoning leans on. `trunk` for a number ("" when no rule allows it), `connected`: whether
    Asterisk takes orders."""

    tenants: Sequence[str]
    rules: Callable[[str], FollowUpRules]
    lines: Lines
    connected: Callable[[], bool]
    trunk: Callable[[str], str]
    sounds: ReplySounds
    clock: Clock


class FollowUps:
    """The follow-ups of all tenants; `ivr.follow_up.FollowUpDesk` for the conversations, and
    `console.ports.FollowUps`. `spawn` keeps a task; without `allowed` (no number may be rung)
    nobody is phoned by itself."""

    def __init__(
        self,
        store: SqlFollowUps,
        journal: FollowUpJournal,
        outside: Outside,
        counter: Counter,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        *,
        allowed: bool = True,
        ear: Ear | None = None,
    ) -> None:
        self.ear: Ear = ear or Keys()
        self._store = store
        self._journal = journal
        self._out = outside
        self._counter = counter
        self._spawn = spawn
        self._allowed = allowed
        self._over: dict[str, asyncio.Event] = {}
        self._on_trunk: Tally[str] = Tally()

    # --- the watch

    async def run(self, wait_healthy: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Phone whose time has come, for ever."""
        await self._take_up(wait_healthy)
        while True:
            await wait_healthy()
            try:
                if self._allowed and self._out.connected():
                    await self.look()
            except StoreAway as error:
                log.warning("follow_ups_wait", reason=str(error))
            except Exception:  # whatever it was: without a watch nobody is ever phoned
                log.exception("follow_ups_failed")
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Begin every call that may be begun now. Raises `StoreAway`."""
        due = await self._store.next_due()
        for tenant in self._out.tenants:
            while 0 < due.get(tenant, 0) <= self._out.clock.now().timestamp():
                found = await self._store.claim(tenant, self._out.clock.now())
                if found is None:
                    break
                self._begin(found.leg, self._phone(found))

    async def _take_up(self, wait_healthy: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Calls that an engine before us had out: their conversations come to us by themselves."""
        while True:
            await wait_healthy()
            try:
                ours = await self._store.ours()
            except StoreAway as error:
                log.warning("follow_ups_not_read", reason=str(error))
                await asyncio.sleep(1.0)
            else:
                break
        self._out.sounds.keep(frozenset(leg.id for leg in ours))
        for leg in ours:
            self._begin(leg, self._see_through(leg))
        log.info("follow_ups_taken_up", count=len(ours))

    def _begin(self, leg: Leg, work: Coroutine[Any, Any, None]) -> None:
        if leg.id in self._over:
            work.close()
            return
        self._over[leg.id] = asyncio.Event()
        self._spawn(self._led(leg, work))

    async def _led(self, leg: Leg, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except StoreAway as error:
            log.warning("follow_up_left", call_id=leg.id, reason=str(error))
        finally:
            self._over.pop(leg.id, None)
        self._out.sounds.remove(leg.id)  # when the engine stops, the next one goes on with it

    # --- one call

    async def _phone(self, due: Due) -> None:
        leg, number = due.leg, dialled(due.phone)
        trunk = self._out.trunk(number) if number else ""
        if not trunk:
            why = "no_rule" if number else "no_number"
            await self.conclude(leg, Heard(why, hopeless=True))
            return
        if self._on_trunk[trunk] >= self._out.rules(leg.tenant).of_trunk:
            await self._put_back(leg)
            return
        self._on_trunk[trunk] += 1
        try:
            await self._out.sounds.make(leg.id, due.reply, due.facts.language)
            if not self._out.connected():
                await self._put_back(leg)
                return
            await self._ring(due, number, trunk)
        finally:
            self._on_trunk[trunk] -= 1

    async def _put_back(self, leg: Leg) -> None:
        await self._store.put_back(leg, self._out.clock.now() + timedelta(seconds=AGAIN_S))

    async def _ring(self, due: Due, number: str, trunk: str) -> None:
        leg = due.leg
        log.info(
            "follow_up_rings", tenant=leg.tenant, ticket=leg.number, call_id=leg.id,
            attempt=leg.attempt, pii_number=number,
        )  # fmt: skip
        ring_s = self._out.rules(leg.tenant).ring_s
        try:
            answer = await self._out.lines.ring_number(number, trunk, _call(due, ring_s, trunk))
        except (UnsafeValue, ActionFailed, NotConnected) as error:
            log.error("follow_up_not_rung", call_id=leg.id, reason=str(error))
            answer = Answer.FAILED
        if answer is Answer.ANSWERED:
            await self._see_through(leg)
        else:
            await self.conclude(leg, Heard(answer.value))

    async def _see_through(self, leg: Leg) -> None:
        """Until its conversation has told how it ended; only when the call is gone (asked twice)
        and nobody told, it counts as lost."""
        gone = 0
        while not await self._told(leg):
            try:
                gone = 0 if await self._out.lines.lives(leg.id) else gone + 1
            except (ActionFailed, NotConnected) as error:
                log.info("follow_up_not_asked_for", call_id=leg.id, reason=str(error))
            if gone > 1:
                await self.conclude(leg, Heard("lost"))
                return

    async def _told(self, leg: Leg) -> bool:
        over = self._over[leg.id]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ASK_S):
                await over.wait()
        return over.is_set()

    # --- ivr.follow_up.FollowUpDesk

    async def wanted(self, leg: Leg) -> bool:
        """See the port."""
        try:
            return await self._store.wanted(leg)
        except StoreAway:
            return True

    def reply_sound(self, leg: Leg) -> str:
        """See the port."""
        return f"{INSIDE}/state/{SOUNDS}/{leg.id}" if self._out.sounds.find(leg.id) else ""

    async def conclude(self, leg: Leg, heard: Heard) -> None:
        """See the port."""
        now = self._out.clock.now()
        try:
            ended = await self._store.conclude(leg, heard, now)
        except Exception as error:
            # Whatever went wrong, his word must not be lost: the journal sorts it out later.
            told = log.bind(call_id=leg.id, tenant=leg.tenant, ticket=leg.number)
            if isinstance(error, StoreAway):
                told.warning("follow_up_journalled", reason=str(error))
            else:
                told.error("follow_up_journalled", exc_info=error)
            await self._journal.keep_follow_up(ToldFollowUp(leg, heard, now))
        else:
            if ended is not None:
                self.ended(leg, ended)
        if leg.id in self._over:
            self._over[leg.id].set()

    def ended(self, leg: Leg, ended: Ended) -> None:
        """An attempt has come to its end in SQL."""
        one = ended.follow_up
        self._counter.follow_up_tried(leg.tenant, one.result)
        if one.over:
            self._counter.follow_up_ended(leg.tenant, one.state.value)
        log.info(
            "follow_up_tried", tenant=leg.tenant, ticket=leg.number, call_id=leg.id,
            attempt=leg.attempt, result=one.result, outcome=one.state.value,
            ticket_state=ended.ticket_state,
        )  # fmt: skip

    async def spooled(self, item: SpoolItem) -> None:
        """A call of ours ended while no engine was there: what he had said is on its channel."""
        leg = Leg.parse(item.call_id)
        if leg is not None:
            progress = Progress.parse(item.variables.get("KEYS", ""))
            solved, satisfied = (*progress.answers, None, None)[:2]
            await self.conclude(leg, Heard("hung_up", solved, satisfied))

    # --- for people

    async def follow_ups(self, tenant: str, number: str = "") -> Sequence[FollowUp]:
        """`console.follow_ups.FollowUps`: the newest hundred. Raises `StoreAway`."""
        return await self._store.list(tenant, number=number)

    async def call_off(self, tenant: str, number: str, *, by: str) -> FollowUp:
        """`console.follow_ups.FollowUps`: a person takes it over. Raises `UnknownTicket`,
        `EventRefused`, `StoreAway`."""
        one = await self._store.call_off(tenant, number, self._out.clock.now(), by)
        self._counter.follow_up_ended(tenant, one.state.value)
        log.info("follow_up_called_off", tenant=tenant, ticket=number, token=by)
        return one


def is_follow_up(variables: Mapping[str, str]) -> bool:
    """Whether a call is one of these."""
    return variables.get("CALLBACK") == MARK


def _call(due: Due, ring_s: float, trunk: str) -> Call:
    """The call that phones him, with what its conversation (or the engine after us) must know."""
    facts = due.facts
    variables = {
        "STAGE": "called_back",
        "CALLBACK": MARK,
        "ORIGIN": facts.call_id,
        "TRUNK": trunk,
        "CALLED": facts.called_number,
        "CALLER": dialled(due.phone),
        "TENANT": facts.tenant,
        "LINE": facts.line_id,
        "LANG": facts.language,
    }
    shown = "".join(c for c in facts.called_number if c.isdigit()) or HOTLINE
    return Call(due.leg.id, shown, ring_s, {k: v for k, v in variables.items() if v})
