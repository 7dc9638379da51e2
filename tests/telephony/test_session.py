"""`FastAgiCall` against a scripted Asterisk: what it sends, what it makes of the answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest

from telephony import counters, entry
from telephony.answers import AnswerRegistry
from telephony.call import DialResult, DialStatus, RecordResult
from telephony.connection import AgiConnection
from telephony.errors import CallEnded, NotConnected, PeerError, UnsafeValue
from telephony.events import ChannelSeen, SeatAnswered
from telephony.fastagi import FastAgiServer
from telephony.keys import Keys
from telephony.session import FastAgiCall
from tests.telephony.peers import CALL_ID, AgiPeer, agi_peer, eventually, header

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
Lead = Callable[[FastAgiCall], Awaitable[Any]]


class NoManager:
    """Asterisk's manager interface is away."""

    async def action(
        self, name: str, fields: Mapping[str, str] | None = None, *, timeout_s: float = 5.0
    ) -> Any:
        raise NotConnected("away")

    async def channels(self) -> tuple[ChannelSeen, ...]:
        raise NotConnected("away")

    async def look_after(self, endpoint: str) -> None:
        raise NotConnected("away")


class Line:
    """A call being led by `lead`, and Asterisk's side of it."""

    def __init__(self, lead: Lead) -> None:
        self._lead = lead
        self.answers = AnswerRegistry()
        self.outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def __call__(self, connection: AgiConnection, head: dict[str, str]) -> None:
        keys = Keys(NoManager())
        call = FastAgiCall(entry.read_entry(head), connection, self.answers, keys)
        try:
            self.outcome.set_result(await self._lead(call))
        except BaseException as error:
            self.outcome.set_exception(error)
            raise


@asynccontextmanager
async def calling(lead: Lead, **entry: str) -> AsyncIterator[tuple[AgiPeer, Line]]:
    """One call into a server whose conversation is `lead`."""
    line = Line(lead)
    server = FastAgiServer({"call": line}, port=0)
    await server.start()
    try:
        async with agi_peer(server.port, header(**entry)) as peer:
            yield peer, line
    finally:
        await server.close()
        if line.outcome.done() and not line.outcome.cancelled():
            line.outcome.exception()


async def nothing(at: datetime) -> None:
    """An answer nobody cares for."""


async def test_play_returns_the_key_that_stopped_it() -> None:
    """Prompts play one after another until a key of `interrupt` is pressed."""
    async with calling(lambda c: c.play(["a", "b", "c"], language="cmn", interrupt="12")) as (
        peer,
        line,
    ):
        assert await peer.expect("STREAM FILE", "200 result=0 endpos=9") == (
            "STREAM FILE /hotline/prompts/cmn/a 12"
        )
        await peer.expect("STREAM FILE /hotline/prompts/cmn/b 12", "200 result=50 endpos=9")
        assert await line.outcome == "2"


@pytest.mark.parametrize(
    ("max_digits", "pressed", "read"),
    [
        (1, "5", "5"),
        (1, "#", "#"),
        (1, "", ""),
        (4, "12#", "12"),
        (4, "1234", "1234"),
        (4, "12", "12"),
        (4, "#", ""),
        (4, "0#", "0"),
    ],
)
@pytest.mark.parametrize("over_prompt", [True, False])
async def test_ask_reads_keys(max_digits: int, pressed: str, read: str, over_prompt: bool) -> None:
    """Keys talk over the prompt or come after it; `#` ends a longer input; silence is empty."""
    ask = lambda c: c.ask(["menu"], language="en", max_digits=max_digits, timeout_s=2)  # noqa: E731 - one line
    async with calling(ask) as (peer, line):
        keys = [str(ord(k)) for k in pressed]
        first = keys.pop(0) if keys and over_prompt else "0"
        await peer.expect(
            'STREAM FILE /hotline/prompts/en/menu "0123456789*#"', f"200 result={first} endpos=1"
        )
        while not line.outcome.done():
            command = await peer.command()
            if not command:
                break
            assert command == "WAIT FOR DIGIT 2000"
            peer.send(f"200 result={keys.pop(0) if keys else '0'}")
        assert await line.outcome == read


