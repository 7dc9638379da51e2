"""The public web channel: Open311 GeoReport v2, as XML and JSON. docs/open311.md tells what of the
specification means what here."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from aiohttp import web
from pydantic import ValidationError

from console.auth import peer_of
from console.doors import ANYBODY, Door, get, post
from console.errors import ConsoleError, StoreUnavailable
from console.open311 import Citizen, Form, GeoReportError, NewRequest, Service, asking
from console.open311_told import (
    CHANGESET,
    JSON,
    SPECIFICATION,
    XML,
    Shape,
    as_json,
    as_xml,
    listed,
    service_of,
    single,
    spelled,
)
from console.outward import LIMITS
from console.ports import Role
from console.services import AUTH, SERVICES
from tickets.errors import StoreAway

BASE = "/open311/v2"
FORMAT = "{format:json|xml}"
LONGEST_KEY = 100
REQUESTS = listed("service_requests", "request")
Answered = tuple[Any, Shape]
Handler = Callable[[web.Request], Awaitable[Answered]]

log = structlog.get_logger(__name__)


def _spoken(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """The answer in the format that was asked for; errors, too, as the specification has them."""

    async def speak(request: web.Request) -> web.StreamResponse:
        headers: Mapping[str, str] = {}
        status = 200
        try:
            value, shape = await handler(request)
        except GeoReportError as error:
            status = error.code
            value, shape = _errors(error.code, error.description)
        except StoreAway:
            away = StoreUnavailable(retry_after_s=5)
            status, headers = away.status, away.headers
            value, shape = _errors(away.status, away.message)
        except ConsoleError as error:
            status, headers = error.status, error.headers
            value, shape = _errors(error.status, error.message)
        return _answer(request, value, shape, status, headers)

    speak.__name__, speak.__doc__ = handler.__name__, handler.__doc__
    return speak


def _errors(code: int, description: str) -> Answered:
    return [{"code": code, "description": description}], listed("errors", "error")


def _answer(
    request: web.Request, value: Any, shape: Shape, status: int, headers: Mapping[str, str]
) -> web.Response:
    xml = request.match_info["format"] == "xml"
    return web.Response(
        body=as_xml(shape(value)) if xml else as_json(value),
        status=status,
        content_type=XML if xml else JSON,
        charset="utf-8",
        headers={"Cache-Control": "no-store", **headers},
    )


def _tenant(request: web.Request, given: str) -> str:
    """The tenant of a jurisdiction; it need not be named where only one is open."""
    open_ones = request.app[SERVICES].open311.jurisdictions()
    if not given:
        if len(open_ones) > 1:
            raise GeoReportError(400, "jurisdiction_id was not provided")
        if open_ones:
            return next(iter(open_ones.values()))
    tenant = open_ones.get(given)
    if tenant is None:
        raise GeoReportError(404, "jurisdiction_id was not found")
    return tenant


def _asked(request: web.Request) -> str:
    """The tenant of a question, which anybody may ask now and then."""
    request.app[LIMITS].passes("ask", peer_of(request))
    return _tenant(request, request.query.get("jurisdiction_id", "").strip())


def _services(request: web.Request, tenant: str) -> Mapping[str, Service]:
    return {one.code: one for one in request.app[SERVICES].open311.services(tenant)}


async def discovery(request: web.Request) -> Answered:
    """Where this is and what it speaks."""
    request.app[LIMITS].passes("ask", peer_of(request))
    behind = request.headers.get("X-Forwarded-Proto") == "https"  # a proxy's word; it harms nobody
    scheme = "https" if behind else request.scheme
    endpoint = {
        "specification": SPECIFICATION, "url": f"{scheme}://{request.host}{BASE}",
        "changeset": CHANGESET, "type": "production", "formats": [XML, JSON],
    }  # fmt: skip
    told = {
        "changeset": CHANGESET, "contact": "12345", "key_service": "12345",
        "endpoints": [endpoint],
    }  # fmt: skip
    return told, single("discovery")


async def list_services(request: web.Request) -> Answered:
    """What can be asked for: the leaves of the classification."""
    tenant = _asked(request)
    found = request.app[SERVICES].open311.services(tenant)
    return [service_of(one) for one in found], listed("services", "service")


async def get_service(request: web.Request) -> Answered:
    """A service's further fields: there are none."""
    tenant = _asked(request)
    code = request.match_info["code"]
    if code not in _services(request, tenant):
        raise GeoReportError(404, "service_code was not found")
    return {"service_code": code, "attributes": []}, single("service_definition")


