"""Two installations on one machine: a citizen's request over the web crosses to the other house by
signed HTTP, though that is away and the sender's engine is killed meanwhile, and its reply comes
back; and the other way round. No call is needed, and nothing is measured in time."""

import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.installation import PROJECT, TENANTS, Installation
from tests.e2e.telling import UNIT, Office
from tests.servers import free_port

pytestmark = pytest.mark.e2e

PEERS = """
version: 1
peers:
  - id: {id}
    name: {id}
    we: {we}
    address: "http://127.0.0.1:{port}/exchange/v1/default"
    units: [{units}]
"""
TOML = TENANTS.replace("ring_s = 4\n", 'ring_s = 4\npeers_file = "peers.yaml"\nopen311 = true\n')
CITY_HALL, MARKET = "commerce", "market"
EXCHANGE = "/api/v1/tenants/default/exchange/messages"
LONG_S = 90


@dataclass
class Houses:
    """The city, and the water company that is its unit; the city is a unit of it, too."""

    city: Installation
    water: Installation
    in_city: Office
    in_water: Office


@pytest.fixture(scope="module")
def houses() -> Iterator[Houses]:
    ports = {"city": free_port(), "water": free_port()}
    units = {"city": UNIT, "water": CITY_HALL}
    made = {}
    for name, other in (("city", "water"), ("water", "city")):
        house = Installation(TOML, http_port=ports[name])
        house.http = f"http://127.0.0.1:{ports[name]}"
        text = PEERS.format(id=other, port=ports[other], we=name, units=units[name])
        (house.home / "peers.yaml").write_text(text)
        made[name] = house
    with ExitStack() as stack:
        for house in made.values():
            stack.enter_context(house)
        secret = made["city"].cli("exchange", "secret", "water")
        subprocess.run(
            [sys.executable, "-m", "hotline", "exchange", "secret", "city", "--given"],
            input=secret, text=True, env=made["water"].environment, cwd=PROJECT, check=True,
            timeout=60,
        )  # fmt: skip
        city, water = made["city"], made["water"]
        yield Houses(city, water, Office(city, "1001", MARKET), Office(water, "1001"))


def posted(house: Installation, **fields: str) -> str:
    """A request over the public web channel; its number."""
    address = f"{house.http}/open311/v2/requests.json"
    body = urllib.parse.urlencode(fields).encode()
    with urllib.request.urlopen(address, data=body, timeout=30) as answer:
        (made,) = json.load(answer)
    return str(made["service_request_id"])


def seen(house: Installation, number: str) -> dict[str, Any]:
    """A request as everybody sees it."""
    address = f"{house.http}/open311/v2/requests/{number}.json"
    with urllib.request.urlopen(address, timeout=30) as answer:
        (found,) = json.load(answer)
    return dict(found)


def tickets(house: Installation) -> list[dict[str, Any]]:
    """All tickets, newest first, over the API: a command takes a second on a busy machine."""
    return list(house.api("/api/v1/tenants/default/tickets?limit=200")["tickets"])


def messages(house: Installation, state: str = "") -> list[dict[str, Any]]:
    return list(house.api(f"{EXCHANGE}?state={state}")["messages"])


def test_a_request_crosses_to_the_other_house_and_its_reply_comes_back(houses: Houses) -> None:
    city, water = houses.city, houses.water
    in_city, in_water = houses.in_city, houses.in_water
    key = city.cli("token", "create", "--role", "open311", "--label", "app").strip()
    asked = {
        "api_key": key, "service_code": service(city), "address_string": "民族大道1号",
        "description": "三栋停水两天,电话 13800138000", "last_name": "李", "phone": "",
    }  # fmt: skip
    number = posted(city, **asked)
    assert posted(city, **asked) == number
    assert "13800138000" not in json.dumps(seen(city, number))

    water.supervisorctl("stop", "engine")
    in_city.tell(number, ("reviewer", "dispatched", {"lead": UNIT}))
    city.wait(lambda: any(m["tries"] for m in messages(city)), "a try", seconds=LONG_S)
    city.kill("engine")
    city.wait(lambda: city.ready, "the city's engine, started again", seconds=LONG_S)
    assert [m["state"] for m in messages(city)] == ["waiting"]
    water.supervisorctl("start", "engine")
    city.wait(lambda: messages(city, "sent") != [], "delivery", seconds=LONG_S)

    (theirs,) = tickets(water)
    assert theirs["state"] == "PENDING_REVIEW"
    (here,) = city.api(f"/api/v1/tenants/default/tickets/{number}/crossings")["crossings"]
    (there,) = water.api(f"/api/v1/tenants/default/tickets/{theirs['number']}/crossings")[
        "crossings"
    ]
    assert (here["their_number"], here["way"]) == (theirs["number"], "out")
    assert (there["their_number"], there["way"]) == (number, "in")

    steps = (
        ("reviewer", "dispatched", {"lead": UNIT}),
        ("department", "signed", {}),
        ("department", "contacted", {"how": "phone"}),
        ("department", "replied", {"reply": "已抢修,恢复供水。"}),
        ("reviewer", "reply_passed", {}),
    )
    in_water.tell(theirs["number"], *steps)
    city.wait(
        lambda: seen(city, number)["status_notes"] == "已答复,审核中", "the reply", seconds=LONG_S
    )
    in_city.tell(number, ("reviewer", "reply_passed", {}), ("seat", "satisfied", {}))
    water.wait(lambda: tickets(water)[0]["state"] == "ARCHIVED", "the end", seconds=LONG_S)
    assert seen(city, number)["status"] == "closed"


