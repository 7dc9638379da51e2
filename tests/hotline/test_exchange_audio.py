"""The house that handles a ticket hears its recording, signed for and never copied; nobody else."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from console.app import serving
from hotline.signing import sign
from tests.hotline.exchanging import SECRET, TENANT, Town, two_towns
from tests.hotline.test_exchange import until

STORED = "recordings/requests/2026/11/21/city-1.wav"
SOUND = b"RIFF" + bytes(range(256)) * 600
Pair = tuple[Town, Town]


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with two_towns(tmp_path, audio=True) as both:
        yield both


async def crossed(city: Town, water: Town) -> tuple[str, str]:
    """A spoken request that is with the water company: our number and theirs."""
    file = city.settings.home / STORED
    file.parent.mkdir(parents=True)
    file.write_bytes(SOUND)
    number = await city.crossing(voice_path=STORED, voice_s=5.0)

    async def there() -> bool:
        return bool(await water.numbers())

    await until(there, "the ticket is there")
    (theirs,) = await water.numbers()
    return number, theirs


async def fetched(house: Town, path: str, headers: Mapping[str, str]) -> tuple[int, Any]:
    """Status, and the audio or the error's id."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{house.port}{path}", headers=dict(headers)) as answer,
    ):
        if answer.status == 200:
            return 200, await answer.read()
        return answer.status, (await answer.json())["error"]["id"]


async def heard(house: Town, number: str, peer: str, kind: str = "voice") -> tuple[int, Any]:
    """As somebody at the desk of a house listens."""
    path = f"/api/v1/tenants/{TENANT}/tickets/{number}/crossings/{peer}/audio/{kind}"
    return await fetched(house, path, house.bearer)


def door(number: str, kind: str = "voice") -> str:
    return f"/exchange/v1/{TENANT}/tickets/{number}/audio/{kind}"


def signed(city: Town, path: str, **other: Any) -> Mapping[str, str]:
    values = {"sender": "water", "secret": SECRET, "at": city.clock.now()} | other
    return sign("GET", path, b"", **values)


async def test_who_handles_a_ticket_hears_what_its_citizen_said(pair: Pair) -> None:
    city, water = pair
    _, theirs = await crossed(city, water)
    assert await heard(water, theirs, "city") == (200, SOUND)
    assert await heard(water, theirs, "city", "recording") == (404, "no-audio")
    assert await heard(water, theirs, "gas") == (404, "unknown-peer")
    assert await heard(water, "261121999999", "city") == (404, "no-audio")
    (city.settings.home / STORED).unlink()
    assert await heard(water, theirs, "city") == (404, "no-audio")
    await city.shut()
    assert await heard(water, theirs, "city") == (503, "peer-away")


async def test_a_peer_that_breaks_off_leaves_no_whole_recording(pair: Pair) -> None:
    """Whoever listens sees that it isn't the end."""
    city, water = pair
    _, theirs = await crossed(city, water)
    await city.shut()

    async def breaks(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "100000"})
        await answer.prepare(request)
        await answer.write(b"RIFF")
        assert request.transport is not None
        request.transport.abort()
        return answer

    app = web.Application()
    app.router.add_get("/{any:.*}", breaks)
    async with serving(app, "127.0.0.1", city.port):
        with pytest.raises(aiohttp.ClientError):
            await heard(water, theirs, "city")


async def test_a_request_counts_once_and_only_signed_by_who_has_the_ticket(pair: Pair) -> None:
    city, water = pair
    number, _ = await crossed(city, water)
    path = door(number)
    headers = signed(city, path)
    assert await fetched(city, path, {}) == (401, "signature-missing")
    assert await fetched(city, path, headers) == (200, SOUND)
    assert await fetched(city, path, headers) == (409, "message-replayed")
    other = signed(city, door(number, "recording"))
    assert await fetched(city, path, other) == (401, "signature-refused")
    stranger = signed(city, path, secret="f" * 32)
    assert await fetched(city, path, stranger) == (401, "signature-refused")
    mine = (await city.crossing(), "261121999999")
    await city.tell(mine[0], "reassigned", lead="roads")
    for one in mine:
        assert await fetched(city, door(one), signed(city, door(one))) == (409, "not-crossed")


async def test_confidence_is_kept_and_a_house_that_shares_nothing_hands_out_nothing(
    pair: Pair, tmp_path: Path
) -> None:
    city, water = pair
    number, theirs = await crossed(city, water)
    await city.tell(number, "confided")
    assert await fetched(city, door(number), signed(city, door(number))) == (403, "confidential")
    assert await heard(water, theirs, "city") == (404, "no-audio")
    others = tmp_path / "others"
    others.mkdir()
    async with two_towns(others) as (silent, listening):
        number, theirs = await crossed(silent, listening)
        refused = await fetched(silent, door(number), signed(silent, door(number)))
        assert refused == (403, "audio-not-shared")
