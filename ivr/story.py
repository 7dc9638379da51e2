"""One call's story so far: who called which line, what he chose, how far he has come."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from asterisk_conf.model import Trunk
from ivr.caller import CallerKind, caller_id, safe_text
from ivr.desk import VoiceFile
from ivr.flow import PERSON_KEY, Flow
from ivr.lines import Found, Line, Lines, resolve_tenant, respell
from ivr.ports import Place
from ivr.tenants import Tenant
from queue_manager.model import Need
from telephony.call import CallInfo
from tickets.model import CallFacts, Kind

NOBODY = "unknown"


@dataclass(slots=True)
class Story:
    """Grows while the conversation goes on; what it holds at the end decides ticket and outcome.

    `pending` is a recording under way, `voice` the last one that holds sound, `draft` the ticket
    being written while the talk goes on, `ticket_made` that one was written (its number may follow).
    """

    info: CallInfo
    tenant: Tenant
    line: Line | None
    called_number: str
    flow: Flow
    language: str
    kind: Kind | None = None
    keys: str = ""
    queued_at: datetime | None = None
    place: Place | None = None
    answered: bool = False
    answered_at: datetime | None = None
    seat_id: str = ""
    transferred: bool = False
    pending: VoiceFile | None = None
    voice: VoiceFile | None = None
    voice_s: float = 0.0
    confirmed: bool = False
    ticket: str = ""
    ticket_made: bool = False
    draft: asyncio.Future[None] | None = None

    @property
    def asked_for_person(self) -> bool:
        """True once he has pressed 0; written on the channel with his other keys."""
        return PERSON_KEY in self.keys

    @property
    def known_line(self) -> Line:
        """The line, once it is sure that there is one."""
        assert self.line is not None
        return self.line

    @property
    def needs(self) -> frozenset[Need]:
        """What a seat must know to serve him."""
        return self.known_line.needed(self.language)

    @property
    def facts(self) -> CallFacts:
        """What the call tells about its ticket, as of now."""
        return facts(
            self.info,
            self.tenant,
            self.line,
            self.called_number,
            language=self.language,
            kind=self.kind,
            keys=self.keys,
        )

    def variables(self, stage: str) -> dict[str, str]:
        """What a new engine must know to go on from here (HL_ variables of the channel)."""
        written = {
            "STAGE": stage,
            "TENANT": self.tenant.id,
            "LINE": self.known_line.id,
            "LANG": self.language,
            "KIND": self.kind or "",
            "KEYS": self.keys,
        }
        if self.queued_at is not None:
            written["QUEUED_AT"] = f"{self.queued_at.timestamp():.3f}"
            written["NEEDS"] = "+".join(f"{n.skill}/{n.level}" for n in sorted(self.needs))
            written["PRIORITY"] = "0"
        return written

    def log(self) -> structlog.stdlib.BoundLogger:
        """A logger that knows the call."""
        logger: structlog.stdlib.BoundLogger = structlog.get_logger("ivr")
        return logger.bind(call_id=self.info.call_id, tenant=self.tenant.id)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose call it is. Without `found` nobody here has the number (then `tenant` is the trunk's,
    or the installation's first, so that the call is counted somewhere)."""

    tenant: Tenant
    found: Found | None


def identify(
    info: CallInfo, tenants: Sequence[Tenant], trunks: Mapping[str, Trunk], lines: Lines
) -> Identity:
    """Tenant first, then the line, from the number first dialled and the number that arrived."""
    trunk = trunks.get(info.trunk)
    spellings: Mapping[str, str] = trunk.spellings if trunk else {}
    fixed = trunk.tenant if trunk else ""
    first, dialled = safe_text(info.first_called), safe_text(info.called_number)
    tenant = resolve_tenant(tenants, fixed, respell(dialled, spellings)) or resolve_tenant(
        tenants, fixed, respell(first, spellings)
    )
    if tenant is None:
        return Identity(tenants[0], None)
    return Identity(tenant, lines.find(tenant, first, dialled, spellings))


def facts(
    info: CallInfo,
    tenant: Tenant,
    line: Line | None,
    called_number: str,
    *,
    language: str,
    kind: Kind | None,
    keys: str,
) -> CallFacts:
    """The facts of a call; unsafe names and numbers are left out, never passed on."""
    area_code = next((p for p in tenant.prefixes if p.startswith("0")), "")
    caller = caller_id(safe_text(info.asserted_caller) or info.caller_number, area_code=area_code)
    return CallFacts(
        tenant=tenant.id,
        call_id=info.call_id,
        line_id=line.id if line else NOBODY,
        unit=line.unit if line else "",
        called_number=called_number,
        dialled=safe_text(info.called_number),
        caller_raw=caller.raw,
        caller_e164=caller.e164,
        anonymous=caller.kind in (CallerKind.ANONYMOUS, CallerKind.UNSAFE),
        language=language,
        kind=kind,
        keys=keys,
        started_at=info.answered_at,
        recording=info.recording,
    )


def open_story(
    info: CallInfo,
    tenants: Sequence[Tenant],
    trunks: Mapping[str, Trunk],
    lines: Lines,
    flow_of: Callable[[str, str], Flow],
) -> Story:
    """The story as the call's own words and its channel variables tell it."""
    identity = identify(info, tenants, trunks, lines)
    line = identity.found.line if identity.found else None
    number = (
        identity.found.number
        if identity.found
        else safe_text(info.first_called) or safe_text(info.called_number)
    )
    flow = flow_of(identity.tenant.id, line.id if line else "")
    seen = info.variables
    return Story(
        info=info,
        tenant=identity.tenant,
        line=line,
        called_number=number,
        flow=flow,
        language=seen.get("LANG") or flow.languages[0],
        kind=_kind(seen.get("KIND", "")),
        keys=seen.get("KEYS", ""),
        queued_at=moment(seen.get("QUEUED_AT")),
        ticket=seen.get("TICKET", ""),
        ticket_made=bool(seen.get("TICKET")),
    )


def moment(epoch_s: object) -> datetime | None:
    """A time written as seconds since 1970 (number or text); None when it isn't one."""
    if not isinstance(epoch_s, str | int | float) or not epoch_s:
        return None
    try:
        return datetime.fromtimestamp(float(epoch_s), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _kind(text: str) -> Kind | None:
    return Kind(text) if text in tuple(Kind) else None
