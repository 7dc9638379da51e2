"""Recognition at a vosk-server: whatever becomes of it, no word is lost or the call is told."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from ivr.speech.ports import Final, SpeechAway
from ivr.speech.remote import VoskServer
from ivr.speech.remote_hearing import Patience
from tests.ivr.speech import DANGER, SENTENCE, WAIT_S, Ear, frames, hear, speech
from tests.ivr.vosk_server import VoskServerProcess
from tests.servers import free_port

PATIENT = Patience(connect_s=10, answer_s=20, recover_s=60, probe_every_s=0.2)
HASTY = Patience(connect_s=2, answer_s=2, recover_s=2, probe_every_s=0.2)


@pytest.fixture(scope="module")
def _server() -> Iterator[VoskServerProcess]:
    server = VoskServerProcess()
    server.start()
    yield server
    server.kill()


@pytest.fixture
def server(_server: VoskServerProcess) -> VoskServerProcess:
    """A running server that the test may kill, freeze and start."""
    if _server.running:
        _server.thaw()
    else:
        _server.start()
    return _server


@asynccontextmanager
async def house(address: str, patience: Patience = PATIENT) -> AsyncIterator[VoskServer]:
    """The adapter, ready to hear."""
    made = VoskServer(address, language="cmn", patience=patience)
    made.start()
    try:
        async with asyncio.timeout(WAIT_S):
            while not made.able("cmn"):
                await asyncio.sleep(0.02)
        yield made
    finally:
        await made.close()


async def test_what_is_said_comes_out_with_times(server: VoskServerProcess) -> None:
    async with house(server.address) as remote:
        ear = Ear()
        hearing = remote.open("c", "cmn", ear)
        for _ in range(2):
            await hear(hearing, speech(SENTENCE))
        assert ear.text == SENTENCE * 2
        first, second = ear.finals
        later_s = second.words[0].start_s - first.words[0].start_s
        assert later_s == pytest.approx(len(speech(SENTENCE)) / 16000, abs=0.15)
        hearing.close()


async def test_flush_ends_an_utterance_and_listening_goes_on(server: VoskServerProcess) -> None:
    async with house(server.address) as remote:
        ear = Ear()
        hearing = remote.open("c", "cmn", ear)
        await hear(hearing, speech(DANGER, after_s=0.1))
        told = await hearing.flush()
        assert told.text.replace(" ", "") == DANGER
        await hear(hearing, speech(SENTENCE))
        assert ear.text == SENTENCE
        begin_s = len(speech(DANGER, after_s=0.1)) / 16000
        assert ear.finals[0].words[0].start_s == pytest.approx(begin_s + 0.4, abs=0.15)


async def test_a_step_has_its_grammar(server: VoskServerProcess) -> None:
    async with house(server.address) as remote:
        ear = Ear()
        hearing = remote.open("c", "cmn", ear)
        hearing.listen_for(("投诉", "咨询"))
        await hear(hearing, speech("咨询"))
        assert ear.text == "咨询"
        hearing.listen_for(())
        await hear(hearing, speech(SENTENCE))
        assert ear.text == "咨询" + SENTENCE


async def test_a_server_killed_in_the_middle_and_started_again_loses_no_word(
    server: VoskServerProcess,
) -> None:
    async with house(server.address) as remote:
        ear = Ear()
        hearing = remote.open("c", "cmn", ear)
        await hear(hearing, speech(DANGER))
        pieces = frames(speech(SENTENCE))
        for frame in pieces[:80]:
            hearing.feed(frame)
        await hearing.caught_up()
        server.kill()
        for frame in pieces[80:]:
            hearing.feed(frame)
        server.start()  # not in a thread: it would end with it
        await ear.until(lambda: len(ear.finals) == 2)
        assert ear.text == DANGER + SENTENCE


async def test_a_frozen_server_is_given_up_in_time_and_the_next_call_is_refused(
    server: VoskServerProcess,
) -> None:
    async with house(server.address, HASTY) as remote:
        ear = Ear()
        hearing = remote.open("c", "cmn", ear)
        await hear(hearing, speech(DANGER))
        server.freeze()
        hearing.feed(speech(SENTENCE))
        flushing = asyncio.ensure_future(hearing.flush())
        await ear.until(lambda: bool(ear.lost))
        assert await flushing == Final()
        assert ear.text == DANGER
        async with asyncio.timeout(WAIT_S):
            while remote.able("cmn"):
                await asyncio.sleep(0.02)
        with pytest.raises(SpeechAway):
            remote.open("d", "cmn", Ear())
        server.thaw()
        async with asyncio.timeout(WAIT_S):
            while not remote.able("cmn"):
                await asyncio.sleep(0.02)


async def test_a_server_that_is_gone_is_told_in_words() -> None:
    remote = VoskServer(f"ws://127.0.0.1:{free_port()}", language="cmn", patience=HASTY)
    remote.start()
    try:
        async with asyncio.timeout(WAIT_S):
            while "can't be reached" not in remote.detail:
                await asyncio.sleep(0.02)
        with pytest.raises(SpeechAway, match="can't be reached"):
            remote.open("c", "cmn", Ear())
    finally:
        await remote.close()


@pytest.mark.parametrize("answer", ["no JSON", "[]", '{"result": [{"word": 1}]}', "17"])
async def test_a_server_that_says_rubbish_is_given_up(answer: str) -> None:
    async def talk(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for _ in socket:
            await socket.send_str(answer)
        return socket

    app = web.Application()
    app.router.add_get("/", talk)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port := free_port())
    await site.start()
    try:
        async with house(f"ws://127.0.0.1:{port}", HASTY) as remote:
            ear = Ear()
            remote.open("c", "cmn", ear).feed(speech(DANGER))
            await ear.until(lambda: bool(ear.lost))
    finally:
        await runner.cleanup()


async def test_closing_ends_the_connection_and_the_engines_end_is_told(
    server: VoskServerProcess,
) -> None:
    closed, ear = Ear(), Ear()
    async with house(server.address) as remote:
        hearing = remote.open("c", "cmn", closed)
        hearing.feed(speech(SENTENCE))
        hearing.close()
        hearing.close()
        hearing.feed(speech(SENTENCE))
        remote.open("d", "cmn", ear)
    assert closed.events == []
    assert [lost.reason for lost in ear.lost] == ["the engine stops"]
