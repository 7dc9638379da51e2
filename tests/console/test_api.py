"""Every endpoint: what it answers, to whom, and what bad input gets."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from console import guard
from console.api.tickets import READERS
from console.app import doors
from console.doors import ANYBODY
from console.ports import Role
from queue_manager.model import SeatState
from queue_manager.opening import HoursMode
from tests.console.conftest import Caller, served
from tests.console.fakes import CITY, OTHER_CITY, City, everywhere

HERE = f"/api/v1/tenants/{CITY}"
STATE = f"{HERE}/seats/801/state"


async def test_status_names_parts_and_the_tenants_of_the_token(city: City, wall: Caller) -> None:
    status, told, headers = await wall.ask("/api/v1/status")
    assert status == 200
    assert told["ready"] is True
    assert set(told["parts"]) == {"ami", "agi", "sip", "sql", "redis", "disk"}
    assert [tenant["tenant"] for tenant in told["tenants"]] == [CITY]
    assert told["tenants"][0]["seats_by_state"]["ready"] == 2
    assert told["token"]["role"] == "wallboard"
    assert headers["Cache-Control"] == "no-store"
    _, told, _ = await wall.having(everywhere(city)).ask("/api/v1/status")
    assert [tenant["tenant"] for tenant in told["tenants"]] == [CITY, OTHER_CITY]


async def test_wallboard_as_json(wall: Caller) -> None:
    status, told, _ = await wall.ask(f"{HERE}/wallboard")
    assert status == 200
    assert [seat["id"] for seat in told["seats"]] == ["801", "802"]
    assert told["service_level"]["within_s"] == 15
    assert [line["id"] for line in told["lines"]] == ["12345", "12333"]


async def test_seats_with_skills(wall: Caller) -> None:
    _, told, _ = await wall.ask(f"{HERE}/seats")
    assert told["seats"][0]["skills"] == {"lang:cmn": 5, "svc:general": 3}


async def test_a_supervisor_pauses_a_seat_and_makes_it_ready(
    city: City, supervisor: Caller
) -> None:
    wish = {"state": "paused", "reason": "meal"}
    status, told, _ = await supervisor.ask(STATE, "POST", json=wish)
    assert (status, told["seat"]["state"], told["seat"]["reason"]) == (200, "paused", "meal")
    status, told, _ = await supervisor.ask(STATE, "POST", json={"state": "ready", "reason": ""})
    assert (status, told["seat"]["state"]) == (200, "ready")
    _, told, _ = await supervisor.ask(STATE, "POST", json={"state": "paused"})
    assert told["seat"]["reason"] == "other"


async def test_the_end_of_wrap_up_is_a_wish_of_its_own(city: City, supervisor: Caller) -> None:
    city.put(CITY, "801", SeatState.WRAP_UP)
    _, told, _ = await supervisor.ask(STATE, "POST", json={"state": "wrap_up_ended"})
    assert told["seat"]["state"] == "paused"  # the fake had a pause asked for meanwhile


async def test_a_seat_changes_itself_only(city: City, nobody: Caller) -> None:
    seat = nobody.having(city.token(Role.SEAT, seat_id="801"))
    assert (await seat.ask(STATE, "POST", json={"state": "ready"}))[0] == 200
    other = f"{HERE}/seats/802/state"
    assert await seat.refused(other, "POST", json={"state": "ready"}) == (403, "role-refused")
    nameless = nobody.having(city.token(Role.SEAT))
    assert await nameless.refused(STATE, "POST", json={"state": "ready"}) == (403, "role-refused")


@pytest.mark.parametrize(
    ("method", "path", "body", "roles"),
    [
        ("POST", STATE, {"state": "ready"}, {"administrator", "supervisor"}),
        ("PUT", f"{HERE}/hours", {"mode": "open"}, {"administrator", "supervisor"}),
        ("POST", f"{HERE}/reload", None, {"administrator"}),
        ("GET", f"{HERE}/tickets/261121000001/recording", None, {"administrator", "supervisor"}),
        ("GET", f"{HERE}/tickets/261121000001/voice", None, {"administrator", "supervisor"}),
        ("GET", f"{HERE}/tickets", None, {role.value for role in READERS}),
    ],
)
async def test_each_role_may_do_its_own(
    city: City, nobody: Caller, tmp_path: Path, method: str, path: str, body: object,
    roles: set[str],
) -> None:  # fmt: skip
    city.ticket("261121000001")
    sound = tmp_path / "x.wav"
    sound.write_bytes(b"RIFF")
    city.audio = {"recording-261121000001": sound, "voice-261121000001": sound}
    more: dict[str, Any] = {} if body is None else {"json": body}
    for role in Role:
        someone = nobody.having(city.token(role))
        if role in roles:
            assert (await someone.ask(path, method, **more))[0] == 200, role
        else:
            assert await someone.refused(path, method, **more) == (403, "role-refused")


async def test_every_path_but_the_public_ones_wants_a_token(nobody: Caller) -> None:
    for route in doors():
        if route.roles == ANYBODY:
            continue  # for the public, or it proves itself otherwise: their own tests say how
        path = route.path.replace("{tenant}", CITY)
        path = re.sub(r"\{\w+(?::((?:[^{}]|\{[^{}]*\})+))?\}", _some, path)
        assert await nobody.refused(path, route.method) == (401, "token-missing"), path


def _some(part: re.Match[str]) -> str:
    """A value that fits this part of a path."""
    pattern = part[1] or ".*"
    values = ("1", "1" * 16, "1" * 68, *pattern.split("|"))
    return next(value for value in values if re.fullmatch(pattern, value))


async def test_tickets_newest_first_page_by_page(city: City, supervisor: Caller) -> None:
    for number in range(1, 6):
        city.ticket(f"26112100000{number}")
    city.ticket("261121000009", tenant=OTHER_CITY)
    _, told, _ = await supervisor.ask(f"{HERE}/tickets?limit=3")
    assert [ticket["number"][-1] for ticket in told["tickets"]] == ["5", "4", "3"]
    _, told, _ = await supervisor.ask(f"{HERE}/tickets?limit=3&before={told['next_before']}")
    assert [ticket["number"][-1] for ticket in told["tickets"]] == ["2", "1"]
    assert told["next_before"] is None


async def test_one_ticket(city: City, supervisor: Caller) -> None:
    city.ticket("261121000001")
    _, told, _ = await supervisor.ask(f"{HERE}/tickets/261121000001")
    assert told["ticket"]["caller"] == "13812345678"
    assert told["ticket"]["recording"] == f"{HERE}/tickets/261121000001/recording"
    assert told["ticket"]["notes"] == ["秘密"]
    absent = f"{HERE}/tickets/261121000002"
    assert await supervisor.refused(absent) == (404, "unknown-ticket")


async def test_a_wallboard_sees_no_whole_number_and_no_notes(city: City, wall: Caller) -> None:
    city.ticket("261121000001")
    city.ticket("261121000002", caller="5551234")
    _, told, _ = await wall.ask(f"{HERE}/tickets")
    assert [ticket["caller"] for ticket in told["tickets"]] == ["****", "138****5678"]
    text = json.dumps(told, ensure_ascii=False)
    assert "12345678" not in text
    assert "5551234" not in text
    assert "秘密" not in text
    assert "/recording" not in text


async def test_the_store_being_away_is_503_and_said_kindly(city: City, supervisor: Caller) -> None:
    assert (await supervisor.ask(f"{HERE}/tickets"))[0] == 200
    city.store_away = True
    assert await supervisor.refused(f"{HERE}/tickets") == (503, "store-away")
    assert (await supervisor.ask(f"{HERE}/wallboard"))[0] == 200


async def test_lines(wall: Caller) -> None:
    _, told, _ = await wall.ask(f"{HERE}/lines")
    assert told["lines"][1]["line_id"] == "12333"
    assert told["lines"][1]["mode"] == "dual"


async def test_hours_are_shown_and_overridden(city: City, supervisor: Caller) -> None:
    path = f"{HERE}/hours"
    _, told, _ = await supervisor.ask(path)
    assert told["hours"][0] == {
        "line": "", "mode": "auto", "open_now": True, "timetable": "08:00–18:00",
    }  # fmt: skip
    status, told, _ = await supervisor.ask(path, "PUT", json={"line": "", "mode": "closed"})
    assert (status, told["hours"][0]["mode"], told["hours"][0]["open_now"]) == (
        200, "closed", False,
    )  # fmt: skip
    assert city.overridden_by == supervisor.token.split(".")[0]
    await supervisor.ask(path, "PUT", json={"line": "12333", "mode": "open"})
    assert city.overrides[CITY, "12333"] is HoursMode.OPEN
    wrong = {"line": "99999", "mode": "open"}
    assert await supervisor.refused(path, "PUT", json=wrong) == (404, "unknown-line")


async def test_reload_says_what_there_is_now_or_what_is_wrong(city: City, admin: Caller) -> None:
    _, told, _ = await admin.ask(f"{HERE}/reload", "POST")
    assert told == {"reloaded": {"seats": 2, "lines": 2}}
    city.mistake = "lines.yaml:4: mode 'dul' is not known"
    status, told, _ = await admin.ask(f"{HERE}/reload", "POST")
    assert (status, told["error"]["id"]) == (409, "bad-configuration")
    assert told["error"]["message"] == city.mistake


async def test_a_recording_whole_and_in_ranges(
    city: City, supervisor: Caller, tmp_path: Path
) -> None:
    city.ticket("261121000001")
    sound = bytes(range(256)) * 4
    file = tmp_path / "call.wav"
    file.write_bytes(sound)
    city.audio["recording-261121000001"] = file
    path = f"{HERE}/tickets/261121000001/recording"
    status, told, headers = await supervisor.ask(path)
    assert (status, told, headers["Content-Type"]) == (200, sound, "audio/wav")
    assert headers["Cache-Control"] == "private, no-store"
    status, told, headers = await supervisor.ask(path, headers={"Range": "bytes=10-19"})
    assert (status, told) == (206, sound[10:20])
    assert headers["Content-Range"] == "bytes 10-19/1024"
    beyond = {"Range": "bytes=5000-"}
    assert await supervisor.refused(path, headers=beyond) == (416, "bad-range")
    assert await supervisor.refused(path, headers={"Range": "x"}) == (416, "bad-range")
    file.unlink()
    assert await supervisor.refused(path) == (404, "no-audio")
    voice = f"{HERE}/tickets/261121000001/voice"
    assert await supervisor.refused(voice) == (404, "no-audio")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{", (400, "bad-request")),
        (b"", (400, "bad-request")),
        (b"\xff\xfe", (400, "bad-request")),
        (b"[" * 60_000, (400, "bad-request")),
        (b'"ready"', (422, "invalid")),
        (b'{"state": "asleep"}', (422, "invalid")),
        (b'{"state": "ready", "extra": 1}', (422, "invalid")),
        (b'{"reason": "meal"}', (422, "invalid")),
        (b'{"state": "paused", "reason": "\\u0000"}', (422, "unknown-pause-reason")),
        (b'{"state": "paused", "reason": "' + b"x" * 41 + b'"}', (422, "invalid")),
        (b'{"state": "ready", "reason": "' + b"x" * 70_000 + b'"}', (413, "body-too-large")),
    ],
)  # fmt: skip
async def test_bad_bodies(
    city: City, supervisor: Caller, body: bytes, expected: tuple[int, str]
) -> None:
    before = city.seats[CITY]["801"]
    headers = {"Content-Type": "application/json"}
    assert await supervisor.refused(STATE, "POST", data=body, headers=headers) == expected
    assert city.seats[CITY]["801"] is before


async def test_a_body_that_is_not_json_by_name(supervisor: Caller) -> None:
    form = {"state": "ready"}
    assert await supervisor.refused(STATE, "POST", data=form) == (415, "not-json")


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "before=1'", "before=%00", "offset=3"]
)
async def test_bad_queries(supervisor: Caller, query: str) -> None:
    assert await supervisor.refused(f"{HERE}/tickets?{query}") == (422, "invalid")


@pytest.mark.parametrize(
    ("path", "method", "expected"),
    [
        ("/nowhere", "GET", (404, "not-found")),
        ("/api/v1/tenants", "GET", (404, "not-found")),
        (f"{HERE}/tickets/12%00", "GET", (404, "not-found")),
        (f"{HERE}/tickets/{'1' * 21}", "GET", (404, "not-found")),
        (f"{HERE}/seats/%00%0d%0a/state", "POST", (404, "unknown-seat")),
        ("/web/..%2f..%2fapp.py", "GET", (404, "not-found")),
        ("/web/secret.html", "GET", (404, "not-found")),
        (f"{HERE}/hours", "DELETE", (405, "method-not-allowed")),
        ("/healthz", "POST", (405, "method-not-allowed")),
    ],
)
async def test_paths_that_are_not_there(
    supervisor: Caller, path: str, method: str, expected: tuple[int, str]
) -> None:
    more = {"json": {"state": "ready"}} if method == "POST" else {}
    assert await supervisor.refused(path, method, **more) == expected
    if expected[0] == 405:
        assert "Allow" in (await supervisor.ask(path, method, **more))[2]


async def test_what_we_did_wrong_is_told_without_its_trace(
    city: City, supervisor: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(tenant: str) -> list[object]:
        raise RuntimeError("secret of the machine room")

    monkeypatch.setattr(city, "lines", broken)
    status, told, headers = await supervisor.ask(f"{HERE}/lines")
    assert (status, told["error"]["id"]) == (500, "internal")
    assert "secret" not in json.dumps(told)
    assert len(headers["X-Request-Id"]) == 16


async def test_an_answer_that_takes_too_long_is_given_up(
    city: City, supervisor: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(guard, "REQUEST_S", 0.05)
    monkeypatch.setattr(city, "get", stuck)
    assert await supervisor.refused(f"{HERE}/tickets/1") == (503, "timed-out")


async def test_binary_rubbish_and_half_requests_end_without_harm(nobody: Caller) -> None:
    port = urlsplit(nobody.base).port
    for rubbish in (b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"G" * 70_000):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(rubbish)
        answer = await asyncio.wait_for(reader.read(), 10)
        assert answer.startswith(b"HTTP/1.") or answer == b""
        assert b"Traceback" not in answer
        writer.close()
    assert (await nobody.ask("/healthz"))[0] == 200


@pytest.mark.parametrize("trickle", [b"", b"GET /healthz HTTP/1.1\r\nX-A: "])
async def test_a_peer_that_never_finishes_its_request_is_closed(
    city: City, monkeypatch: pytest.MonkeyPatch, trickle: bytes
) -> None:
    monkeypatch.setattr("console.app.KEEPALIVE_S", 0.3)
    async with served(city) as caller:
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(caller.base).port)
        writer.write(trickle)
        end = asyncio.ensure_future(reader.read())
        async with asyncio.timeout(10):
            while not end.done():
                if trickle:
                    writer.write(b"x")
                await asyncio.wait([end], timeout=0.05)
        writer.close()


async def test_the_page_and_its_files(nobody: Caller) -> None:
    status, page, headers = await nobody.ask("/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert b"<script>" not in page
    assert b"style=" not in page
    assert b"http://" not in page
    assert b"https://" not in page
    status, _, headers = await nobody.ask("/web/wallboard.js")
    assert (status, headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    known = {"If-None-Match": headers["ETag"]}
    assert (await nobody.ask("/web/wallboard.js", headers=known))[0] == 304
