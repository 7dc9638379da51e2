"""What happens to tickets after their call: events told, refused or kept, in SQL."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from storage.clockwork import Clockwork, NoClocks
from storage.database import Database
from storage.events import Kept, history, keyed
from storage.follow_up_rows import ask_citizens
from storage.life_book import MAIN, PART, LifeBook
from storage.notices import keep_notices
from storage.parts import make_part
from storage.ticket_keys import keep_keys
from storage.ticket_search import keep_texts
from tickets.consequences import EndChildren, MakeChild, TellMain, TellMerged, TellParent, Then
from tickets.errors import EventRefused, TicketError, UnknownTicket
from tickets.life import SYSTEM, Life, Limits, Told
from tickets.lifecycle import OVERLAYS, decide, replay
from tickets.told_data import text, texts

MOST_KEY = 100
_UNITS = ("lead", "suggested")


@dataclass(frozen=True, slots=True)
class Command:
    """An event to be told. `version` is what its teller has seen (None: whatever it is now);
    the same `key` on the same ticket makes it happen once ("": no repetition is known)."""

    tenant: str
    number: str
    told: Told
    version: int | None = None
    key: str = ""


class SqlLives:
    """The lives of tickets on a `Database`. `clockwork` carries clock effects out in the events'
    own transaction; `known_unit` says whether a tenant has a unit of this id."""

    def __init__(
        self,
        database: Database,
        clockwork: Clockwork | None = None,
        known_unit: Callable[[str, str], bool] = lambda tenant, unit: True,
    ) -> None:
        self._database = database
        self._clockwork = clockwork or NoClocks()
        self._known_unit = known_unit

    async def tell(self, command: Command) -> Life:
        """Keep an event, durable on return; the life it made of the ticket.

        Raises `EventRefused` or `UnknownTicket`, then nothing has changed; `StoreAway`.
        """
        if len(command.key) > MOST_KEY:
            raise EventRefused("too-long", f"a key has {MOST_KEY} characters at most")
        result = await self._database.write_together(
            self._tell_all, command, name="lives", order=command.tenant
        )
        if isinstance(result, TicketError):
            raise result
        life: Life = result
        return life

    def tell_within(
        self, connection: Connection, commands: Sequence[Command]
    ) -> Sequence[Life | TicketError]:
        """As `tell`, of one tenant's tickets, in the caller's own transaction; refused ones are
        answered with their error."""
        return self._tell_all(connection, commands)

    def book(self, connection: Connection, tenant: str, numbers: Iterable[str]) -> LifeBook:
        """These tickets of a tenant, read, for `tell_in` in the same transaction."""
        book = LifeBook(connection, tenant, self._clockwork)
        book.load(numbers)
        return book

    def tell_in(self, book: LifeBook, commands: Sequence[Command]) -> list[Life | TicketError]:
        """Each as if it were alone, in their order, and all written; a book is told once."""
        telling = _Telling(book, self._known_unit)
        telling.remember(commands)
        results = [telling.answered(command) for command in commands]
        # reads first: what is written goes together
        keep_texts(book.connection, book.tenant, telling.kept)
        book.write()
        keep_keys(book.connection, book.tenant, telling.kept)
        keep_notices(book.connection, book.tenant, telling.kept)
        ask_citizens(book.connection, book.tenant, telling.kept)
        return results

    async def life(self, tenant: str, number: str, *, seq: int = 0) -> Life:
        """What holds of a ticket now, or held after its event `seq`; raises `UnknownTicket`."""
        events = await self.history(tenant, number)
        told = [(kept.told, kept.state) for kept in events if not seq or kept.seq <= seq]
        if not told:
            raise UnknownTicket(f"{tenant} has no ticket {number}")
        return replay(tenant, number, told)

    async def history(self, tenant: str, number: str) -> Sequence[Kept]:
        """A ticket's events, oldest first; empty for an unknown one."""
        found = await self._database.read(lambda c: history(c, tenant, (number,)))
        return found[number]

    def _tell_all(
        self, connection: Connection, commands: Sequence[Command]
    ) -> list[Life | TicketError]:
        """As `tell_in`; all are of one tenant."""
        numbers = (command.number for command in commands)
        return self.tell_in(self.book(connection, commands[0].tenant, numbers), commands)


