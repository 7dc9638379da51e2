"""One call's story so far: who called which line, what he chose, how far he has come."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

import structlog

from asterisk_conf.model import Trunk
from ivr.caller import CallerId, CallerKind, caller_id, safe_text
from ivr.flow import PERSON_KEY, Flow, Flows
from ivr.intake import Intake
from ivr.known_callers import KnownCaller
from ivr.lines import Found, Line, Lines, Mode, resolve_tenant, respell
from ivr.ports import Place
from ivr.tenants import Tenant
from ivr.voice_files import VoiceFile
from queue_manager.model import Offer, Requirement
from queue_manager.rules import CallbackOrder, Rules
from telephony.call import CallInfo, DialStatus
from tickets.model import CallFacts, Kind
from tickets.self_service import OwnTicket

NOBODY = "unknown"
NOTHING = Requirement()


@dataclass(frozen=True, slots=True)
class Directory:
    """What is looked up to know whose call it is, and by which rules he waits; `trunks` is by
    trunk id, `rules` by tenant."""

    tenants: Sequence[Tenant]
    trunks: Mapping[str, Trunk]
    lines: Lines
    flows: Flows
    rules: Mapping[str, Rules]


class Resume(StrEnum):
    """Where a call stands when it comes (back) to an engine."""

    FRESH = "fresh"
    QUEUED = "queued"
    TRANSFER_BROKEN = "transfer_broken"
    VOICE_REQUEST = "voice_request"
    TALKED = "talked"
    TRANSFERRED = "transferred"
    HELD = "held"
    JOINED = "joined"
    CALLED_BACK = "called_back"
    CALLBACK_ASKED = "callback_asked"
    SERVED = "served"
    OVER = "over"


_HAD = frozenset({Resume.TALKED, Resume.HELD, Resume.JOINED})


def resume_point(seen: Mapping[str, str]) -> Resume:
    """Where to go on, from what an engine before us wrote on the channel."""
    match seen.get("STAGE"):
        case "called_back":
            return Resume.CALLED_BACK
        case "talked":
            return Resume.TALKED
        case "dialing" if seen.get("DIALSTATUS") == DialStatus.ANSWER:
            return Resume.TALKED if seen.get("SEAT") else Resume.TRANSFERRED
        case "dialing" if seen.get("CALLBACK") == CallbackOrder.SEAT_FIRST:
            return Resume.CALLED_BACK
        case "queued" | "dialing":
            return Resume.QUEUED if moment(seen.get("QUEUED_AT")) else Resume.TRANSFER_BROKEN
        case "voice_request":
            return Resume.VOICE_REQUEST
        case "consulting":
            return Resume.HELD
        case "talking":
            return Resume.JOINED
        case "callback":
            return Resume.CALLBACK_ASKED
        case "over":
            return Resume.OVER
        case "served":
            return Resume.SERVED
    return Resume.FRESH


@dataclass(slots=True)
class Story:
    """Grows while the conversation goes on; what it holds at the end decides ticket and outcome.

    `offer` is the seat ringing for him, `sought` that a transfer was tried, `pending` a recording
    under way, `voice` the last one that holds sound, `draft` the ticket being written while the
    talk goes on, `ticket_made` that one was written (its number may follow). `callback` is set in
    a call that we made ourselves, `asked_in` names the call in which a callback was asked for that
    this one is, or takes the place of. `elder` and `danger` are what he showed in this call,
    `chosen` is what a seat must know by his keys, `known` is what was known of him before;
    `priority`, `queue_id` and `waits_for` (what a seat must know) are those of his place once he
    has one. `number` is where he wants to be called back (confirmed), `promised` that this is
    durable. `talked` are the seats that have had him, in
    order, `to` is where a seat handed him on to (`ivr.targets`), `handed_to` the number outside
    where somebody answered then. `intake`: his answers by voice. `served`: he has had what he
    wanted of his ticket without a person, `adding` is the ticket that takes what he says now, and
    `takes` of his voice belong to such tickets. `unheard`: what he said couldn't be kept (the disk
    is full): he is called back.
    """

    info: CallInfo
    point: Resume
    tenant: Tenant
    line: Line | None
    called_number: str
    caller: CallerId
    flow: Flow
    language: str
    kind: Kind | None = None
    keys: str = ""
    elder: bool = False
    danger: bool = False
    chosen: Requirement = NOTHING
    known: KnownCaller | None = None
    priority: int = 0
    queue_id: str = ""
    waits_for: Requirement | None = None
    number: str = ""
    promised: bool = False
    queued_at: datetime | None = None
    place: Place | None = None
    offer: Offer | None = None
    answered: bool = False
    answered_at: datetime | None = None
    seat_id: str = ""
    sought: bool = False
    transferred: bool = False
    pending: VoiceFile | None = None
    voice: VoiceFile | None = None
    voice_s: float = 0.0
    unheard: bool = False
    confirmed: bool = False
    ticket: str = ""
    ticket_made: bool = False
    callback: CallbackOrder | None = None
    asked_in: str = ""
    talked: tuple[str, ...] = ()
    to: str = ""
    handed_to: str = ""
    draft: asyncio.Future[None] | None = None
    intake: Intake | None = None
    served: bool = False
    adding: OwnTicket | None = None
    takes: int = 0

    @property
    def asked_for_person(self) -> bool:
        """True once he has pressed 0; written on the channel with his other keys. In a call that
        we made ourselves he has asked for nothing: the keys are those of the call before."""
        return self.callback is None and PERSON_KEY in self.keys

    @property
    def known_line(self) -> Line:
        """The line, once it is sure that there is one."""
        assert self.line is not None
        return self.line

    @property
    def shares_ticket(self) -> bool:
        """Whether his line leads to a utility and no seat of ours has had him."""
        return self.line is not None and self.line.mode is Mode.UTILITY and not self.talked

    @property
    def needs(self) -> Requirement:
        """What a seat must know to serve him, before any step of the rules."""
        return self.waits_for or self.known_line.needed(self.language).joined(self.chosen)

    @property
    def facts(self) -> CallFacts:
        """What the call tells about its ticket, as of now."""
        return CallFacts(
            tenant=self.tenant.id,
            call_id=self.info.call_id,
            line_id=self.line.id if self.line else NOBODY,
            unit=self.line.unit if self.line else "",
            called_number=self.called_number,
            dialled=safe_text(self.info.called_number),
            caller_raw=self.caller.raw,
            caller_e164=self.caller.e164,
            anonymous=self.caller.kind in (CallerKind.ANONYMOUS, CallerKind.UNSAFE),
            language=self.language,
            kind=self.kind,
            keys=self.keys,
            started_at=self.info.answered_at,
            recording=self.info.recording,
        )

    @property
    def matter(self) -> CallFacts:
        """The facts as its ticket has them: a callback belongs to the ticket of the call in which
        it was asked for."""
        return replace(self.facts, call_id=self.asked_in) if self.asked_in else self.facts

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
        if self.asked_in:
            written["ORIGIN"] = self.asked_in
        if self.talked:
            written["TALKED"] = " ".join(self.talked)
            written["TO"] = self.to
        if self.queued_at is not None:
            written["QUEUED_AT"] = f"{self.queued_at.timestamp():.3f}"
            written["NEEDS"] = str(self.needs)
            written["PRIORITY"] = str(self.priority)
            written["QUEUE"] = self.queue_id
        if self.number:
            written["NUMBER"] = self.number
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


def identify(info: CallInfo, directory: Directory) -> Identity:
    """Tenant first, then the line, from the number first dialled and the number that arrived; a
    call that we made ourselves has both written on it."""
    if info.variables.get("CALLBACK"):
        return _identity_of_callback(info, directory)
    trunk = directory.trunks.get(info.trunk)
    spellings: Mapping[str, str] = trunk.spellings if trunk else {}
    fixed = trunk.tenant if trunk else ""
    first, dialled = safe_text(info.first_called), safe_text(info.called_number)
    for number in (dialled, first):
        tenant = resolve_tenant(directory.tenants, fixed, respell(number, spellings))
        if tenant is not None:
            return Identity(tenant, directory.lines.find(tenant, first, dialled, spellings))
    return Identity(directory.tenants[0], None)


def _identity_of_callback(info: CallInfo, directory: Directory) -> Identity:
    """A line that has gone from the table meanwhile is nobody's."""
    tenant_id = info.variables.get("TENANT", "")
    tenant = next((t for t in directory.tenants if t.id == tenant_id), directory.tenants[0])
    line = directory.lines.get(tenant.id, info.variables.get("LINE", ""))
    return Identity(tenant, Found(line, safe_text(info.called_number)) if line else None)