async def list_requests(request: web.Request) -> Answered:
    """Requests made by this door, the newest first."""
    tenant = _asked(request)
    house = request.app[SERVICES]
    found = await house.open311.find(tenant, asking(request.query, house.now()))
    services = _services(request, tenant)
    return [spelled(one, services) for one in found], REQUESTS


async def get_request(request: web.Request) -> Answered:
    """One request."""
    tenant = _asked(request)
    house = request.app[SERVICES]
    wanted = {"service_request_id": request.match_info["id"]}
    found = await house.open311.find(tenant, asking(wanted, house.now()))
    if not found:
        raise GeoReportError(404, "service_request_id was not found")
    services = _services(request, tenant)
    return [spelled(one, services) for one in found], REQUESTS


async def get_token(request: web.Request) -> Answered:
    """The number of the request that was posted with this Idempotency-Key."""
    tenant = _asked(request)
    token = request.match_info["token"]
    number = await request.app[SERVICES].open311.of_token(tenant, _own_token(token))
    if number is None:
        raise GeoReportError(404, "token was not found")
    return [{"service_request_id": number, "token": token}], REQUESTS


async def post_request(request: web.Request) -> Answered:
    """Make a request; the same once more is the same request."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise GeoReportError(400, "send the fields as application/x-www-form-urlencoded")
    try:
        sent: dict[str, object] = {**request.query, **await request.post()}
    except (LookupError, ValueError) as error:  # a charset that is none, or another than it says
        raise GeoReportError(400, "the fields can't be read: send them as UTF-8") from error
    fields = {name: value for name, value in sent.items() if isinstance(value, str)}
    tenant = _tenant(request, fields.get("jurisdiction_id", "").strip())
    key = await _key(request, tenant, fields.pop("api_key", ""))
    request.app[LIMITS].passes("post", f"{key}/{peer_of(request)}")
    form = _form(fields)
    service = _services(request, tenant).get(form.service_code)
    if service is None:
        raise GeoReportError(404, "service_code was not found")
    new = _new(form, service, _token(request, key, fields))
    number = await request.app[SERVICES].open311.make(tenant, new)
    log.info("open311_request", tenant=tenant, ticket=number, token=key)
    told = {"service_request_id": number, "service_notice": None, "account_id": None}
    return [told | {"account_id": form.account_id or None}], REQUESTS


async def _key(request: web.Request, tenant: str, api_key: str) -> str:
    """The id of a token of role open311; anything else is 403, as the specification says."""
    try:
        found = await request.app[AUTH].verify(api_key, peer_of(request))
    except ConsoleError as error:
        if error.status != 401:
            raise
        raise GeoReportError(403, "api_key is missing or invalid") from error
    if found.role is not Role.OPEN311 or not found.sees(tenant):
        raise GeoReportError(403, "api_key is missing or invalid")
    return found.token_id


def _form(fields: Mapping[str, str]) -> Form:
    try:
        form = Form.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"][:1])
        raise GeoReportError(400, f"{where}: {first['msg']}") from error
    form.checked()
    return form


def _new(form: Form, service: Service, token: str) -> NewRequest:
    return NewRequest(
        service, form.description, form.address_string, form.address_id, form.lat, form.long,
        form.media_url, token,
        Citizen(
            form.first_name, form.last_name, form.phone, form.email, form.account_id,
            form.device_id,
        ),
    )  # fmt: skip


def _token(request: web.Request, key: str, fields: Mapping[str, str]) -> str:
    """By what a repetition is known: the client's own Idempotency-Key, else all that was said and
    the day it was said."""
    own = request.headers.get("Idempotency-Key", "").strip()
    if own:
        if len(own) > LONGEST_KEY or not own.isprintable():
            raise GeoReportError(400, f"Idempotency-Key has {LONGEST_KEY} characters at most")
        return _own_token(own)
    day = request.app[SERVICES].now().date().isoformat()
    said = "\0".join(f"{name}={value}" for name, value in sorted(fields.items()))
    return hashlib.sha256(f"{key}\0{day}\0{said}".encode("utf-8", "replace")).hexdigest()


def _own_token(key: str) -> str:
    """A client's key as it is kept."""
    return "key:" + hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _get(path: str, handler: Handler) -> Door:
    return get(f"{BASE}/{path}.{FORMAT}", _spoken(handler), roles=ANYBODY, media=(JSON, XML))


ROUTES = (
    _get("discovery", discovery),
    _get("services", list_services),
    _get("services/{code:[0-9A-Za-z]{1,20}}", get_service),
    _get("requests", list_requests),
    post(f"{BASE}/requests.{FORMAT}", _spoken(post_request), roles=ANYBODY, media=(JSON, XML)),
    _get("requests/{id:[0-9]{1,20}}", get_request),
    _get("tokens/{token:[^/]{1,100}}", get_token),
)
