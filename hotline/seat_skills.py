"""Seats with skills that the rules don't know: told, since no caller would be given them for it."""

from collections.abc import Collection, Iterable

import structlog

from hotline.settings import Settings
from hotline.store import with_store
from ivr.queue_rules import read_rules, rules_file
from queue_manager.model import Seat
from queue_manager.unknown_skills import spelled, unknown_skills
from storage.database import Database
from storage.seats import SqlSeats

MEND = "give the seats other skills (hotline seats skills), or add the skills to the rules"

log = structlog.get_logger(__name__)


def tell(tenant: str, seats: Iterable[Seat], known: Collection[str]) -> None:
    """Warn in the log, once for all of a tenant's seats."""
    found = unknown_skills(seats, known)
    if found:
        log.warning("seats_have_unknown_skills", tenant=tenant, skills=spelled(found), mend=MEND)


def unknown_by_tenant(settings: Settings) -> dict[str, str]:
    """What is stored, by tenant, in words; tenants without such a seat are left out. Raises what
    `with_store` and `read_rules` raise."""

    async def seats(database: Database) -> list[Seat]:
        return [stored.seat for stored in await SqlSeats(database).list()]

    stored = with_store(settings, seats)
    found: dict[str, str] = {}
    for tenant in settings.tenants:
        own = (seat for seat in stored if seat.tenant == tenant.id)
        if words := spelled(unknown_skills(own, read_rules(rules_file(tenant)).skills)):
            found[tenant.id] = words
    return found