def state(house: Installation, number: str) -> str:
    (found,) = (t["state"] for t in tickets(house) if t["number"] == number)
    return str(found)


def crossing(house: Installation, number: str) -> dict[str, Any]:
    (found,) = house.api(f"/api/v1/tenants/default/tickets/{number}/crossings")["crossings"]
    return dict(found)


def test_the_other_way_states_and_replies_come_back_until_the_citizen_is_content(
    houses: Houses,
) -> None:
    """The company asks the city: it learns how it stands there, sends a reply back, gets another,
    and its citizen's word ends both tickets."""
    city, water = houses.city, houses.water
    in_city, in_water = houses.in_city, houses.in_water
    key = water.cli("token", "create", "--role", "open311", "--label", "app").strip()
    asked = {"service_code": service(water), "address_string": "中山路2号", "last_name": "王"}
    number = posted(water, api_key=key, description="路面塌陷,水管外露", **asked)
    known = {ticket["number"] for ticket in tickets(city)}

    in_water.tell(number, ("reviewer", "dispatched", {"lead": CITY_HALL}))
    city.wait(lambda: len(tickets(city)) > len(known), "the company's ticket", seconds=LONG_S)
    (theirs,) = (t["number"] for t in tickets(city) if t["number"] not in known)
    in_city.tell(theirs, ("reviewer", "dispatched", {"lead": MARKET}))
    water.wait(lambda: state(water, number) == "IN_PROGRESS", "acceptance", seconds=LONG_S)
    in_city.tell(theirs, ("department", "signed", {}))
    water.wait(
        lambda: crossing(water, number)["their_state"] == "IN_PROGRESS", "progress", seconds=LONG_S
    )
    assert crossing(water, number)["their_number"] == theirs

    work = (
        ("department", "contacted", {"how": "phone"}),
        ("department", "replied", {"reply": "已围挡,明日修复。"}),
        ("reviewer", "reply_passed", {}),
    )
    in_city.tell(theirs, *work)
    water.wait(lambda: state(water, number) == "REPLY_REVIEW", "the reply", seconds=LONG_S)
    in_water.tell(number, ("reviewer", "reply_sent_back", {"reason": "请写明修复时间"}))
    city.wait(lambda: state(city, theirs) == "MANUAL_REVIEW", "the refusal", seconds=LONG_S)
    in_city.tell(theirs, ("reviewer", "dispatched", {"lead": MARKET}), ("department", "signed", {}))

    in_city.tell(theirs, *work)
    water.wait(lambda: state(water, number) == "REPLY_REVIEW", "the reply", seconds=LONG_S)
    in_water.tell(number, ("reviewer", "reply_passed", {}), ("seat", "satisfied", {}))
    city.wait(lambda: state(city, theirs) == "ARCHIVED", "the end", seconds=LONG_S)
    assert state(water, number) == "ARCHIVED"
    assert [messages(house, "given_up") for house in (city, water)] == [[], []]


def test_what_nobody_signed_is_refused_and_webhooks_stay_outside(houses: Houses) -> None:
    before = tickets(houses.water)
    request = urllib.request.Request(
        f"{houses.water.http}/exchange/v1/default", data=b"{}", method="POST"
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    assert refused.value.code == 401
    assert json.load(refused.value)["error"]["id"] == "signature-missing"
    assert tickets(houses.water) == before
    with pytest.raises(AssertionError, match="may not lead there"):
        houses.city.cli("webhooks", "add", "https://127.0.0.1/hook")
    assert json.loads(houses.city.cli("webhooks", "list", "--json")) == []
    (peer,) = json.loads(houses.city.cli("exchange", "peers", "--json"))
    assert (peer["id"], peer["secret"]) == ("water", True)


def service(house: Installation) -> str:
    """A service that can be asked for."""
    with urllib.request.urlopen(f"{house.http}/open311/v2/services.json", timeout=30) as answer:
        return str(json.load(answer)[0]["service_code"])