async def test_record_tells_length_and_key() -> None:
    """Silence detection, limit and beep are asked for; the length comes from the samples."""
    record = lambda c: c.record("/hotline/recordings/a/b", max_s=60, silence_s=3.5)  # noqa: E731 - one line
    async with calling(record) as (peer, line):
        await peer.expect('STREAM FILE beep ""')
        await peer.expect(
            'RECORD FILE /hotline/recordings/a/b wav "#" 60000 0 "s=4"',
            "200 result=35 (dtmf) endpos=20000",
        )
        assert await line.outcome == RecordResult("/hotline/recordings/a/b", 2.5, "#")


async def test_a_hangup_while_recording_ends_the_call() -> None:
    """The file is Asterisk's and stays; the conversation hears that the caller left."""
    record = lambda c: c.record("/hotline/recordings/a", max_s=60, silence_s=3, beep=False)  # noqa: E731 - one line
    async with calling(record) as (peer, line):
        await peer.expect("RECORD FILE", "200 result=-1 (hangup) endpos=8000\nHANGUP")
        with pytest.raises(CallEnded):
            await line.outcome


async def test_what_cannot_be_written_is_no_end_of_the_call() -> None:
    """The disk is full, Asterisk can't open the file: nothing was recorded, the call goes on."""
    record = lambda c: c.record("/hotline/recordings/a", max_s=60, silence_s=3, beep=False)  # noqa: E731 - one line
    async with calling(record) as (peer, line):
        await peer.expect("RECORD FILE", "200 result=-1 (writefile)")
        assert await line.outcome == RecordResult("/hotline/recordings/a", 0.0, "")


async def test_hold_plays_music_until_woken() -> None:
    """Music starts, the wake's value is returned, and music ends before the next prompt."""
    wake: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def lead(call: FastAgiCall) -> str:
        woken = await call.hold(wake)
        await call.play(["a"], language="cmn")
        return woken

    async with calling(lead) as (peer, line):
        await peer.expect("SET MUSIC ON")
        wake.set_result("offer")
        await peer.expect("SET MUSIC OFF")
        await peer.expect("STREAM FILE")
        assert await line.outcome == "offer"


async def test_hold_is_silent_when_nothing_has_to_be_waited_for() -> None:
    """A seat that is ready at once costs no music command."""

    async def ready() -> str:
        return "offer"

    async with calling(lambda c: c.hold(ready())) as (peer, line):
        assert await line.outcome == "offer"
        assert await peer.closed() == b""


class Awaited(asyncio.Future[None]):
    """A future that tells when somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_for = asyncio.Event()

    def add_done_callback(self, fn: Any, *, context: Any = None) -> None:
        super().add_done_callback(fn, context=context)
        self.waited_for.set()


async def test_a_held_caller_is_led_on_two_turns_after_what_he_waited_for() -> None:
    """By this a seat that becomes free rings: a turn of a busy loop lasts milliseconds. What else
    he waited for is still awaited by others."""
    seat, key = Awaited(), Awaited()
    led_on = asyncio.Event()

    async def lead(call: FastAgiCall) -> None:
        await call.hold_until((seat, key), 60)
        led_on.set()

    async with calling(lead) as (peer, line):
        await peer.expect("SET MUSIC ON")
        await seat.waited_for.wait()
        seat.set_result(None)
        for _ in range(2):
            await asyncio.sleep(0)
        assert led_on.is_set()
        await line.outcome
        assert not key.done()


async def test_a_held_caller_is_led_on_when_the_time_is_up() -> None:
    nothing = Awaited()
    async with calling(lambda c: c.hold_until((nothing,), 0.01)) as (peer, line):
        await peer.expect("SET MUSIC ON")
        await line.outcome
        assert not nothing.done()


@pytest.mark.parametrize("how", ["HANGUP", "closed"])
async def test_a_caller_who_leaves_ends_hold(how: str) -> None:
    """HANGUP or end of file cancels the wake and raises CallEnded."""
    wake: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with calling(lambda c: c.hold(wake)) as (peer, line):
        await peer.expect("SET MUSIC ON")
        if how == "HANGUP":
            peer.send("HANGUP")
        else:
            await peer.leave()
        with pytest.raises(CallEnded):
            await line.outcome
        assert wake.cancelled()


async def test_a_wake_that_fails_is_told() -> None:
    """An error of the awaited thing reaches the conversation."""

    async def failing() -> str:
        raise LookupError("no such queue")

    async with calling(lambda c: c.hold(failing())) as (_, line):
        with pytest.raises(LookupError):
            await line.outcome


async def dial(call: FastAgiCall, on_answer: Callable[[datetime], Awaitable[None]]) -> DialResult:
    return await call.dial(
        "s1", ring_s=15, on_answer=on_answer, variables={"STAGE": "dialing", "SEAT": "甲,1"}
    )


async def test_dial_writes_the_stage_and_forgets_the_last_dialstatus_first() -> None:
    """In the same breath as the ringing: a new engine never reads an older attempt's DIALSTATUS."""
    async with calling(lambda c: dial(c, nothing)) as (peer, line):
        dialled, written = (await peer.expect("EXEC Dial")).split("gImB(write^s^1(")
        assert dialled == 'EXEC Dial "PJSIP/s1,15,'
        assert unquote(written) == 'DIALSTATUS=,HL_STAGE=dialing,HL_SEAT=甲\\,1))"'
        await peer.expect("GET FULL VARIABLE", "200 result=1 (NOANSWER)")
        assert await line.outcome == DialResult(DialStatus.NOANSWER)


