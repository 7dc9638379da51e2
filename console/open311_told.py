"""Open311 GeoReport v2, pure: what is answered, in the shapes of the specification, as JSON and as
XML. Nothing of who asked is in it."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

from console.open311 import PublicRequest, Service

SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
CHANGESET = "2026-11-22 00:00"
XML, JSON = "text/xml", "application/json"

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
