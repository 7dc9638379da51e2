"""The follow-ups of a running engine with their real parts, and the calls that are theirs."""

from collections.abc import Callable, Coroutine
from typing import Any

from console.metrics import Metrics
from hotline.deadlines import Deadlines
from hotline.follow_ups import SOUNDS, FollowUps, Outside, is_follow_up
from hotline.settings import Settings
from ivr.dialling import trunk_for
from ivr.follow_up import follow_up, hung_up
from ivr.follow_up_ear import Keys, Voice, load_words
from ivr.intake_house import SpokenHouse
from ivr.ports import Clock
from ivr.prompt_texts import load_catalogue
from ivr.reply_sound import ReplySounds
from storage.database import Database
from storage.follow_ups import SqlFollowUps
from storage.journal import Journal
from telephony.call import Call, CallInfo
from telephony.door import Telephony
from tickets.follow_up import Leg

Spawn = Callable[[Coroutine[Any, Any, None]], None]


class FollowingUp:
    """What the engine needs of them: `store` for the journal's drain, `board` for watch and
    console, `lead` and `over` for calls."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        deadlines: Deadlines,
        journal: Journal,
        telephony: Telephony,
        clock: Clock,
        metrics: Metrics,
        spawn: Spawn,
        house: SpokenHouse | None = None,
    ) -> None:
        home, rules = settings.folders, settings.outbound
        self.store = SqlFollowUps(
            database, deadlines.lives, lambda tenant: deadlines.rules.of(tenant), settings.node
        )
        outside = Outside(
            tenants=[tenant.id for tenant in settings.tenants],
            rules=lambda tenant: deadlines.rules.of(tenant).policy.follow_up,
            lines=telephony.originator,
            connected=lambda: telephony.ami.connected,
            trunk=lambda number: trunk_for(rules, number),
            sounds=ReplySounds(home.state / SOUNDS, load_catalogue(home.prompts / "custom")),
            clock=clock,
        )
        self.board = FollowUps(
            self.store, journal, outside, metrics, spawn, allowed=bool(settings.outbound),
            ear=Voice(house, load_words(), f"state/{SOUNDS}") if house else Keys(),
        )  # fmt: skip

    async def lead(self, call: Call) -> bool:
        """Lead a call to its end if it is a follow-up's; False for any other."""
        if not is_follow_up(call.info.variables):
            return False
        await follow_up(call, self.board)
        return True

    async def over(self, info: CallInfo) -> bool:
        """A call has ended that nobody led; False when it is none of these."""
        leg = Leg.parse(info.call_id) if is_follow_up(info.variables) else None
        if leg is None:
            return False
        await hung_up(info, self.board, leg)
        return True
