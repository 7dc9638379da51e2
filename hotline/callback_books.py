"""What is known of the callbacks that are open: memory leads, SQL (or the journal) follows at once.

Every change is decided by `queue_manager.callback` and durable before anything is done because of
it. A callback that comes to nothing leaves its word in the ticket of the call, for a person to see.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from ivr.ports import Clock, Place, Tickets
from queue_manager.callback import Callback, CallbackEvent, CallbackState, asked_in, decide
from queue_manager.model import Offer
from storage.callbacks import KeptCallback
from tickets.errors import StoreAway
from tickets.model import NewTicket, Origin, TicketState

LEAVES_WORD = frozenset({CallbackState.UNREACHED, CallbackState.EXPIRED})

log = structlog.get_logger(__name__)


class CallbackStore(Protocol):
    """SQL, seen from the callbacks; raises `StoreAway`."""

    async def save(self, kept: KeptCallback) -> bool: ...

    async def open(self) -> Sequence[KeptCallback]: ...

    async def find(self, tenant: str, call_id: str) -> KeptCallback | None: ...

    async def list(self, tenant: str, *, limit: int = 100) -> Sequence[KeptCallback]: ...


class CallbackJournal(Protocol):
    """The disk's own memory, seen from the callbacks (storage.journal.Journal)."""

    @property
    def healthy(self) -> bool: ...

    async def keep_callback(self, kept: KeptCallback) -> None: ...


class Counter(Protocol):
    """Where they are counted (console.metrics.Metrics)."""

    def callback_taken(self, tenant: str) -> None: ...

    def callback_ended(self, tenant: str, outcome: str) -> None: ...


@dataclass(slots=True, eq=False)
class Active:
    """An open callback at work. `place` and `offer` are those that the runner holds for him,
    `changed` wakes whoever leads it."""

    kept: KeptCallback
    place: Place | None = None
    offer: Offer | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def callback(self) -> Callback:
        """As it stands."""
        return self.kept.callback