@pytest.mark.parametrize("status", ["INVALIDARGS", "", "DONTCALL"])
async def test_other_dialstatus_words_are_congestion(status: str) -> None:
    """The queue knows six ends; all else is 'couldn't be reached'."""
    async with calling(lambda c: dial(c, nothing)) as (peer, line):
        await peer.expect("EXEC Dial")
        await peer.expect("GET FULL VARIABLE", f"200 result=1 ({status})")
        assert (await line.outcome).status is DialStatus.CONGESTION


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("CHANUNAVAIL 21", DialStatus.BUSY),
        ("CHANUNAVAIL 20", DialStatus.CHANUNAVAIL),
        ("NOANSWER 21", DialStatus.NOANSWER),
    ],
)
async def test_who_declines_was_reached(told: str, status: DialStatus) -> None:
    """Dial calls a telephone that said 603 unavailable; the cause tells it from one away."""
    async with calling(lambda c: dial(c, nothing)) as (peer, line):
        await peer.expect("EXEC Dial")
        await peer.expect("GET FULL VARIABLE", f"200 result=1 ({told})")
        assert await line.outcome == DialResult(status)


async def test_the_answer_is_told_when_ami_hears_it() -> None:
    """`on_answer` runs during the talk, once, with AMI's time, which the talk counts from."""
    told: list[datetime] = []

    async def on_answer(at: datetime) -> None:
        told.append(at)

    async with calling(lambda c: dial(c, on_answer)) as (peer, line):
        await peer.expect_only("EXEC Dial")
        line.answers.tell(SeatAnswered(CALL_ID, "s2", NOW))
        line.answers.tell(SeatAnswered("another", "s1", NOW))
        await asyncio.sleep(0.02)
        assert told == []
        at = datetime.now(UTC)
        line.answers.tell(SeatAnswered(CALL_ID, "s1", at))
        line.answers.tell(SeatAnswered(CALL_ID, "s1", NOW))
        await asyncio.sleep(0.1)
        await eventually(lambda: told == [at], f"told: {told}")
        peer.send("200 result=0")
        result = await line.outcome
        assert result.status is DialStatus.ANSWER
        assert 0.09 < result.talk_s <= (datetime.now(UTC) - at).total_seconds()
        assert told == [at]


async def test_the_answer_is_told_without_ami_at_the_latest_at_the_end() -> None:
    """With AMI away `on_answer` still runs, and has ended, before dial returns."""
    told: list[datetime] = []

    async def on_answer(at: datetime) -> None:
        await asyncio.sleep(0.05)
        told.append(at)

    async def lead(call: FastAgiCall) -> int:
        await dial(call, on_answer)
        return len(told)

    async with calling(lead) as (peer, line):
        await peer.expect("EXEC Dial")
        await peer.expect("GET FULL VARIABLE", "200 result=1 (ANSWER)")
        assert await line.outcome == 1


