"""Takes in the requests that came while no engine was there: a ticket of each, exactly once.

An item is `incoming/<call>.json`, with its audio beside it. The steps are: audio to its place,
ticket, call row, item to `done/`. Each can be repeated without harm, and the item is moved last,
so a crash anywhere is healed by the next round. What is wrong goes to `rejected/` with its
reason; while SQL is away everything stays where it is. `incoming/<call>.begun` is the item of a
caller who is being recorded; one that grows old was left behind by a script that was killed.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta, tzinfo
from pathlib import Path

import structlog

from recordings.naming import request_path
from recordings.wav import wav_length_s
from storage.files import move, write_whole
from storage.spool_item import SpoolItem, file_name, origin_of, parse_item
from tickets.errors import StoreAway
from tickets.model import CallFacts, CallRecord, NewTicket, Origin, Outcome, TicketState
from tickets.number import local_day
from tickets.ports import CallStore, TicketStore
from tickets.spoken import request_of

log = structlog.get_logger(__name__)

EVERY_S = 2.0
BEGUN_LIFE_S = 600.0
MOST_TAKES = 5
LEAST_VOICE_S = 1.0
OUTCOMES = {
    Origin.VOICE_REQUEST: Outcome.VOICE_REQUEST,
    Origin.TALK: Outcome.ANSWERED,
    Origin.CALLBACK: Outcome.CALLBACK,
    Origin.ABANDONED: Outcome.ABANDONED,
}


class SpoolTaker:
    """Watches a spool. `resolve` decides tenant and line of an item, as a conversation would."""

    def __init__(
        self,
        home: Path,
        tickets: TicketStore,
        calls: CallStore,
        resolve: Callable[[SpoolItem], CallFacts],
        zones: Mapping[str, tzinfo],
    ) -> None:
        self._home = home
        self._spool = home / "spool"
        self._tickets = tickets
        self._calls = calls
        self._resolve = resolve
        self._zones = zones

    async def run(self) -> None:
        """Take in what comes, for ever; outages are waited out."""
        while True:
            try:
                await self.take_all()
            except StoreAway as error:
                log.warning("spool_waits", reason=str(error))
            await asyncio.sleep(EVERY_S)

    @property
    def waiting(self) -> int:
        """How many items lie in the spool now."""
        return len(list((self._spool / "incoming").glob("*.json")))

    async def take_all(self) -> int:
        """Take in every item there is; how many were tried. Raises `StoreAway`.

        An item the disk doesn't let us handle waits for the next round, the others don't.
        """
        try:
            await asyncio.to_thread(self._finish_begun)
        except OSError as error:
            log.error("spool_begun_waits", reason=str(error))
        files = sorted((self._spool / "incoming").glob("*.json"))
        for file in files:
            try:
                await self._take(file)
            except OSError as error:
                log.error("spool_item_waits", item=file.name, reason=str(error))
        return len(files)

    def _finish_begun(self) -> None:
        """An item whose script was killed in the middle is taken in as it stands."""
        for begun in (self._spool / "incoming").glob("*.begun"):
            if time.time() - begun.stat().st_mtime > BEGUN_LIFE_S:
                log.warning("spool_item_left_behind", item=begun.name)
                begun.replace(begun.with_suffix(".json"))

    async def _take(self, file: Path) -> None:
        try:
            content = await asyncio.to_thread(file.read_bytes)
            item = parse_item(file.stem, content)
            facts = self._resolve(item)
            await self._write(item, facts)
        except (StoreAway, OSError):
            raise
        except Exception as error:  # one bad item must not keep the others waiting
            log.error(
                "spool_item_rejected", item=file.name, reason=type(error).__name__,
                pii_detail=str(error),
            )  # fmt: skip
            await asyncio.to_thread(self._reject, file, f"{type(error).__name__}: {error}")
        else:
            await asyncio.to_thread(self._finish, file)

    async def _write(self, item: SpoolItem, facts: CallFacts) -> None:
        voice, voice_s = await asyncio.to_thread(self._place_voice, item, facts)
        origin = origin_of(item, has_voice=voice_s > 0)
        if origin is None:
            if item.transferred:
                await self._calls.record(_call_record(item, facts, Outcome.TRANSFERRED, ""))
            elif item.stage == "served":
                await self._calls.record(_call_record(item, facts, Outcome.SELF_SERVICE, ""))
            log.info("spool_item_without_ticket", tenant=facts.tenant, call_id=item.call_id)
            return
        # What is told in a callback belongs to the ticket of the call in which it was asked for.
        matter = replace(facts, call_id=item.variables.get("ORIGIN") or facts.call_id)
        ticket = await self._tickets.create(_new_ticket(item, matter, origin, voice, voice_s))
        await self._calls.record(_call_record(item, facts, OUTCOMES[origin], ticket.number))
        log.info(
            "spool_item_taken", tenant=facts.tenant, call_id=item.call_id, ticket=ticket.number,
            origin=origin.value,
        )  # fmt: skip

    def _place_voice(self, item: SpoolItem, facts: CallFacts) -> tuple[str, float]:
        """Move the item's audio where it is kept; its path relative to the home, its seconds.

        Without any, a take that the engine recorded before it died is looked for.
        """
        zone = self._zones.get(facts.tenant)
        if zone is None:
            raise ValueError(f"there is no tenant {facts.tenant!r} in the settings")
        name = file_name(item.call_id)
        source = self._spool / "incoming" / f"{name}.wav"
        path = request_path(name, local_day(item.taken_at, zone), "spool")
        target = self._home / path
        if source.is_file() and not source.is_symlink():
            move(source, target)
        if target.is_file() and (seconds := _seconds(target)) > 0:
            return path, seconds
        return self._earlier_take(item, name)

    def _earlier_take(self, item: SpoolItem, name: str) -> tuple[str, float]:
        """As a conversation chooses: the last take that is more than a breath, else the longest."""
        if item.stage != "voice_request":
            return "", 0.0
        middle = item.began_at.date()
        chosen, length_s = "", 0.0
        for take in range(1, MOST_TAKES + 1):
            for day in (middle + timedelta(days=shift) for shift in (-1, 0, 1)):
                path = request_path(name, day, str(take))
                file = self._home / path
                seconds = _seconds(file) if file.is_file() else 0.0
                if seconds >= LEAST_VOICE_S or seconds > length_s:
                    chosen, length_s = path, seconds
        return chosen, length_s

    def _finish(self, file: Path) -> None:
        move(file, _unused(self._spool / "done" / file.name))

    def _reject(self, file: Path, reason: str) -> None:
        target = _unused(self._spool / "rejected" / file.name)
        write_whole(target.with_suffix(".reason.txt"), f"{reason}\n".encode(errors="replace"))
        voice = file.with_suffix(".wav")
        if voice.exists():
            move(voice, target.with_suffix(".wav"))
        move(file, target)


def _new_ticket(
    item: SpoolItem, facts: CallFacts, origin: Origin, voice: str, voice_s: float
) -> NewTicket:
    """A key 0, or a request without a word of audio, is a wish for a person: called back first."""
    request = origin is Origin.VOICE_REQUEST
    return NewTicket(
        facts=facts,
        origin=origin,
        state=TicketState.PENDING_REVIEW if request else TicketState.DRAFT,
        at=item.taken_at,
        seat_id=item.seat if origin is Origin.TALK else "",
        voice_path=voice,
        voice_s=voice_s,
        first_callback=request and (not voice or "0" in facts.keys),
        spool_id=item.call_id,
        spoken=request_of(facts.language, (), recognised=False) if request else None,
    )


def _call_record(item: SpoolItem, facts: CallFacts, outcome: Outcome, ticket: str) -> CallRecord:
    """When a seat answered isn't known: only the dead engine knew."""
    return CallRecord(
        facts=facts,
        outcome=outcome,
        seat_id=item.seat if outcome is Outcome.ANSWERED else "",
        queued_at=item.queued_at,
        answered_at=None,
        ended_at=item.taken_at,
        ticket=ticket,
    )


def _seconds(file: Path) -> float:
    try:
        return wav_length_s(file)
    except ValueError:
        return 0.0


def _unused(file: Path) -> Path:
    """The name, or one beside it: an earlier item of that name is kept."""
    candidate, n = file, 1
    while candidate.exists():
        n += 1
        candidate = file.with_name(f"{file.stem}-{n}{file.suffix}")
    return candidate