class _Telling:
    """One commit's commands, one after the other."""

    def __init__(self, book: LifeBook, known_unit: Callable[[str, str], bool]) -> None:
        self._book = book
        self._known_unit = known_unit
        self._keys: dict[tuple[str, str], tuple[str, Any]] = {}
        self._limits: dict[str, Limits] = {}
        self.kept: list[tuple[Life, Told]] = []

    def remember(self, commands: Sequence[Command]) -> None:
        """Which keys were used before, and the limits of all, each in one exchange."""
        wanted = [(command.number, command.key) for command in commands if command.key]
        self._keys = keyed(self._book.connection, self._book.tenant, wanted)
        bound = [command for command in commands if _bound(command.told)]
        lives = [life for c in bound if (life := self._known(c.number)) is not None]
        at = max(command.told.at for command in commands)
        limits = self._book.limits(lives, at)
        self._limits = {life.number: limit for life, limit in zip(lives, limits, strict=True)}

    def answered(self, command: Command) -> Life | TicketError:
        """The life the command made, or why it was refused."""
        was_kept = len(self.kept)
        try:
            with self._book.together():
                return self._one(command)
        except (EventRefused, UnknownTicket) as refused:
            del self.kept[was_kept:]
            return refused

    def _known(self, number: str) -> Life | None:
        try:
            return self._book.page(number).life
        except UnknownTicket:
            return None

    def _one(self, command: Command) -> Life:
        life, told = self._book.page(command.number).life, command.told
        if command.key and (used := self._keys.get((command.number, command.key))):
            if used != (told.event, dict(told.data)):
                raise EventRefused("key-reused", "this key was used for another event")
            return life
        if command.version is not None and command.version != life.seq:
            raise EventRefused(
                "stale-version", f"it is at version {life.seq}, not {command.version}: read it anew"
            )
        self._units_are_known(told)
        self._let_happen(command.number, told, command.key)
        if command.key:
            self._keys[command.number, command.key] = (told.event, dict(told.data))
        return self._book.page(command.number).life

    def _let_happen(self, number: str, told: Told, key: str) -> None:
        """The event and whatever follows of it, on this ticket and others."""
        waiting = deque([(number, told, key)])
        while waiting:
            number, told, key = waiting.popleft()
            page = self._book.page(number)
            decision = decide(page.life, told, self._limit(page.life, told))
            self._book.keep(decision, told, key)
            self.kept.append((decision.life, told))
            self._limits.pop(number, None)
            for effect in decision.effects:
                waiting += ((n, t, "") for n, t in self._follows(effect, page.life, told))

    def _limit(self, life: Life, told: Told) -> Limits:
        if not _bound(told):
            return _ANY
        if life.number not in self._limits:
            (self._limits[life.number],) = self._book.limits((life,), told.at)
        return self._limits[life.number]

    def _follows(self, effect: object, life: Life, told: Told) -> Iterator[tuple[str, Told]]:
        """What an effect lets happen next, and to which ticket. `life` is as before the event."""
        book, here = self._book, {"number": life.number}
        match effect:
            case Then(event, reason):
                yield life.number, _by_system(told, event, {"reason": reason} if reason else {})
            case TellParent():
                yield life.parent, _by_system(told, "child_ended", here)
            case TellMain(main, joined):
                if joined:
                    book.link(MAIN, main, life.number)
                    yield main, _by_system(told, "joined", here)
                else:
                    book.unlink(main, life.number)
                    yield main, _by_system(told, "left", here)
            case TellMerged("archived" | "gone" as what):
                event = "main_archived" if what == "archived" else "unlinked"
                for number in book.linked(MAIN, life.number):
                    yield number, _by_system(told, event, {"reason": "main ticket ended", **here})
            case EndChildren():
                for number in book.linked(PART, life.number):
                    if book.page(number).life.running:
                        yield number, _by_system(told, "withdrawn", {"code": "whole-ended", **here})
            case MakeChild(unit):
                self.kept.append(make_part(book, life, unit, told.at))

    def _units_are_known(self, told: Told) -> None:
        named = {text(told.data, name) for name in _UNITS} - {""}
        for name in ("units", "co_units"):
            if name in told.data:
                named |= set(texts(told.data, name)) if told.data[name] else set()
        for unit in sorted(named):
            if not self._known_unit(self._book.tenant, unit):
                raise EventRefused("unknown-unit", f"there is no unit {unit[:60]!r}")


_ANY = Limits()


def _bound(told: Told) -> bool:
    """Whether limits have a say: not in overlays without a rule, cards by the thousand."""
    overlay = OVERLAYS.get(told.event)  # type: ignore[call-overload] # an Event is its text
    return overlay is None or overlay.rule is not None


def _by_system(cause: Told, event: str, data: Mapping[str, object]) -> Told:
    return replace(cause, event=event, actor=SYSTEM, data=data)
