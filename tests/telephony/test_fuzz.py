"""Any bytes on the FastAGI port: the loop isn't held up, and a living call doesn't notice."""

import asyncio
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telephony import agi
from telephony.connection import AgiConnection
from telephony.fastagi import FastAgiServer
from tests.telephony.peers import agi_peer, header

LONGEST_HOLD_UP_S = 0.25
PIECES = st.lists(
    st.one_of(
        st.binary(max_size=300),
        st.sampled_from([
            header(), header()[:40], b"agi_", b"agi_x: y\n", b"\n\n", b"\n", b"HANGUP\n", b"\r\n",
            b"200 result=0\n", b"200 result=-1\n", b"520-\n", b"520 \n", b"100 \n" * 5000,
            b"\xff" * 70_000, b"\n" * 70_000, "张伟".encode()[:4],
        ]),
    ),
    max_size=6,
)  # fmt: skip


async def _asks(connection: AgiConnection, head: dict[str, str]) -> None:
    while True:
        agi.parse_reply(await connection.command(agi.command("NOOP"), 5))


async def _fuzzed(pieces: list[bytes]) -> float:
    """Throw pieces at the port beside a living call; the call's slowest answer in seconds."""
    server = FastAgiServer({"call": _asks}, port=0)
    await server.start()
    slowest = 0.0
    try:
        async with agi_peer(server.port, header()) as caller:
            async with agi_peer(server.port) as stranger:
                for piece in pieces:
                    stranger.writer.write(piece)
                    began = time.perf_counter()
                    await caller.expect("NOOP", "200 result=1")
                    slowest = max(slowest, time.perf_counter() - began)
            await caller.expect("NOOP", "200 result=1")
            assert await caller.command() == "NOOP"
    finally:
        await server.close()
    return slowest


@given(PIECES)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_leave_other_calls_untouched(pieces: list[bytes]) -> None:
    """Whatever a peer sends, in whatever order, the call beside it is answered at once."""
    assert asyncio.run(_fuzzed(pieces)) < LONGEST_HOLD_UP_S
