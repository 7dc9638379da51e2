"""Pictures and documents that prove a reply: kept whole, shown to who may see the citizen."""

from io import BytesIO
from typing import Any

import pytest

from console.ports import Role
from hotline import evidence
from tests.console.ticket_house import HERE_PATH, Person, TicketHouse, ticket_house
from tickets.evidence import LONGEST, evidence_id

LAMPS = "lighting"
PICTURE = b"\xff\xd8\xff\xe0 a lamp that shines"
PAPER = b"%PDF-1.7 a protocol"


async def _dispatched(house: TicketHouse, **more: Any) -> tuple[str, str]:
    """A ticket of the lamps' unit, and where its evidence is put."""
    number = (await house.seat.take(**more))["ticket"]["number"]
    await house.reviewer.tells(number, "dispatched", lead=LAMPS)
    return number, f"{HERE_PATH}/tickets/{number}/evidence"


def _of(content: bytes, media: str = "application/octet-stream") -> dict[str, Any]:
    return {"method": "POST", "data": BytesIO(content), "headers": {"Content-Type": media}}


async def _put(person: Person, where: str, content: bytes) -> str:
    status, told, _ = await person.caller.ask(where, **_of(content))
    assert status == 201, told
    kept = told["evidence"]
    assert kept["size"] == len(content)
    name: str = kept["id"]
    return name


async def test_what_proves_a_reply_is_kept_and_shown_with_it(sqlite_url: str) -> None:
    async with ticket_house(sqlite_url) as house:
        number, where = await _dispatched(house)
        unit = house.unit(LAMPS)
        lamp, again, paper = [await _put(unit, where, c) for c in (PICTURE, PICTURE, PAPER)]
        assert (lamp, paper) == (again, evidence_id(PAPER))
        assert sorted(one.name for one in (house.evidence / "default" / number).iterdir()) == (
            sorted([lamp, paper])
        )
        await unit.tells(number, "signed")
        await unit.tells(number, "contacted", how="电话")
        await unit.tells(number, "replied", reply="已更换灯泡", evidence=[lamp, paper])
        seen = await house.reviewer.sees(number)
        assert seen["content"]["replies"][-1]["evidence"] == [lamp, paper]
        status, body, headers = await house.reviewer.caller.ask(f"{where}/{lamp}")
        assert (status, body, headers["Content-Type"]) == (200, PICTURE, "image/jpeg")
        assert headers["Content-Disposition"].startswith(f'attachment; filename="{number}-')
        (house.evidence / "default" / number / lamp).write_bytes(PICTURE + b"?")
        changed = await house.reviewer.caller.refused(f"{where}/{lamp}")
        assert changed == (404, "unknown-evidence")


async def test_what_is_no_evidence_and_whose_it_is_not_is_refused(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with ticket_house(sqlite_url) as house:
        number, where = await _dispatched(house, confidential=True)
        unit = house.unit(LAMPS)
        lamp = await _put(unit, where, PICTURE)
        for person, content, media, expected in (
            (unit, b"<script>", "application/octet-stream", (415, "not-evidence")),
            (unit, b"", "application/octet-stream", (415, "not-evidence")),
            (unit, PICTURE, "image/jpeg", (415, "not-evidence")),
            (unit, PICTURE + bytes(LONGEST), "application/octet-stream", (413, "body-too-large")),
            (house.unit("urban"), PAPER, "application/octet-stream", (403, "not-your-unit")),
            (house.person(Role.LEADER), PAPER, "application/octet-stream", (403, "role-refused")),
        ):
            assert await person.caller.refused(where, **_of(content, media)) == expected
        for person, name, expected in (
            (unit, lamp, (403, "role-refused")),
            (house.person(Role.AUDITOR), lamp, (403, "role-refused")),
            (house.reviewer, evidence_id(PAPER), (404, "unknown-evidence")),
            (house.reviewer, "..%2f..%2fsecrets", (404, "not-found")),
        ):
            assert await person.caller.refused(f"{where}/{name}") == expected
        monkeypatch.setattr(evidence, "MOST", 1)
        full = await unit.caller.refused(where, **_of(PAPER))
        assert full == (409, "too-much-evidence")
        assert [one.name for one in (house.evidence / "default" / number).iterdir()] == [lamp]


async def test_a_disk_that_is_full_is_said_and_leaves_nothing_half(sqlite_url: str) -> None:
    async with ticket_house(sqlite_url) as house:
        number, where = await _dispatched(house)
        (house.evidence / "default").write_text("no folder")
        status, _ = await house.unit(LAMPS).caller.refused(where, **_of(PICTURE))
        assert status == 503
        assert (await house.reviewer.sees(number))["state"] == "DISPATCHED"