async def test_a_failing_on_answer_doesnt_end_the_talk() -> None:
    """A ticket that can't be drafted is logged; the two go on talking."""

    async def on_answer(at: datetime) -> None:
        raise OSError("disk full")

    async with calling(lambda c: dial(c, on_answer)) as (peer, line):
        await peer.expect_only("EXEC Dial")
        line.answers.tell(SeatAnswered(CALL_ID, "s1", NOW))
        await asyncio.sleep(0.02)
        assert not line.outcome.done()
        peer.send("200 result=0")
        assert (await line.outcome).status is DialStatus.ANSWER


async def test_a_caller_leaving_the_talk_waits_for_the_tickets_draft() -> None:
    """CallEnded comes after `on_answer` has done its work, and doesn't cancel it."""
    told: list[datetime] = []

    async def on_answer(at: datetime) -> None:
        await asyncio.sleep(0.1)
        told.append(at)

    async with calling(lambda c: dial(c, on_answer)) as (peer, line):
        await peer.expect_only("EXEC Dial")
        line.answers.tell(SeatAnswered(CALL_ID, "s1", NOW))
        await asyncio.sleep(0.02)
        await peer.leave()
        with pytest.raises(CallEnded):
            await line.outcome
        assert told == [NOW]


async def test_a_dial_that_fails_with_the_caller_there_is_congestion() -> None:
    """-1 and no HANGUP: the seat couldn't be reached, the caller keeps his place."""
    async with calling(lambda c: dial(c, nothing)) as (peer, line):
        await peer.expect("EXEC Dial", "200 result=-1")
        assert await line.outcome == DialResult(DialStatus.CONGESTION)


async def test_transfer_goes_by_the_outbound_rules() -> None:
    """Who calls, what he dialled, his ticket go on the channel; the number through `outbound`."""

    async def transfer(call: FastAgiCall) -> DialResult:
        return await call.transfer(
            "110", caller="13800138000", first_called="evil;\n", ticket="261122000042"
        )

    async with calling(transfer) as (peer, line):
        assert await peer.expect("EXEC MSet") == (
            'EXEC MSet "DIALSTATUS=,HL_TRANSFER_CALLER=13800138000,HL_TRANSFER_FIRST=,'
            'HL_TRANSFER_TICKET=261122000042"'
        )
        await peer.expect(
            "GOSUB outbound 110 1", "100 result=0 Trying...\n200 result=0 Gosub complete"
        )
        await peer.expect("GET FULL VARIABLE", "200 result=1 (BUSY)")
        assert await line.outcome == DialResult(DialStatus.BUSY)


async def test_remember_and_finish_write_on_the_channel() -> None:
    """HL_ variables in one command; HL_DONE is the last word."""

    async def lead(call: FastAgiCall) -> None:
        await call.remember(STAGE="queued", KEYS="1")
        await call.finish()

    async with calling(lead) as (peer, line):
        assert await peer.expect("EXEC MSet") == 'EXEC MSet "HL_STAGE=queued,HL_KEYS=1"'
        assert await peer.expect_only("EXEC MSet") == 'EXEC MSet "HL_DONE=1"'
        await line.outcome
        assert await peer.closed() == b""


UNSAFE: list[Lead] = [
    lambda c: c.remember(KEYS="1\nHANGUP"),
    lambda c: c.remember(NONSENSE="1"),
    lambda c: c.play(["../../etc/passwd"], language="cmn"),
    lambda c: c.play(["a"], language="cmn/../en"),
    lambda c: c.play(["a"], language="cmn", interrupt="1\n"),
    lambda c: c.ask(["a&b"], language="cmn"),
    lambda c: c.play_file("/hotline/recordings/a b"),
    lambda c: c.play_file("relative"),
    lambda c: c.record('/hotline/"x"', max_s=1, silence_s=1),
    lambda c: c.dial("s1&PJSIP/trunk", ring_s=1, on_answer=nothing),
    lambda c: c.dial("s1", ring_s=1, on_answer=nothing, variables={"SEAT": "a\rb"}),
    lambda c: c.transfer("110@trunk", caller="", first_called=""),
    lambda c: c.transfer("110,,g", caller="", first_called=""),
]


