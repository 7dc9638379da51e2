"""The public web channel as the specification (GeoReport v2) has it, over real HTTP and SQL."""

import contextlib
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.app import build_app, serving
from console.open311 import GeoReportError, PublicRequest, Service, asking
from console.open311_told import as_xml, listed, service_of, shown, single, spelled
from console.ports import Role
from hotline.deadlines import Deadlines
from hotline.open311 import PublicDoor
from hotline.settings import Settings
from ivr.tenants import Tenant
from storage.database import Database
from storage.lives import Command
from storage.tickets import SqlTickets
from tests.console.fakes import City
from tests.servers import free_port
from tests.tickets.lives import told
from tickets.errors import StoreAway
from tickets.life import Role as Who
from tickets.model import Origin

HOLE = {
    "service_code": "040101", "lat": "22.8176", "long": "108.3669",
    "address_string": "民族大道1号",
    "description": "路面塌陷,\n联系我 13800138000 或 li@example.com",
    "first_name": "小明", "last_name": "李", "phone": "13800138000", "email": "li@example.com",
    "account_id": "a-1", "media_url": "https://example.com/1.jpg",
}  # fmt: skip
PERSONAL = ("13800138000", "li@example.com", "小明", "device-7", "a-1")
CODE = "040101"


@dataclass
class Web:
    """The public door of one or two cities, and who asks at it."""

    base: str
    session: aiohttp.ClientSession
    city: City
    database: Database
    deadlines: Deadlines
    tickets: SqlTickets
    key: str
    code: str

    async def get(self, path: str, **query: str) -> tuple[int, Any]:
        async with self.session.get(f"{self.base}/{path}", params=query) as answer:
            assert answer.charset == "utf-8"
            if path.endswith("json"):
                return answer.status, await answer.json()
            assert answer.content_type == "text/xml"
            return answer.status, ElementTree.fromstring(await answer.read())

    async def post(
        self, *, format: str = "json", headers: dict[str, str] | None = None, **fields: str
    ) -> tuple[int, Any]:
        sent = {"api_key": self.key, **HOLE, "service_code": self.code, **fields}
        address = f"{self.base}/requests.{format}"
        async with self.session.post(address, data=sent, headers=headers) as answer:
            body = await answer.read()
            return answer.status, (
                json.loads(body) if format == "json" else ElementTree.fromstring(body)
            )

    async def made(self, **fields: str) -> str:
        status, told = await self.post(**fields)
        assert status == 200, told
        return str(told[0]["service_request_id"])


async def opened(folder: Path, *tenants: Tenant) -> AsyncIterator[Web]:
    settings = Settings(home=folder, tenants=tenants, trunks=())
    database = Database(f"sqlite:///{folder}/hotline.db", deadline_s=20.0)
    await database.start()
    city, port = City(), free_port()
    zones = {tenant.id: ZoneInfo(tenant.time_zone) for tenant in tenants}

    class Clock:
        def now(self) -> datetime:
            return datetime.now(UTC)

    deadlines = Deadlines(settings.tenants, database, Clock())
    door = PublicDoor(settings, database, deadlines, zones, Clock())
    services = replace(city.services(), open311=door, now=Clock().now)
    async with (
        serving(build_app(services), "127.0.0.1", port),
        aiohttp.ClientSession() as session,
    ):
        leaf = next(iter(door.services("default")), None)
        yield Web(
            f"http://127.0.0.1:{port}/open311/v2", session, city, database, deadlines,
            SqlTickets(database, zones, clockwork=deadlines.clockwork),
            city.token(Role.OPEN311), leaf.code if leaf else "",
        )  # fmt: skip
    await database.close()


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    async for one in opened(tmp_path, Tenant(id="default", name="南宁", open311=True)):
        yield one


def errors(told: Any) -> list[tuple[int, str]]:
    return [(one["code"], one["description"]) for one in told]


