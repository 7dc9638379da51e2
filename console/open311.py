"""Open311 GeoReport v2, pure: what is asked, in the words of the specification
(wiki.open311.org/GeoReport_v2); `console.open311_told` is what is answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Protocol

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from tickets.script import scriptless

LONGEST_DESCRIPTION = 4_000
MOST_ROWS = 1_000
MOST_SPAN = timedelta(days=90)
MOST_IDS = 100


class GeoReportError(Exception):
    """What the specification answers with a code and a description."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


@dataclass(frozen=True, slots=True)
class Service:
    """A kind of request: a leaf of the classification."""

    code: str
    name: str
    group: str
    description: str
    keywords: str = ""


@dataclass(frozen=True, slots=True)
class PublicRequest:
    """A request as everybody may see it: nothing of who asked. Seconds since 1970."""

    id: str
    is_open: bool
    notes: str
    service: str
    description: str
    agency: str
    requested_at: int
    updated_at: int
    expected_at: int | None
    address: str
    address_id: str
    lat: float | None
    long: float | None
    media_url: str


@dataclass(frozen=True, slots=True)
class Asking:
    """Which requests are asked for: by number, or by service, status and time (UTC)."""

    begin: datetime
    end: datetime
    ids: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    statuses: frozenset[str] = frozenset({"open", "closed"})


@dataclass(frozen=True, slots=True)
class Citizen:
    """Who asks. Kept for the hotline, never told to the public."""

    first_name: str = ""
    last_name: str = ""
    phone: str = ""
    email: str = ""
    account_id: str = ""
    device_id: str = ""


@dataclass(frozen=True, slots=True)
class NewRequest:
    """What a citizen asks; `token` is by what a repetition is known."""

    service: Service
    description: str
    address: str
    address_id: str
    lat: float | None
    long: float | None
    media_url: str
    token: str
    citizen: Citizen = field(default_factory=Citizen)


class Open311(Protocol):
    """The public door of the tenants that have it open. Raises `StoreAway`."""

    def jurisdictions(self) -> Mapping[str, str]:
        """Tenants whose door is open, by jurisdiction (a division's code)."""
        ...

    def services(self, tenant: str) -> Sequence[Service]:
        """What can be asked for."""
        ...

    async def make(self, tenant: str, new: NewRequest) -> str:
        """Make its ticket, or find the one that this token made; its number."""
        ...

    async def find(self, tenant: str, asking: Asking) -> Sequence[PublicRequest]:
        """Requests made by this door, the newest first, `MOST_ROWS` at most."""
        ...

    async def of_token(self, tenant: str, token: str) -> str | None:
        """The number of the ticket that this token made."""
        ...


class NoOpen311:
    """Nobody's door is open."""

    def jurisdictions(self) -> Mapping[str, str]:
        return {}

    def services(self, tenant: str) -> Sequence[Service]:
        return ()

    async def make(self, tenant: str, new: NewRequest) -> str:
        raise GeoReportError(404, "jurisdiction_id was not found")

    async def find(self, tenant: str, asking: Asking) -> Sequence[PublicRequest]:
        return ()

    async def of_token(self, tenant: str, token: str) -> str | None:
        return None


Scriptless = AfterValidator(scriptless)
Line = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$"), Scriptless
]


def _blank(value: object) -> object:
    """An empty field of a form is none."""
    return None if isinstance(value, str) and not value.strip() else value


Latitude = Annotated[float, BeforeValidator(_blank), Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, BeforeValidator(_blank), Field(ge=-180, le=180, allow_inf_nan=False)]


class Form(BaseModel):
    """The fields of POST requests; those that we don't know (`attribute[…]`) are passed over."""

    model_config = ConfigDict(extra="ignore")

    service_code: Annotated[Line, Field(max_length=20)] = ""
    description: Annotated[str, StringConstraints(pattern=r"^[^\x00]*$"), Scriptless] = ""
    address_string: Annotated[Line, Field(max_length=300)] = ""
    address_id: Annotated[Line, Field(max_length=100)] = ""
    lat: Annotated[Latitude | None, BeforeValidator(_blank)] = None
    long: Annotated[Longitude | None, BeforeValidator(_blank)] = None
    email: Annotated[Line, Field(max_length=254)] = ""
    device_id: Annotated[Line, Field(max_length=200)] = ""
    account_id: Annotated[Line, Field(max_length=200)] = ""
    first_name: Annotated[Line, Field(max_length=60)] = ""
    last_name: Annotated[Line, Field(max_length=60)] = ""
    phone: Annotated[Line, Field(max_length=30)] = ""
    media_url: Annotated[Line, Field(max_length=1000, pattern=r"^(https?://\S+)?$")] = ""

    def checked(self) -> None:
        """Raises `GeoReportError` for what the specification wants and isn't there."""
        if not self.service_code:
            raise GeoReportError(400, "service_code was not provided")
        if (self.lat is None) != (self.long is None):
            raise GeoReportError(400, "lat and long must be sent together")
        if self.lat is None and not self.address_string and not self.address_id:
            raise GeoReportError(400, "one of lat & long, address_string or address_id is needed")
        if len(self.description) > LONGEST_DESCRIPTION:
            raise GeoReportError(400, f"description has {LONGEST_DESCRIPTION} characters at most")
        if any("\ud800" <= sign <= "\udfff" for sign in self.description):
            raise GeoReportError(400, "description isn't UTF-8 text")


def asking(query: Mapping[str, str], now: datetime) -> Asking:
    """What GET requests asks for; raises `GeoReportError`."""
    ids = _listed(query.get("service_request_id", ""))
    if len(ids) > MOST_IDS:
        raise GeoReportError(400, f"service_request_id: {MOST_IDS} at most")
    begin, end = _moment(query, "start_date"), _moment(query, "end_date")
    if begin is None:
        end = end or now
        begin = _before(end)
    elif end is None:
        end = min(begin + MOST_SPAN, max(now, begin))
    if begin > end:
        raise GeoReportError(400, "start_date lies after end_date")
    if end - begin > MOST_SPAN:
        raise GeoReportError(400, f"start_date to end_date: {MOST_SPAN.days} days at most")
    statuses = frozenset(_listed(query.get("status", ""))) or frozenset({"open", "closed"})
    if not statuses <= {"open", "closed"}:
        raise GeoReportError(400, "status must be open or closed")
    services = _listed(query.get("service_code", ""))
    if len(services) > MOST_IDS:
        raise GeoReportError(400, f"service_code: {MOST_IDS} at most")
    return Asking(begin, end, ids, services, statuses)


def _before(end: datetime) -> datetime:
    try:
        return end - MOST_SPAN
    except OverflowError as error:
        raise GeoReportError(400, "end_date is too early") from error


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name, "").strip()
    if not text:
        return None
    try:  # a plus sign that nobody encoded has become a blank
        found = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        raise GeoReportError(400, f"{name} must be such as 2026-11-22T00:00:00Z") from error
    if found.tzinfo is None or not 1970 <= found.year <= 9990:
        raise GeoReportError(400, f"{name} must be such as 2026-11-22T00:00:00Z")
    return found.astimezone(UTC)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for part in text.split(",") if (word := part.strip())))
