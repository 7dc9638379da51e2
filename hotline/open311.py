"""The public web channel in the running engine: jurisdictions, services, tickets by Open311."""

from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo

import phonenumbers

from console.open311 import Asking, NewRequest, PublicRequest, Service
from hotline.deadlines import Deadlines
from hotline.settings import Settings
from ivr.ports import Clock
from storage.database import Database
from storage.open311 import SqlOpen311, Wanted, WebRequest, WebTicket
from storage.tickets import OnOrigin
from tickets.lifecycle import CLOSED
from tickets.model import TicketState
from tickets.understanding.rules import DATA, load_rules

S = TicketState
LONGEST_TITLE = 60
NOTES: Mapping[TicketState, str] = {
    S.DRAFT: "已收到", S.PENDING_REVIEW: "已收到,待受理", S.PENDING_INFO: "待补充信息",
    S.MERGED: "与同类诉求合并办理", S.DISPATCHED: "已派单", S.RETURN_REVIEW: "办理中",
    S.JOINT_REVIEW: "办理中", S.IN_PROGRESS: "办理中", S.EXTENSION_REVIEW: "办理中",
    S.STATUTORY: "已立案,按法定时限办理", S.REPLY_REVIEW: "已答复,审核中", S.CALLBACK: "回访中",
    S.MANUAL_REVIEW: "回访中", S.REOPENED: "重新受理", S.ANSWERED: "已答复",
    S.ARCHIVED: "已办结", S.NOT_ACCEPTED: "不予受理", S.TRANSFERRED: "已转紧急热线",
    S.VOID: "无效", S.WITHDRAWN: "已撤回",
}  # fmt: skip
"""What everybody is told of where a ticket stands."""


class PublicDoor:
    """`console.open311.Open311` of the tenants whose setting `open311` is on."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        deadlines: Deadlines,
        zones: Mapping[str, tzinfo],
        clock: Clock,
        on_origin: OnOrigin = lambda ticket, was: None,
    ) -> None:
        self._tenants = [tenant.id for tenant in settings.tenants if tenant.open311]
        self._units = deadlines.units
        rules = load_rules(settings.understanding or DATA) if self._tenants else None
        leaves = rules.classes.leaves if rules else ()
        self._classes = {leaf.code: leaf for leaf in leaves}
        self._services = tuple(
            Service(leaf.code, leaf.path[2], leaf.path[1], "/".join(leaf.path), leaf.path[0])
            for leaf in leaves
        )
        self._store = SqlOpen311(database, deadlines.clockwork, deadlines.lives, zones, on_origin)
        self._clock = clock

    def jurisdictions(self) -> Mapping[str, str]:
        """Tenants whose door is open, by the code of the division each serves."""
        return {self._units.of(tenant).home: tenant for tenant in reversed(self._tenants)}

    def services(self, tenant: str) -> Sequence[Service]:
        """The leaves of the classification."""
        return self._services

    async def make(self, tenant: str, new: NewRequest) -> str:
        """Its ticket's number."""
        citizen = new.citizen
        contact = {
            "first_name": citizen.first_name, "last_name": citizen.last_name,
            "email": citizen.email, "account_id": citizen.account_id,
            "device_id": citizen.device_id, "phone": citizen.phone,
        }  # fmt: skip
        leaf = self._classes[new.service.code]
        request = WebRequest(
            new.token, leaf.code, f"{leaf.path[2]}:{new.description}"[:LONGEST_TITLE], leaf.kind,
            new.description, new.address, new.address_id, "", new.lat, new.long, new.media_url,
            citizen.phone, e164(citizen.phone), {k: v for k, v in contact.items() if v},
        )  # fmt: skip
        return await self._store.make(tenant, request, self._clock.now())

    async def find(self, tenant: str, asking: Asking) -> Sequence[PublicRequest]:
        """Requests as everybody may see them."""
        wanted = Wanted(
            int(asking.begin.astimezone(UTC).timestamp()),
            int(asking.end.astimezone(UTC).timestamp()), asking.ids, asking.services,
            open="open" in asking.statuses, closed="closed" in asking.statuses,
        )  # fmt: skip
        found = await self._store.find(tenant, wanted)
        names = {unit: known.name for unit, known in self._units.of(tenant).by_id.items()}
        return [_public(one, names) for one in found]

    async def of_token(self, tenant: str, token: str) -> str | None:
        """The number that this token made."""
        return await self._store.of_token(tenant, token)


def e164(phone: str) -> str:
    """A phone's normal form, read as a Chinese one where it has no country; "" when it is none."""
    try:
        parsed = phonenumbers.parse(phone, "CN")
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(parsed):
        return ""
    return str(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164))


def _public(one: WebTicket, names: Mapping[str, str]) -> PublicRequest:
    return PublicRequest(
        one.number, one.state not in CLOSED, NOTES[one.state], one.service_code, one.description,
        names.get(one.unit, ""), one.requested_at, one.updated_at, one.due, one.address,
        one.address_id, one.lat, one.long, one.media_url,
    )  # fmt: skip