async def test_a_request_becomes_a_ticket_and_is_shown_without_who_asked(web: Web) -> None:
    number = await web.made(device_id="device-7")
    ticket = await web.tickets.get("default", number)
    assert (ticket.origin, ticket.facts.caller_e164) == (Origin.WEB, "+8613800138000")
    assert (await web.deadlines.lives.life("default", number)).state == "PENDING_REVIEW"
    status, (shown_one,) = await web.get(f"requests/{number}.json")
    assert status == 200
    assert shown_one["service_request_id"] == number
    assert (shown_one["status"], shown_one["status_notes"]) == ("open", "已收到,待受理")
    assert (shown_one["lat"], shown_one["long"]) == (22.8176, 108.3669)
    assert shown_one["address"] == "民族大道1号"
    assert shown_one["description"] == "路面塌陷,\n联系我 **** 或 ****"
    told = json.dumps(shown_one, ensure_ascii=False)
    assert not [word for word in PERSONAL if word in told]
    assert set(shown_one) == {
        "service_request_id", "status", "status_notes", "service_name", "service_code",
        "description", "agency_responsible", "service_notice", "requested_datetime",
        "updated_datetime", "expected_datetime", "address", "address_id", "zipcode", "lat",
        "long", "media_url",
    }  # fmt: skip
    for name in ("requested_datetime", "updated_datetime"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", shown_one[name])


async def test_agency_due_date_and_end_follow_the_ticket(web: Web) -> None:
    number = await web.made()
    unit = next(iter(web.deadlines.units.of("default").by_id.values()))
    for event, who, data in (
        ("dispatched", Who.REVIEWER, {"lead": unit.id}),
        ("withdrawn", Who.SEAT, {"code": "4711"}),
    ):
        one = replace(told(event, who), data=data)
        await web.deadlines.lives.tell(Command("default", number, one))
        _, (seen,) = await web.get(f"requests/{number}.json")
        if event == "dispatched":
            assert seen["agency_responsible"] == unit.name
            assert seen["expected_datetime"] > "2026-"
    assert (seen["status"], seen["status_notes"]) == ("closed", "已撤回")
    _, open_ones = await web.get("requests.json", status="open")
    _, closed_ones = await web.get("requests.json", status="closed")
    assert (open_ones, [one["service_request_id"] for one in closed_ones]) == ([], [number])


async def test_what_is_confidential_is_shown_to_nobody(web: Web) -> None:
    number = await web.made()
    await web.deadlines.lives.tell(Command("default", number, told("confided", Who.REVIEWER)))
    assert await web.get("requests.json") == (200, [])
    status, answer = await web.get(f"requests/{number}.json")
    assert (status, errors(answer)) == (404, [(404, "service_request_id was not found")])


async def test_the_same_post_again_is_the_same_request(web: Web) -> None:
    first = await web.made()
    assert await web.made() == first
    assert await web.made(description="另一处塌陷") != first
    key = {"Idempotency-Key": "a1b2"}
    _, one = await web.post(headers=key, description="第三处")
    _, same = await web.post(headers=key, description="第三处,补充")
    assert one == same
    assert len(await web.tickets.list("default")) == 3
    status, found = await web.get("tokens/a1b2.json")
    assert (status, found) == (
        200, [{"service_request_id": one[0]["service_request_id"], "token": "a1b2"}],
    )  # fmt: skip
    status, answer = await web.get("tokens/other.json")
    assert (status, errors(answer)) == (404, [(404, "token was not found")])


async def test_xml_is_as_the_specification_has_it(web: Web) -> None:
    status, made = await web.post(format="xml")
    assert (status, made.tag, [one.tag for one in made]) == (200, "service_requests", ["request"])
    number = made.findtext("request/service_request_id")
    _, answer = await web.get("requests.xml")
    assert [one.findtext("service_request_id") for one in answer] == [number]
    assert answer.findtext("request/status") == "open"
    _, services = await web.get("services.xml")
    assert (services.tag, services[0].tag) == ("services", "service")
    assert services.findtext("service/metadata") == "false"
    _, definition = await web.get(f"services/{web.code}.xml")
    assert (definition.tag, definition.findtext("service_code")) == ("service_definition", web.code)
    status, refused = await web.get("services/zzz.xml")
    assert (status, refused.tag) == (404, "errors")
    assert refused.findtext("error/code") == "404"
    _, found = await web.get("discovery.xml")
    assert found.findtext("endpoints/endpoint/specification") == (
        "http://wiki.open311.org/GeoReport_v2"
    )
    formats = found.findall("endpoints/endpoint/formats/format")
    assert [one.text for one in formats] == ["text/xml", "application/json"]


async def test_every_service_can_be_asked_for(web: Web) -> None:
    _, services = await web.get("services.json")
    assert len(services) > 50
    for one in services:
        assert set(one) == {
            "service_code", "service_name", "description", "metadata", "type", "keywords", "group"
        }  # fmt: skip
        assert (one["metadata"], one["type"]) == (False, "realtime")
    code = services[-1]["service_code"]
    assert await web.get(f"services/{code}.json") == (200, {"service_code": code, "attributes": []})
    number = await web.made(service_code=code)
    _, found = await web.get("requests.json", service_code=f"{code},000000")
    assert [one["service_request_id"] for one in found] == [number]


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"api_key": ""}, 403, "api_key"),
        ({"api_key": "a" * 50}, 403, "api_key"),
        ({"service_code": ""}, 400, "service_code was not provided"),
        ({"service_code": "zzz"}, 404, "service_code was not found"),
        ({"jurisdiction_id": "110000"}, 404, "jurisdiction_id was not found"),
        ({"description": "长" * 4001}, 400, "4000"),
        ({"description": "a\0b"}, 400, "description"),
        ({"description": "<script>alert(1)</script>"}, 400, "description"),
        ({"last_name": "<svg onload=alert(1)>"}, 400, "last_name"),
        ({"lat": "91"}, 400, "lat"),
        ({"lat": "nan"}, 400, "lat"),
        ({"long": ""}, 400, "together"),
        ({"lat": "", "long": "", "address_string": ""}, 400, "is needed"),
        ({"media_url": "javascript:alert(1)"}, 400, "media_url"),
        ({"phone": "1" * 31}, 400, "phone"),
    ],
)
async def test_what_is_not_a_request_makes_no_ticket(
    web: Web, fields: dict[str, str], status: int, words: str
) -> None:
    answered, told = await web.post(**fields)
    ((code, description),) = errors(told)
    assert (answered, code) == (status, status)
    assert words in description
    assert await web.tickets.list("default") == []


