"""Self-service by telephone (A8): how his ticket stands, urging it, adding to it; by keys, and the
numbers by voice where speech is on.

A straight line over `Call`; the decisions are `tickets.self_service`'s. A person is a key away at
any moment, and where he would have to be sent round in circles he is led to one by itself. What was
done is durable before it is confirmed: he may hang up whenever he likes.
"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from ivr.desk import Desk
from ivr.ending import LEAST_VOICE_S, keep_take, make_ticket, unbroken
from ivr.flow import PERSON_KEY, SelfService
from ivr.numbers import digits, ordinal
from ivr.own_words import keep_words
from ivr.self_service_asking import LANGUAGE_KEY, digits_of
from ivr.self_service_ports import OwnTickets
from ivr.story import Story
from ivr.voice_request import place_take, tell_number
from telephony.call import Call
from tickets.errors import StoreAway
from tickets.model import TicketState
from tickets.self_service import (
    CALL_TRIES,
    ENDING,
    OwnTicket,
    added_as,
    ending_of,
    has_ending,
    may_urge,
    number_of,
)

URGE_KEY, ADD_KEY, AGAIN_KEY = "1", "2", "3"
MOST_LANGUAGES = 5
LONGEST_NUMBER = 13
CHOICE_SILENCE_S = 6.0
MOST_CHOICES = 10
MOST_ADDED = 3
ADD_SILENCE_S = 4.0

S = TicketState
_STANDS = {
    S.DRAFT: "self/taken", S.PENDING_REVIEW: "self/taken", S.REOPENED: "self/taken",
    S.PENDING_INFO: "self/info_wanted",
    S.DISPATCHED: "self/dispatched", S.RETURN_REVIEW: "self/dispatched",
    S.JOINT_REVIEW: "self/dispatched",
    S.IN_PROGRESS: "self/handled", S.EXTENSION_REVIEW: "self/handled", S.STATUTORY: "self/handled",
    S.REPLY_REVIEW: "self/answered", S.CALLBACK: "self/answered", S.MANUAL_REVIEW: "self/answered",
    S.MERGED: "self/merged", S.ANSWERED: "self/done", S.ARCHIVED: "self/done",
    S.NOT_ACCEPTED: "self/not_accepted", S.TRANSFERRED: "self/transferred",
    S.WITHDRAWN: "self/withdrawn", S.VOID: "self/closed",
}  # fmt: skip


class PersonWanted(Exception):
    """He pressed 0, or a machine is of no more use to him."""


async def serve_oneself(call: Call, desk: Desk, story: Story, step: SelfService) -> str:
    """Lead him through it; the name of the step that follows. Raises `PersonWanted`."""
    if desk.own is None:
        await call.play(("self/away",), language=story.language)
        raise PersonWanted
    try:
        await _Serving(call, desk, story, desk.own).lead()
    except StoreAway as why:
        story.log().warning("self_service_away", reason=str(why))
        await call.play(("self/away",), language=story.language)
        raise PersonWanted from why
    return step.next


def stands(ticket: OwnTicket, now: datetime) -> Sequence[str]:
    """How a ticket stands, as prompts: its state in general words, when it is due (the day in the
    zone of `now`), why it wasn't accepted. Nothing of what it is about, and nobody's name."""
    said = [_STANDS[ticket.state]]
    if ticket.state is S.NOT_ACCEPTED and ticket.refused:
        said.append(f"refused/{ticket.refused}")
    if ticket.due is not None and ticket.due >= now:
        due = ticket.due.astimezone(now.tzinfo)
        said += ["self/due", *ordinal(due.month), "self/month", *ordinal(due.day), "self/day"]
    return said


class _Serving:
    def __init__(self, call: Call, desk: Desk, story: Story, own: OwnTickets) -> None:
        self._call = call
        self._desk = desk
        self._story = story
        self._own = own
        self._missed = False
        self._zone = ZoneInfo(story.tenant.time_zone)

    async def lead(self) -> None:
        ticket = await self._his_ticket()
        self._story.served = True
        self._story.log().info("self_service", ticket=ticket.number, state=ticket.state)
        ending = digits(ticket.number[-ENDING:])
        said: Sequence[str] = ("self/ticket", *ending, *self._stands(ticket))
        for _ in range(MOST_CHOICES):
            key = await self._choice(ticket, said)
            if not key:
                return
            said = await self._done(ticket, key)

    async def _done(self, ticket: OwnTicket, key: str) -> Sequence[str]:
        """What he is told when that is done."""
        if key == URGE_KEY and may_urge(ticket.state):
            return await self._urge(ticket)
        if key == ADD_KEY and added_as(ticket.state):
            return await self._add(ticket)
        if key == AGAIN_KEY:
            found = await self._own.with_number(ticket.tenant, ticket.number)
            return self._stands(found or ticket)
        return ("wrong_key",)

    # --- whose, and which

    async def _his_ticket(self) -> OwnTicket:
        """The ticket he has shown to be his; raises `PersonWanted` when he hasn't."""
        tenant, caller = self._story.tenant.id, self._caller
        for _ in range(CALL_TRIES):
            if await self._own.blocked(tenant, caller):
                await self._say("self/tried_enough")
                raise PersonWanted
            entered = await self._digits("self/enter", LONGEST_NUMBER)
            ticket, meant = await self._found(entered)
            if ticket is not None:
                return ticket
            if entered:
                await self._own.wrong(tenant, caller, meant)
            self._missed = True
            await self._say("self/not_found")
        raise PersonWanted

    @property
    def _caller(self) -> str:
        return self._story.caller.e164 or self._story.caller.raw

    async def _found(self, entered: str) -> tuple[OwnTicket | None, str]:
        """The ticket, and the number that was meant when it was a wrong try about one."""
        tenant, phone = self._story.tenant.id, self._story.caller.e164
        if (ending := ending_of(entered)) and phone:
            return await self._own.with_ending(tenant, ending, phone), ""
        if not (number := number_of(entered)):
            return None, ""
        ticket = await self._own.with_number(tenant, number)
        if ticket is not None and phone in ticket.phones:
            return ticket, ""
        check = await self._digits("self/check", ENDING)  # asked whether there is one or not
        if ticket is None or not has_ending(ticket, check):
            return None, number
        return ticket, ""

    # --- what he may do

    async def _choice(self, ticket: OwnTicket, said: Sequence[str]) -> str:
        offered = "self/choices" if may_urge(ticket.state) else "self/choices_closed"
        key = await self._call.ask(
            (*said, offered),
            language=self._story.language,
            max_digits=1,
            timeout_s=CHOICE_SILENCE_S,
        )
        if key == PERSON_KEY:
            raise PersonWanted
        return key

    async def _urge(self, ticket: OwnTicket) -> Sequence[str]:
        done = await unbroken(self._own.urge(ticket, self._desk.clock.now()))
        return ("self/urged",) if done else ("self/urged_before",)

    async def _add(self, ticket: OwnTicket) -> Sequence[str]:
        """His further words. Until they are with the ticket they are a request of this call, so
        that neither his hang-up nor our end loses them."""
        call, story = self._call, self._story
        if story.takes >= MOST_ADDED:
            raise PersonWanted
        await call.remember(**story.variables("voice_request"))
        story.takes += 1
        file = place_take(self._desk.voice, story, story.takes)
        await self._desk.voice.prepare(file)
        await self._say("self/add")
        story.pending, story.adding = file, ticket
        result = await call.record(
            file.inside, max_s=self._desk.voice_request_max_s, silence_s=ADD_SILENCE_S
        )
        story.pending = None
        keep_take(story, file, result.duration_s)
        if result.duration_s < LEAST_VOICE_S:
            story.adding, story.voice, story.voice_s = None, None, 0.0
            await call.remember(STAGE="served")
            return ("request_empty",)
        if await unbroken(keep_words(story, self._desk)):
            await call.remember(STAGE="served")
            return ("self/added",)
        await unbroken(make_ticket(story, self._desk, self._desk.clock.now()))
        await tell_number(call, story)
        return ()

    # --- small things

    def _stands(self, ticket: OwnTicket) -> Sequence[str]:
        return stands(ticket, self._desk.clock.now().astimezone(self._zone))

    async def _digits(self, prompt: str, longest: int) -> str:
        """What he keys or says; the star changes the language and asks anew. After an answer that
        led to nothing only keys count."""
        for _ in range(MOST_LANGUAGES):
            entered = await digits_of(
                self._call, self._desk, self._story, prompt, longest, by_voice=not self._missed
            )
            if entered == PERSON_KEY:
                raise PersonWanted
            if not entered.startswith(LANGUAGE_KEY):
                break
            known = self._story.flow.languages
            at = known.index(self._story.language) if self._story.language in known else -1
            self._story.language = known[(at + 1) % len(known)]
        return entered

    async def _say(self, prompt: str) -> None:
        await self._call.play((prompt,), language=self._story.language)
