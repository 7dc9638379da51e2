"""Sign language: a SIP call with video reaches a seat with video, and no other."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator

import pytest

from simulator.audio import speech_like
from simulator.citizens import TRUNK_IP, Citizen
from simulator.rtp import VIDEO_TYPE
from simulator.seats import Account, Manners, Seats
from tests.e2e.installation import TENANTS, Installation

SIGN, GENERAL = "1234500", "12345"
PACKETS = 150
PACE_S = 0.02
ARRIVED = 0.9
JOINED_S = 30.0


@pytest.fixture(scope="module")
def hotline() -> Iterator[Installation]:
    """One city whose trunk lets video through."""
    with Installation(TENANTS + "video = true\n") as installation:
        installation.cli("hours", "set", "open")
        yield installation


@pytest.fixture(scope="module")
def accounts(hotline: Installation) -> dict[str, Account]:
    """1001 hears and speaks, 1002 signs."""
    return {
        "1001": hotline.add_seat("1001", ready=False),
        "1002": hotline.add_seat("1002", skills=("sign:video=3",), ready=False),
    }


class Camera(asyncio.DatagramProtocol):
    """Sends pictures (RTP of one kind, numbered) and counts those that come back."""

    def __init__(self) -> None:
        self.port = 0
        self.back: set[int] = set()
        self.kinds: set[int] = set()
        self._sent = 0
        self._came = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> "Camera":
        loop = asyncio.get_running_loop()
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.bind((TRUNK_IP, 0))
        self.port = bound.getsockname()[1]
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=bound)
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._transport is not None
        self._transport.close()

    async def film(self, to: tuple[str, int]) -> None:
        """Send all pictures, each with its number in it."""
        for number in range(PACKETS):
            self._send(number, to)
            await asyncio.sleep(PACE_S)

    async def joined(self, to: tuple[str, int]) -> None:
        """Send a picture that doesn't count until one comes back: seats answer before Asterisk has
        joined the two."""
        async with asyncio.timeout(JOINED_S):
            while not self._came.is_set():
                self._send(PACKETS, to)
                await asyncio.sleep(PACE_S)

    async def all_back(self) -> None:
        """Wait until enough have come back. What never comes is the assertion's to tell."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(JOINED_S):
                while len(self.back) < PACKETS * ARRIVED:
                    self._came.clear()
                    await self._came.wait()

    def _send(self, number: int, to: tuple[str, int]) -> None:
        assert self._transport is not None
        n, self._sent = self._sent, self._sent + 1
        head = struct.pack("!BBHII", 0x80, 0x80 | VIDEO_TYPE, n, n * 1800, 0x51)
        self._transport.sendto(head + b"\x10" + struct.pack("!I", number) * 20, to)

    def datagram_received(self, data: bytes, addr: object) -> None:
        kind = data[1] & 0x7F
        if (len(data) >= 17 and kind < 72) or kind > 76:  # 72 to 76: RTCP beside it
            self.kinds.add(kind)
            self.back |= {struct.unpack("!I", data[13:17])[0]} - {PACKETS}
            self._came.set()


def ready(hotline: Installation, seat: str) -> None:
    """Wished for; with somebody waiting for it, it is taken at once."""
    path = f"/api/v1/tenants/default/seats/{seat}/state"
    hotline.api(path, method="POST", body={"state": "ready"})
    hotline.wait(lambda: hotline.seat_state(seat) not in ("paused", "offline"), f"seat {seat}")


async def test_a_caller_who_signs_reaches_the_seat_with_video_and_no_other(
    hotline: Installation, accounts: dict[str, Account]
) -> None:
    """The audio seat is ready all the time and never rings, not even when he waits alone; the
    seat with video is rung as soon as it is ready, and pictures go both ways."""
    manners = Manners(ring_s=0.2, talk_s=None)
    hearing = Seats([accounts["1001"]], sip=hotline.sip, usual=manners)
    signing = Seats([accounts["1002"]], sip=hotline.sip, usual=manners, video=True)
    async with hearing, Camera() as camera:
        await asyncio.to_thread(ready, hotline, "1001")
        citizen = Citizen("13800138077", hotline.sip, video_port=camera.port)
        async with citizen.dial(SIGN) as call:
            await call.answered()
            await asyncio.to_thread(
                hotline.wait, lambda: hotline.board()["waiting"] == 1, "the caller's place"
            )
            await asyncio.sleep(2)
            assert hearing.events == []
            async with signing:
                await asyncio.to_thread(ready, hotline, "1002")
                await signing.wait_for("answered")
                assert call.video_at is not None
                await camera.joined(call.video_at)
                await camera.film(call.video_at)
                await camera.all_back()
                assert hearing.events == []
                call.hang_up()
                await call.ended()
                await signing.wait_for("caller_left")
    assert len(camera.back) >= PACKETS * ARRIVED, f"{len(camera.back)} of {PACKETS} came back"
    assert camera.kinds == {VIDEO_TYPE}
    ticket = hotline.ticket_of("13800138077")
    assert (ticket["seat_id"], ticket["facts"]["line_id"]) == ("1002", "sign")


async def test_a_call_with_video_to_an_ordinary_line_is_an_ordinary_call(
    hotline: Installation, accounts: dict[str, Account]
) -> None:
    """The seat without video hears him; no picture is sent to it or comes back."""
    manners = Manners(ring_s=0.2, talk_s=4.0)
    async with (
        Seats([accounts["1001"]], sip=hotline.sip, usual=manners) as seats,
        Camera() as camera,
    ):
        await asyncio.to_thread(ready, hotline, "1001")
        citizen = Citizen("13800138078", hotline.sip, video_port=camera.port)
        async with citizen.dial(GENERAL, voice=speech_like(20, "ulaw"), loop=True) as call:
            await call.answered()
            await call.hear(0.1)  # a key that comes before the first word is lost
            call.press("0")
            await seats.wait_for("answered")
            await call.hear(0.1)
            if call.video_at is not None:
                await camera.film(call.video_at)
            await call.ended(within_s=40)
    assert camera.back == set()
    assert hotline.ticket_of("13800138078")["seat_id"] == "1001"


async def test_a_call_without_video_to_the_signing_line_still_finds_its_seat(
    hotline: Installation, accounts: dict[str, Account]
) -> None:
    """A telephone that has no camera: the seat with video is rung, with sound alone."""
    manners = Manners(ring_s=0.2, talk_s=1.0)
    async with Seats([accounts["1002"]], sip=hotline.sip, usual=manners) as seats:
        await asyncio.to_thread(ready, hotline, "1002")
        outcome = await Citizen("13800138079", hotline.sip).call(SIGN)
        assert [e.values[1] for e in seats.events if e.word == "answered"] == ["1002"]
    assert outcome.ended_by == "hotline"
