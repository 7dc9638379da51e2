"""Open311 GeoReport v2, pure: what is asked and answered, in the words and shapes of the
specification (wiki.open311.org/GeoReport_v2), as JSON and as XML."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Protocol
from xml.etree import ElementTree

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

LONGEST_DESCRIPTION = 4_000
MOST_ROWS = 1_000
MOST_SPAN = timedelta(days=90)
MOST_IDS = 100
SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
CHANGESET = "2026-11-22 00:00"
XML, JSON = "text/xml", "application/json"


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


Line = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$")]


def _blank(value: object) -> object:
    """An empty field of a form is none."""
    return None if isinstance(value, str) and not value.strip() else value


Latitude = Annotated[float, BeforeValidator(_blank), Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, BeforeValidator(_blank), Field(ge=-180, le=180, allow_inf_nan=False)]


class Form(BaseModel):
    """The fields of POST requests; those that we don't know (`attribute[…]`) are passed over."""

    model_config = ConfigDict(extra="ignore")

    service_code: Annotated[Line, Field(max_length=20)] = ""
    description: Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")] = ""
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


_DIGITS = re.compile(r"\d(?:[\s\-]?\d){4,}")
_MAIL = re.compile(r"[^\s@<>,;,。;]+@[^\s@<>,;,。;]+")


def shown(description: str) -> str:
    """A citizen's words for everybody: numbers that may be somebody's and addresses of mail are
    hidden, and no sign is left that isn't text."""
    text = _MAIL.sub("****", _DIGITS.sub("****", description))
    return "".join(sign for sign in text if sign in "\n\t" or sign.isprintable())


def at(seconds: int | None) -> str | None:
    """A time in the format of the W3C: seconds, with zone."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()[:19] + "Z"


def spelled(one: PublicRequest, services: Mapping[str, Service]) -> dict[str, Any]:
    """A request with every field of the specification."""
    service = services.get(one.service)
    return {
        "service_request_id": one.id, "status": "open" if one.is_open else "closed",
        "status_notes": one.notes or None, "service_name": service.name if service else None,
        "service_code": one.service, "description": shown(one.description) or None,
        "agency_responsible": one.agency or None, "service_notice": None,
        "requested_datetime": at(one.requested_at), "updated_datetime": at(one.updated_at),
        "expected_datetime": at(one.expected_at), "address": one.address or None,
        "address_id": one.address_id or None, "zipcode": None, "lat": one.lat, "long": one.long,
        "media_url": one.media_url or None,
    }  # fmt: skip


def service_of(one: Service) -> dict[str, Any]:
    """A service with every field of the specification."""
    return {
        "service_code": one.code, "service_name": one.name, "description": one.description,
        "metadata": False, "type": "realtime", "keywords": one.keywords, "group": one.group,
    }  # fmt: skip


Shape = Callable[[Any], ElementTree.Element]


def as_json(value: Any) -> bytes:
    """JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False).encode()


def as_xml(element: ElementTree.Element) -> bytes:
    """XML in UTF-8, with its declaration."""
    return bytes(ElementTree.tostring(element, encoding="utf-8", xml_declaration=True))


def listed(root: str, name: str) -> Shape:
    """A list as `<root><name>…</name>…</root>`."""

    def shape(rows: Iterable[Mapping[str, Any]]) -> ElementTree.Element:
        top = ElementTree.Element(root)
        for row in rows:
            _fill(ElementTree.SubElement(top, name), row)
        return top

    return shape


def single(root: str) -> Shape:
    """One thing as `<root>…</root>`; lists in it as elements named for one of them."""

    def shape(row: Mapping[str, Any]) -> ElementTree.Element:
        top = ElementTree.Element(root)
        _fill(top, row)
        return top

    return shape


_ONE = {"endpoints": "endpoint", "formats": "format", "attributes": "attribute"}


def _fill(element: ElementTree.Element, row: Mapping[str, Any]) -> None:
    for name, value in row.items():
        child = ElementTree.SubElement(element, name)
        if isinstance(value, list):
            for one in value:
                inner = ElementTree.SubElement(child, _ONE[name])
                if isinstance(one, Mapping):
                    _fill(inner, one)
                else:
                    inner.text = str(one)
        elif isinstance(value, bool):
            child.text = "true" if value else "false"
        elif value is not None:
            child.text = _valid(str(value))


def _valid(text: str) -> str:
    """What XML 1.0 can hold of a text."""
    return "".join(
        sign
        for sign in text
        if sign in "\t\n\r" or "\x20" <= sign <= "\ud7ff" or "\ue000" <= sign <= "\ufffd"
        or sign > "\uffff"
    )  # fmt: skip
