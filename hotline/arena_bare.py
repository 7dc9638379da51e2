"""The benchmark's bare engine: doors, seats and matcher, and the shortest conversation there is.

It keeps nothing: no ticket, no row, no Redis, no page. `hotline bench calls` uses it to tell what
distribution alone costs; nothing else starts it.
"""

import asyncio
from datetime import datetime
from zoneinfo import ZoneInfo

import uvloop

from hotline import logs, secrets_kept
from hotline.engine import LOOPBACK, settle_memory
from hotline.huge_pages import into_huge_pages
from hotline.loading import load_settings
from hotline.overrides import SystemClock
from hotline.settings import Settings
from queue_manager.model import (
    LeaveReason,
    MissReason,
    Need,
    Offer,
    QueueSettings,
    Requirement,
    SeatView,
    WaitingCaller,
)
from queue_manager.service import QueueService
from storage.database import Database
from storage.seats import SqlSeats
from telephony.call import Call, CallInfo, DialStatus
from telephony.door import Telephony
from telephony.errors import CallEnded
from telephony.events import EndpointReachable, Event, SnapshotTaken

READY = "bare engine ready"
PROMPTS = ("recording_notice", "welcome")
NEEDS = Requirement.of(Need("lang:cmn"), Need("svc:general"))
RING_S = 20.0


class Forgetful:
    """A live state that is kept nowhere."""

    async def load_seats(self, tenant: str) -> tuple[SeatView, ...]:
        return ()

    def save_seat(self, view: SeatView) -> None:
        """Kept nowhere."""

    def forget_seat(self, tenant: str, seat_id: str) -> None:
        """Kept nowhere."""

    def save_waiting(self, caller: WaitingCaller) -> None:
        """Kept nowhere."""

    def forget_waiting(self, tenant: str, call_id: str) -> None:
        """Kept nowhere."""


class BareEngine:
    """One tenant, one kind of caller."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock = SystemClock()
        tenant = settings.tenants[0]
        rules = QueueSettings(tenant=tenant.id, zone=ZoneInfo(tenant.time_zone), wrap_up_s=0)
        self._queue = QueueService(rules, Forgetful(), self._clock)
        self._telephony = Telephony(
            host=LOOPBACK,
            agi_port=settings.agi_port,
            ami_port=settings.ami_port,
            ami_secret=secrets_kept.ami_secret(settings.folders),
            on_call=self._lead,
            on_hangup=self._gone,
            on_event=self._hear,
        )

    async def run(self) -> None:
        """Until it is ended."""
        database = Database(self._settings.sql_url)
        await database.start()
        stored = await SqlSeats(database).list(self._queue.settings.tenant)
        await database.close()
        await self._queue.start([one.seat for one in stored], ())
        await self._telephony.start()
        settle_memory()
        await into_huge_pages(0)
        print(READY, flush=True)
        await asyncio.Event().wait()

    async def _lead(self, call: Call) -> None:
        await call.ask(PROMPTS, language="cmn", max_digits=1, timeout_s=2)
        now = self._clock.now()
        tenant, call_id = self._queue.settings.tenant, call.info.call_id
        place = self._queue.enter(WaitingCaller(tenant, call_id, "general", NEEDS, now))
        try:
            while True:
                offer = await call.hold(place.next_offer())

                async def answered(_: datetime, offer: Offer = offer) -> None:
                    place.answered(offer)

                result = await call.dial(offer.seat.endpoint, ring_s=RING_S, on_answer=answered)
                if result.status is DialStatus.ANSWER:
                    break
                place.missed(offer, MissReason.NO_ANSWER)
        except CallEnded:
            place.leave(LeaveReason.ABANDONED)
            self._queue.talk_ended_by_call(call_id)
            raise
        place.talk_ended(offer)
        await call.finish()

    async def _gone(self, info: CallInfo) -> None:
        self._queue.talk_ended_by_call(info.call_id)

    def _hear(self, event: Event) -> None:
        match event:
            case EndpointReachable():
                self._queue.endpoint_reachable(event.endpoint, event.reachable)
            case SnapshotTaken():
                for endpoint in event.reachable_endpoints:
                    self._queue.endpoint_reachable(endpoint, True)


def main() -> None:
    """Run until SIGTERM."""
    settings = load_settings()
    logs.configure(settings.log_level)
    uvloop.run(BareEngine(settings).run())


if __name__ == "__main__":
    main()