def open_story(info: CallInfo, directory: Directory) -> Story:
    """The story as the call's own words and its channel variables tell it."""
    identity = identify(info, directory)
    found = identity.found
    line = found.line if found else None
    flow = directory.flows.of(identity.tenant.id, line.id if line else "")
    seen = info.variables
    point = resume_point(seen)
    return Story(
        info=info,
        point=point,
        tenant=identity.tenant,
        line=line,
        called_number=(
            found.number if found else safe_text(info.first_called) or safe_text(info.called_number)
        ),
        caller=_caller(info, identity.tenant),
        flow=flow,
        language=seen.get("LANG") or flow.languages[0],
        kind=_kind(seen.get("KIND", "")),
        keys=seen.get("KEYS", ""),
        queued_at=moment(seen.get("QUEUED_AT")) if point is not Resume.CALLED_BACK else None,
        answered=point in _HAD,
        seat_id=seen.get("SEAT", "") if point in _HAD else "",
        transferred=point is Resume.TRANSFERRED,
        sought=point is Resume.TRANSFER_BROKEN,
        served=point is Resume.SERVED,
        callback=_order(seen.get("CALLBACK", "")),
        asked_in=seen.get("ORIGIN", ""),
        talked=tuple(seen.get("TALKED", "").split()),
        to=seen.get("TO", ""),
        handed_to=number_outside(seen.get("TO", "")) if point is Resume.TRANSFERRED else "",
        priority=_whole(seen.get("PRIORITY", "")),
        queue_id=seen.get("QUEUE", ""),
        waits_for=_requirement(seen.get("NEEDS", "")),
        number=seen.get("NUMBER", ""),
        ticket=seen.get("TICKET", ""),
        ticket_made=bool(seen.get("TICKET")),
    )


def _caller(info: CallInfo, tenant: Tenant) -> CallerId:
    """P-Asserted-Identity of a trusted trunk, else From."""
    received = safe_text(info.asserted_caller) or info.caller_number
    return caller_id(received, area_code=tenant.area_code)


def moment(epoch_s: str | None) -> datetime | None:
    """A time written as seconds since 1970; None when it isn't one."""
    try:
        return datetime.fromtimestamp(float(epoch_s), UTC) if epoch_s else None
    except (ValueError, OverflowError, OSError):
        return None


def _whole(text: str) -> int:
    """A priority as written on a channel; 0 when it isn't one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _requirement(text: str) -> Requirement | None:
    """Needs as written on a channel; None when they aren't any."""
    try:
        return Requirement.parse(text) if text else None
    except ValueError:
        return None


def number_outside(target: str) -> str:
    """The number outside that a target names; "" when it is a seat, a queue or a line."""
    kind, _, number = target.partition(":")
    return number if kind == "number" else ""


def _order(text: str) -> CallbackOrder | None:
    return CallbackOrder(text) if text in tuple(CallbackOrder) else None


def _kind(text: str) -> Kind | None:
    return Kind(text) if text in tuple(Kind) else None