async def test_only_its_own_tokens_may_post_and_they_may_nothing_else(web: Web) -> None:
    status, told = await web.post(api_key=web.city.token(Role.ADMIN))
    assert (status, errors(told)[0][0]) == (403, 403)
    headers = {"Authorization": f"Bearer {web.key}"}
    address = web.base.replace("/open311/v2", "/api/v1/tenants/default/tickets")
    async with web.session.get(address, headers=headers) as answer:
        assert answer.status == 403


@pytest.mark.parametrize(
    "query",
    [
        {"start_date": "yesterday"}, {"start_date": "2026-11-22"}, {"status": "lost"},
        {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-06-01T00:00:00Z"},
        {"start_date": "2026-06-01T00:00:00Z", "end_date": "2026-05-01T00:00:00Z"},
        {"service_request_id": ",".join(map(str, range(101)))},
    ],
)  # fmt: skip
async def test_a_question_that_is_none_is_answered_as_the_specification_says(
    web: Web, query: dict[str, str]
) -> None:
    status, told = await web.get("requests.json", **query)
    assert (status, errors(told)[0][0]) == (400, 400)


async def test_while_the_database_is_away_everybody_is_told_to_come_again(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*asked: Any, **more: Any) -> None:
        raise StoreAway("the database is away")

    monkeypatch.setattr(web.database, "read", away)
    monkeypatch.setattr(web.database, "write", away)
    for status, answer in (await web.post(), await web.get("requests.json")):
        assert (status, errors(answer)[0][0]) == (503, 503)
    status, answer = await web.get("requests.xml")
    assert (status, answer.findtext("error/code")) == (503, "503")


async def test_fields_that_can_not_be_read_are_refused(web: Web) -> None:
    address = f"{web.base}/requests.json"
    for kind in ("application/json", "application/x-www-form-urlencoded; charset=klingon"):
        headers = {"Content-Type": kind}
        async with web.session.post(address, data=b"a=%FF", headers=headers) as answer:
            assert (answer.status, (await answer.json())[0]["code"]) == (400, 400)


async def test_floods_are_told_to_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.outward.POST_BURST", 2)
    monkeypatch.setattr("console.outward.POST_REFILL_S", 1000.0)
    async for web in opened(tmp_path, Tenant(id="default", name="南宁", open311=True)):
        answers = [await web.post(description=f"第{n}处") for n in range(3)]
        assert [status for status, _ in answers] == [200, 200, 429]
        assert errors(answers[-1][1])[0][0] == 429


async def test_a_door_that_is_not_open_is_none(tmp_path: Path) -> None:
    async for web in opened(tmp_path, Tenant(id="default", name="南宁")):
        status, told = await web.get("services.json")
        assert (status, errors(told)) == (404, [(404, "jurisdiction_id was not found")])
        assert (await web.post(jurisdiction_id="450100"))[0] == 404


async def test_of_several_open_doors_one_must_be_named(tmp_path: Path) -> None:
    other = tmp_path / "units.yaml"
    other.write_text(
        'version: 1\nhome: "610300"\ndivisions: [{code: "610300", name: 宝鸡市}]\nunits:\n'
        "  - {id: roads, name: 市政处, phone: '0917-12345', computer: 甲, person: 乙, head: 丙}\n"
    )
    baoji = Tenant(id="baoji", name="宝鸡", open311=True, units_file=other)
    async for web in opened(tmp_path, Tenant(id="default", name="南宁", open311=True), baoji):
        status, told = await web.get("services.json")
        assert (status, errors(told)) == (400, [(400, "jurisdiction_id was not provided")])
        assert (await web.get("services.json", jurisdiction_id="610300"))[0] == 200
        status, told = await web.post(jurisdiction_id="610300")
        assert (status, errors(told)[0][0]) == (403, 403)


NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_question_without_dates_is_about_the_last_ninety_days() -> None:
    assert asking({}, NOON).end == NOON
    assert asking({}, NOON).begin == NOON - timedelta(days=90)
    only_end = asking({"end_date": "2026-05-01T08:00:00+08:00"}, NOON)
    assert only_end.end == datetime(2026, 5, 1, tzinfo=UTC)
    assert only_end.end - only_end.begin == timedelta(days=90)
    only_begin = asking({"start_date": "2026-01-01T00:00:00Z"}, NOON)
    assert only_begin.end - only_begin.begin == timedelta(days=90)


def test_the_specifications_own_examples_come_out() -> None:
    cans = Service(
        "001", "Cans left out 24x7", "sanitation", "Garbage or recycling cans.", "lorem, ipsum"
    )
    assert service_of(cans) == {
        "service_code": "001", "service_name": "Cans left out 24x7",
        "description": "Garbage or recycling cans.", "metadata": False, "type": "realtime",
        "keywords": "lorem, ipsum", "group": "sanitation",
    }  # fmt: skip
    at = int(datetime(2010, 4, 14, 14, 37, 38, tzinfo=UTC).timestamp())
    one = PublicRequest(
        "638344", False, "Duplicate request.", "006", "", "", at, at, at + 86_400,
        "8TH AVE and JUDAH ST", "545483", 37.762221815, -122.4651145,
        "http://city.gov.s3.amazonaws.com/requests/media/638344.jpg",
    )  # fmt: skip
    told = spelled(one, {"006": replace(cans, code="006", name="Sidewalk and Curb Issues")})
    assert told == {
        "service_request_id": "638344", "status": "closed", "status_notes": "Duplicate request.",
        "service_name": "Sidewalk and Curb Issues", "service_code": "006", "description": None,
        "agency_responsible": None, "service_notice": None,
        "requested_datetime": "2010-04-14T14:37:38Z", "updated_datetime": "2010-04-14T14:37:38Z",
        "expected_datetime": "2010-04-15T14:37:38Z", "address": "8TH AVE and JUDAH ST",
        "address_id": "545483", "zipcode": None, "lat": 37.762221815, "long": -122.4651145,
        "media_url": "http://city.gov.s3.amazonaws.com/requests/media/638344.jpg",
    }  # fmt: skip
    error = as_xml(listed("errors", "error")([{"code": 403, "description": "Invalid api_key"}]))
    assert error.decode().split("\n")[1] == (
        "<errors><error><code>403</code><description>Invalid api_key</description></error></errors>"
    )


@given(st.text())
def test_any_text_makes_xml_that_can_be_read(text: str) -> None:
    read = ElementTree.fromstring(as_xml(single("top")({"description": shown(text)})))
    assert read.tag == "top"


@given(st.dictionaries(st.sampled_from(["start_date", "end_date", "status"]), st.text()))
def test_any_question_is_one_or_is_refused(query: dict[str, str]) -> None:
    found = None
    with contextlib.suppress(GeoReportError):
        found = asking(query, NOON)
    assert found is None or timedelta() <= found.end - found.begin <= timedelta(days=90)