@pytest.mark.parametrize("lead", UNSAFE)
async def test_unsafe_values_are_refused_before_anything_is_sent(lead: Lead) -> None:
    """Names, numbers, paths and values that would mean more to Asterisk never leave."""
    async with calling(lead) as (peer, line):
        with pytest.raises(UnsafeValue):
            await line.outcome
        assert await peer.closed() == b""


async def test_a_failed_command_with_the_caller_there_is_the_peers_fault() -> None:
    """-1 without HANGUP isn't a hang-up: it is told as what it is."""
    async with calling(lambda c: c.music(True)) as (peer, line):
        await peer.expect("SET MUSIC ON", "200 result=-1")
        with pytest.raises(PeerError):
            await line.outcome


async def test_a_missing_prompt_is_left_out() -> None:
    """Asterisk says -1 when a file is missing: counted, and the caller is led on."""
    before = counters.PROMPTS_FAILED._value.get()
    async with calling(lambda c: c.play(["a", "b"], language="cmn", interrupt="1")) as (peer, line):
        await peer.expect("STREAM FILE", "200 result=-1 endpos=0")
        await peer.expect("STREAM FILE", "200 result=49 endpos=9")
        assert await line.outcome == "1"
    assert counters.PROMPTS_FAILED._value.get() == before + 1


async def test_minus_one_and_then_hangup_is_call_ended() -> None:
    """-1 with HANGUP just behind it is the caller's end."""
    async with calling(lambda c: c.play(["a"], language="cmn")) as (peer, line):
        await peer.expect("STREAM FILE", "200 result=-1")
        peer.send("HANGUP")
        with pytest.raises(CallEnded):
            await line.outcome


async def test_the_seat_rings_without_a_word_about_the_music() -> None:
    """Dial takes the waiting caller's music over; afterwards it is off without being told so."""

    async def wait_and_ring(call: FastAgiCall) -> str:
        await call.music(True)
        await call.dial("s1", ring_s=15, on_answer=nothing)
        return await call.play(("a",), language="cmn")

    async with calling(wait_and_ring) as (peer, _):
        await peer.expect("SET MUSIC ON")
        await peer.expect('EXEC Dial "PJSIP/s1,15,gImB(write^s^1(DIALSTATUS%3D))"')
        await peer.expect("GET FULL VARIABLE", "200 result=1 (NOANSWER)")
        await peer.expect("STREAM FILE")


async def test_music_of_the_dialplan_is_stopped_on_reentry() -> None:
    """A new engine finds the dialplan's music playing: it says off once before it speaks."""
    async with calling(lambda c: c.play(["a"], language="cmn"), STAGE="queued") as (peer, line):
        await peer.expect("SET MUSIC OFF")
        await peer.expect("STREAM FILE")
        assert await line.outcome == ""


async def test_an_announcement_ends_with_a_key_that_is_asked_for() -> None:
    """Other keys don't end it; what follows isn't said any more once one was pressed."""
    never = asyncio.get_running_loop().create_future()

    async def lead(call: FastAgiCall) -> str:
        return await call.announce(
            ("one", "two", "three"), language="cmn", until=never, keys="12", timeout_s=2
        )

    async with calling(lead) as (peer, line):
        await peer.expect("STREAM FILE /hotline/prompts/cmn/one 12D", "200 result=0 endpos=800")
        two = f"200 result={ord('2')} endpos=80"
        await peer.expect("STREAM FILE /hotline/prompts/cmn/two 12D", two)
        assert await line.outcome == "2"


async def test_an_announcement_without_the_manager_stops_after_its_present_word() -> None:
    """A seat is offered in the middle: nothing more is said, even when AMI is away."""
    until = asyncio.get_running_loop().create_future()

    async def lead(call: FastAgiCall) -> str:
        return await call.announce(("one", "two"), language="cmn", until=until, timeout_s=2)

    async with calling(lead) as (peer, line):
        assert await peer.expect_only("STREAM FILE /hotline/prompts/cmn/one D")
        until.set_result(None)
        await asyncio.sleep(0)
        peer.send("200 result=0 endpos=800")
        assert await line.outcome == ""