class CallbackBooks:
    """The open callbacks, and their writing."""

    def __init__(
        self,
        store: CallbackStore,
        journal: CallbackJournal,
        tickets: Tickets,
        clock: Clock,
        counter: Counter,
    ) -> None:
        self._store = store
        self._journal = journal
        self._tickets = tickets
        self._clock = clock
        self._counter = counter
        self._open: dict[tuple[str, str], Active] = {}
        self._by_call: dict[str, Active] = {}
        self._by_number: dict[tuple[str, str], Active] = {}
        self._met: set[str] | None = set()

    # --- questions

    def of_leg(self, call_id: str) -> Active | None:
        """The open callback that rings somebody by this call."""
        return self._by_call.get(asked_in(call_id))

    def find(self, tenant: str, call_id: str) -> Active | None:
        """The open callback asked for in this call."""
        return self._open.get((tenant, call_id))

    def of_number(self, tenant: str, number_e164: str) -> Active | None:
        """The open callback of this telephone."""
        return self._by_number.get((tenant, number_e164))

    def all(self) -> Iterable[Active]:
        """Every open callback, the longest waiting first."""
        return sorted(self._open.values(), key=lambda active: active.callback.queued_at)

    async def unmet(self) -> Sequence[KeptCallback]:
        """What SQL knows to be open and we have never had to do with: once, at the start. Of the
        others memory knows more than SQL. Raises StoreAway."""
        found = await self._store.open()
        met, self._met = self._met or set(), None
        return [kept for kept in found if kept.callback.call_id not in met]

    async def known(self, kept: KeptCallback) -> bool:
        """Whether SQL has this callback, in whatever state."""
        callback = kept.callback
        try:
            return await self._store.find(callback.tenant, callback.call_id) is not None
        except StoreAway:
            return False

    async def listed(self, tenant: str) -> Sequence[KeptCallback]:
        """A tenant's callbacks, the last taken first, those of memory in place of SQL's; only they
        while SQL is away."""
        open_ones = {a.callback.call_id: a.kept for a in self.all() if a.callback.tenant == tenant}
        try:
            stored = await self._store.list(tenant)
        except StoreAway:
            stored = ()
        known = {kept.callback.call_id: kept for kept in stored} | open_ones
        return sorted(known.values(), key=lambda kept: kept.callback.taken_at, reverse=True)

    # --- changes

    def add(self, kept: KeptCallback) -> Active:
        """One more is open."""
        callback = kept.callback
        active = Active(kept)
        if self._met is not None:
            self._met.add(callback.call_id)
        self._open[callback.tenant, callback.call_id] = active
        self._by_call[callback.call_id] = active
        self._by_number[callback.tenant, callback.number] = active
        return active

    def prefer(self, active: Active) -> None:
        """Of several of one telephone this is the one that counts."""
        self._by_number[active.callback.tenant, active.callback.number] = active

    async def take(self, kept: KeptCallback) -> Active | None:
        """Write down a new one. None when it can't be promised (nothing holds it but memory), or
        when it has come to its end already."""
        fresh = await self.write(kept)
        if not self._journal.healthy:
            # Should the disk come back, nobody is rung who was told that he isn't.
            await self.write(replace(kept, callback=self._after(kept, CallbackEvent.CANCELLED)))
            log.error("callback_not_taken", **_of(kept.callback), reason="nothing can be kept")
            return None
        if not fresh:
            return None
        self._counter.callback_taken(kept.callback.tenant)
        return self.add(kept)

    async def happen(
        self, active: Active, event: CallbackEvent, *, result: str = "", seat_id: str = ""
    ) -> bool:
        """Let the table decide and write what came of it. False when another engine was faster:
        then its word counts, see `reread`."""
        if not self.apply(active, event, result=result, seat_id=seat_id):
            return True
        return await self.settle(active.kept)

    def apply(
        self, active: Active, event: CallbackEvent, *, result: str = "", seat_id: str = ""
    ) -> bool:
        """The part of `happen` that waits for nothing; `settle` must follow. False when nothing
        has changed."""
        after = self._after(active.kept, event, result=result, seat_id=seat_id)
        if after is active.callback:
            return False
        log.info(
            "callback_moved", **_of(after), event_of=str(event), attempts=after.attempts,
            result=after.result, seat=after.seat_id,
        )  # fmt: skip
        self._put(active, replace(active.kept, callback=after))
        return True

    async def settle(self, kept: KeptCallback) -> bool:
        """Make a change durable, the ticket's word first; as `happen`."""
        if kept.callback.over:
            self._counter.callback_ended(kept.callback.tenant, kept.callback.state.value)
        if kept.callback.state in LEAVES_WORD:
            await self._tickets.create(self._word(kept))
        return await self.write(kept)

    async def moved_up(self, active: Active, priority: int) -> None:
        """A supervisor has put his place before all others: so it is after a crash, too."""
        callback = active.callback
        if not callback.over:
            moved = replace(callback, priority=priority, version=callback.version + 1)
            self._put(active, replace(active.kept, callback=moved))
            await self.settle(active.kept)

    async def write(self, kept: KeptCallback) -> bool:
        """To SQL, or to the journal when that is away; False when a newer version is there."""
        try:
            return await self._store.save(kept)
        except Exception as error:
            # Whatever went wrong, the fact must not be lost: the journal sorts it out later.
            told = log.bind(**_of(kept.callback))
            if isinstance(error, StoreAway):
                told.warning("callback_journalled", reason=str(error))
            else:
                told.error("callback_journalled", exc_info=error)
            await self._journal.keep_callback(kept)
            return True

    async def reread(self, active: Active) -> None:
        """Take what SQL knows (another engine has moved it on). Raises StoreAway."""
        callback = active.callback
        kept = await self._store.find(callback.tenant, callback.call_id)
        if kept is not None and kept.callback.version >= callback.version:
            self._put(active, kept)

    def _put(self, active: Active, kept: KeptCallback) -> None:
        active.kept = kept
        active.changed.set()
        callback = kept.callback
        if callback.over:
            self._open.pop((callback.tenant, callback.call_id), None)
            self._by_call.pop(callback.call_id, None)
            if self._by_number.get((callback.tenant, callback.number)) is active:
                del self._by_number[callback.tenant, callback.number]

    def _after(self, kept: KeptCallback, event: CallbackEvent, **told: str) -> Callback:
        return decide(kept.callback, event, self._clock.now(), **told)

    def _word(self, kept: KeptCallback) -> NewTicket:
        """He is still to be called back, by a person, and before others."""
        return NewTicket(
            facts=kept.facts,
            origin=Origin.CALLBACK,
            state=TicketState.DRAFT,
            at=kept.callback.ended_at or self._clock.now(),
            first_callback=True,
        )


def _of(callback: Callback) -> dict[str, str]:
    return {
        "tenant": callback.tenant,
        "call_id": callback.call_id,
        "state": callback.state.value,
    }
