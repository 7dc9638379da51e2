"""One number, one real call: what citizens do, and the tickets that stand afterwards."""

import asyncio
import itertools
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.audio import speech_like
from simulator.citizens import CallOutcome, Citizen, LiveCall
from simulator.seats import Account, Manners, Seats
from tests.e2e.books import PLACED, as_long, call_of, recording_of, rows
from tests.e2e.installation import Installation
from tests.e2e.prompts import brief_cache
from tests.e2e.speaking import spoken_of

AT_ONCE = ((0.4, "0"),)
MISSING = "/there-is-no-such-model"
TWO_SECONDS = 32_000
"""Of a WAV file, 8 kHz, 16 bits."""
NUMBERS = (f"138{n:08d}" for n in itertools.count(1000))

CONFIG = """
[[tenants]]
id = "default"
name = "12345政务服务便民热线"
wrap_up_s = 0.5
flap_hold_s = 0
ring_s = 4

[[tenants]]
id = "liuzhou"
name = "柳州12345"
prefixes = ["0772"]
wrap_up_s = 0.5
flap_hold_s = 0

[[trunks]]
id = "carrier"
tenant = "default"
match = ["127.0.0.2"]
trusted = true
spellings = { "+86" = "" }

[[trunks]]
id = "shared"
match = ["127.0.0.4"]
"""


@pytest.fixture(scope="module")
def hotline() -> Iterator[Installation]:
    """One installation with two cities; voice requests are offered after 5 s of waiting. The model
    that should understand them is missing."""
    settings: dict[str, Any] = {
        "voice_offer_after_s": 5, "announce_every_s": 60, "cache": brief_cache(),
        "speech": "vosk", "speech_models": json.dumps({"cmn": MISSING}), "speech_workers": 1,
    }  # fmt: skip
    with Installation(CONFIG, **settings) as installation:
        for tenant in ("default", "liuzhou"):  # whatever the time of day is
            installation.real_cli("hours", "set", "open", "--tenant", tenant)
        yield installation


@pytest.fixture(scope="module")
def accounts(hotline: Installation) -> dict[str, Account]:
    """Seats by number: 1001 and 1002 Mandarin, 1003 Zhuang, 2001 in Liuzhou. All paused."""
    skills = ("lang:cmn=5", "svc:general=3", "svc:12333=3", "svc:12315=3")
    made = {
        "1001": hotline.add_seat("1001", skills=skills, ready=False),
        "1002": hotline.add_seat("1002", skills=skills, ready=False),
        "1003": hotline.add_seat("1003", skills=("lang:za=5", "svc:general=3"), ready=False),
    }
    made["2001"] = hotline.add_seat("2001", tenant="liuzhou", ready=False)
    return made


class Shift:
    """Seats at work: registered, ready, and paused again at the end."""

    def __init__(
        self,
        hotline: Installation,
        accounts: dict[str, Account],
        *numbers: str,
        usual: Manners | None = None,
        manners: dict[str, Manners] | None = None,
        tenant: str = "default",
    ) -> None:
        self._hotline = hotline
        self._numbers = numbers
        self._tenant = tenant
        given = {accounts[n].endpoint: m for n, m in (manners or {}).items()}
        self.seats = Seats(
            [accounts[n] for n in numbers],
            sip=hotline.sip,
            usual=usual or Manners(ring_s=0.2, talk_s=1.5),
            manners=given,
        )

    async def __aenter__(self) -> Seats:
        await self.seats.__aenter__()
        for number in self._numbers:
            await asyncio.to_thread(self._ready, number)
        return self.seats

    def _ready(self, number: str) -> None:
        path = f"/api/v1/tenants/{self._tenant}/seats/{number}/state"
        self._hotline.api(path, method="POST", body={"state": "ready"})
        self._hotline.wait(
            lambda: self._hotline.seat_state(number, self._tenant) == "ready", f"seat {number}"
        )

    async def __aexit__(self, *error: object) -> None:
        for number in self._numbers:
            path = f"/api/v1/tenants/{self._tenant}/seats/{number}/state"
            body = {"state": "paused", "reason": "break"}
            await asyncio.to_thread(self._hotline.api, path, method="POST", body=body)
        await self.seats.__aexit__(None, None, None)


def citizen(hotline: Installation, number: str, **more: str) -> Citizen:
    return Citizen(number, hotline.sip, **more)  # type: ignore[arg-type] # only texts are given


def _requests(hotline: Installation) -> dict[Path, int]:
    """Every spoken request on the disk, with its size."""
    found = hotline.home.glob("recordings/requests/*/*/*/*.wav")
    return {file: file.stat().st_size for file in found}


async def takes_the_offer(hotline: Installation, call: LiveCall) -> CallOutcome:
    """He presses `2` again and again until what he says is recorded, and confirms."""
    before = _requests(hotline)
    async with asyncio.timeout(60):
        while _requests(hotline).keys() == before.keys():
            call.press("2")
            await asyncio.sleep(1.0)
    return await confirms(hotline, call, before)


async def speaks_and_confirms(hotline: Installation, call: LiveCall) -> CallOutcome:
    """He waits for the recording, and confirms."""
    return await confirms(hotline, call, _requests(hotline))


async def confirms(hotline: Installation, call: LiveCall, before: Collection[Path]) -> CallOutcome:
    """He speaks (as he does all the time), presses `#`, and `1` again and again to the end."""
    await two_seconds(hotline, before)
    call.press("#")
    ended = asyncio.create_task(call.ended(within_s=60))
    while not (await asyncio.wait({ended}, timeout=1.5))[0]:
        call.press("1")
    return await ended


async def two_seconds(hotline: Installation, before: Collection[Path]) -> None:
    """Wait until so much of a request that wasn't there before is on the disk."""

    def spoken() -> bool:
        now = _requests(hotline)
        return any(size > TWO_SECONDS for file, size in now.items() if file not in before)

    await asyncio.to_thread(hotline.wait, spoken, "two recorded seconds")


def known(hotline: Installation) -> set[str]:
    """The numbers of all tickets there are."""
    told = hotline.api("/api/v1/tenants/default/tickets?limit=200")["tickets"]
    return {ticket["number"] for ticket in told}


async def new_ticket(hotline: Installation, before: set[str]) -> dict[str, Any]:
    """The one ticket more, of a caller whose number isn't known."""
    await asyncio.to_thread(hotline.wait, lambda: known(hotline) > before, "a new ticket")
    (made,) = (ticket for ticket in hotline.tickets() if ticket["number"] not in before)
    return made


async def test_a_silent_caller_is_asked_nothing_and_talks_to_a_seat(
    hotline: Installation, accounts: dict[str, Account]
) -> None:
    """12345, no key pressed: greeting, queue, seat, talk; a draft ticket with the caller's facts
    and a recording as long as the call."""
    for placed in range(1, PLACED + 1):
        caller = next(NUMBERS)
        async with Shift(hotline, accounts, "1001") as seats:
            outcome = await citizen(hotline, caller, name="张伟").call(
                "12345", voice=speech_like(3, "ulaw")
            )
            await seats.wait_for("hung_up")
        assert outcome.answered
        assert outcome.ended_by == "hotline"
        assert outcome.heard_voice_s > 3
        ticket = hotline.ticket_of(caller)
        assert (ticket["origin"], ticket["state"], ticket["seat_id"]) == ("talk", "DRAFT", "1001")
        assert ticket["facts"]["line_id"] == "general"
        assert ticket["facts"]["called_number"] == "12345"
        assert ticket["facts"]["caller_e164"] == f"+86{caller}"
        assert ticket["facts"]["language"] == "cmn"
        call = call_of(hotline.home, caller)
        assert call["outcome"] == "answered"
        hotline.no_channels_left()
        recording = recording_of(hotline.home, call["call_id"])
        assert (hotline.home / recording["path"]).stat().st_size > 44
        if as_long(recording, placed):
            break


async def test_a_dual_track_number_lands_here_with_its_line(
    hotline: Installation, accounts: dict[str, Account]
) -> None:
    """12333 rings at 12345 and the ticket tells the number, the line and the unit."""
    caller = next(NUMBERS)
    async with Shift(hotline, accounts, "1001"):
        await citizen(hotline, caller).call("12333", digits=AT_ONCE)
    facts = hotline.ticket_of(caller)["facts"]
    assert (facts["line_id"], facts["called_number"], facts["unit"]) == ("l12333", "12333", "人社")


async def test_the_number_first_dialled_decides_after_a_forwarding(
    hotline: Installation, accounts: dict[str, Account]
) -> None:
    """12315 forwarded to 12345 by a trusted trunk: caller from P-Asserted-Identity, line from
    Diversion."""
    caller = next(NUMBERS)
    async with Shift(hotline, accounts, "1001"):
        await citizen(
            hotline,
            "12315",
            asserted=f"<sip:+86{caller}@carrier.invalid>",
            diversion="<sip:12315@carrier.invalid>;reason=unconditional",
        ).call("12345", digits=AT_ONCE)
    facts = hotline.ticket_of(caller)["facts"]
    assert (facts["line_id"], facts["called_number"]) == ("l12315", "12315")
    assert facts["dialled"] == "12345"


async def test_a_silent_seat_is_passed_over_and_the_caller_keeps_his_place(
    hotline: Installation, accounts: dict[str, Account]
) -> None:
    """The longest idle seat doesn't pick up: the next one rings, the caller is served."""
    caller = next(NUMBERS)
    silent = {"1002": Manners(answers=False)}
    async with (
        Shift(hotline, accounts, "1002", manners=silent) as first,
        Shift(hotline, accounts, "1001") as second,  # comes when the other is ready
    ):
        outcome = await citizen(hotline, caller).call("12345", digits=AT_ONCE)
        rang = [e.values[1] for e in (*first.events, *second.events) if e.word == "rang"]
    assert outcome.ended_by == "hotline"
    assert rang == [accounts["1002"].endpoint, accounts["1001"].endpoint]
    assert hotline.ticket_of(caller)["seat_id"] == "1001"


async def test_a_zhuang_caller_at_the_head_blocks_nobody(
    hotline: Installation, accounts: dict[str, Account]
) -> None:
    """The Zhuang caller came first, only a Mandarin seat is ready: the Mandarin caller behind
    him is served at once; the Zhuang caller as soon as a Zhuang seat is there."""
    first, second = next(NUMBERS), next(NUMBERS)
    async with citizen(hotline, first).dial("12345", voice=b"") as waiting:
        await waiting.answered()
        await waiting.hear(0.1)  # a key that comes before the first word is lost
        waiting.press("2")
        await asyncio.to_thread(
            hotline.wait, lambda: hotline.board()["waiting"] == 1, "the first caller's place"
        )
        async with Shift(hotline, accounts, "1001"):
            outcome = await citizen(hotline, second).call("12345", digits=AT_ONCE)
        assert outcome.ended_by == "hotline"
        assert hotline.ticket_of(second)["seat_id"] == "1001"
        async with Shift(hotline, accounts, "1003"):
            await waiting.ended(within_s=30)
    ticket = hotline.ticket_of(first)
    assert (ticket["seat_id"], ticket["facts"]["language"]) == ("1003", "za"), ticket


async def test_giving_up_in_the_queue_leaves_a_ticket_to_be_called_back(
    hotline: Installation,
) -> None:
    """Nobody is ready, the caller hangs up: abandoned, and a ticket that is due a callback."""
    caller = next(NUMBERS)
    async with citizen(hotline, caller).dial("12345") as call:
        await call.answered()
        await call.hear(0.1)
        call.press("0")
        await asyncio.to_thread(
            hotline.wait, lambda: hotline.board()["waiting"] == 1, "the caller's place"
        )
        call.hang_up()
        await call.ended()
    ticket = hotline.ticket_of(caller)
    assert (ticket["origin"], ticket["callback_due"]) == ("abandoned", True)
    assert call_of(hotline.home, caller)["outcome"] == "abandoned"
    assert hotline.board()["waiting"] == 0
    hotline.no_channels_left()


async def test_after_a_long_wait_a_spoken_request_is_taken_instead(hotline: Installation) -> None:
    """Nobody is ready: after the set time the caller presses 2, speaks, confirms."""
    caller = next(NUMBERS)
    async with citizen(hotline, caller).dial("12345", voice=speech_like(60, "ulaw")) as call:
        await call.answered()
        await call.hear(0.1)  # a key that comes before the first word is lost
        call.press("0")
        outcome = await takes_the_offer(hotline, call)
    assert outcome.ended_by == "hotline"
    ticket = hotline.ticket_of(caller)
    assert (ticket["origin"], ticket["state"]) == ("voice_request", "PENDING_REVIEW")
    assert ticket["voice_s"] > 1


async def test_after_hours_a_request_is_recorded_confirmed_and_numbered(
    hotline: Installation,
) -> None:
    """Closed by the supervisor: explained, recorded, played back, confirmed, number spoken. Nobody
    understands him, since the model is missing: his ticket says so, and so does /readyz."""
    caller = next(NUMBERS)
    hotline.cli("hours", "set", "closed")
    try:
        async with citizen(hotline, caller).dial("12345", voice=speech_like(60, "ulaw")) as call:
            await call.answered()
            outcome = await speaks_and_confirms(hotline, call)
    finally:
        hotline.cli("hours", "set", "open")
    assert outcome.ended_by == "hotline"
    ticket = hotline.ticket_of(caller)
    assert (ticket["origin"], ticket["state"]) == ("voice_request", "PENDING_REVIEW")
    assert ticket["confirmed"]
    assert ticket["voice_s"] > 1
    assert (hotline.home / ticket["voice_path"]).stat().st_size > 8000
    assert "not_recognised" in spoken_of(hotline, ticket["number"])["review"]
    speech = hotline.readiness()["parts"]["speech"]
    assert (speech["up"], MISSING in speech["detail"]) == (False, True)


async def test_hanging_up_while_speaking_keeps_what_was_said(hotline: Installation) -> None:
    """Closed, the caller speaks and hangs up in the middle: a ticket with his voice."""
    caller = next(NUMBERS)
    hotline.cli("hours", "set", "closed", "--line", "l12333")
    before = _requests(hotline)
    try:
        async with citizen(hotline, caller).dial("12333", voice=speech_like(60, "ulaw")) as call:
            await call.answered()
            await two_seconds(hotline, before)
            call.hang_up()
            await call.ended()
    finally:
        hotline.cli("hours", "set", "auto", "--line", "l12333")
    ticket = hotline.ticket_of(caller)
    assert (ticket["origin"], ticket["confirmed"]) == ("voice_request", False)
    assert ticket["voice_s"] > 1
    assert ticket["facts"]["line_id"] == "l12333"


async def test_zero_outside_the_hours_asks_for_the_first_callback(hotline: Installation) -> None:
    """Closed and no duty phone: 0 marks the request for the first callback, even unspoken."""
    caller = next(NUMBERS)
    hotline.cli("hours", "set", "closed")
    try:
        before = _requests(hotline).keys()
        async with citizen(hotline, caller).dial("12345") as call:
            await call.answered()
            await call.hear(0.1)  # a key that comes before the first word is lost
            call.press("0")
            await asyncio.to_thread(
                hotline.wait, lambda: _requests(hotline).keys() != before, "his being recorded"
            )
            call.hang_up()
            await call.ended()
    finally:
        hotline.cli("hours", "set", "open")
    assert hotline.ticket_of(caller)["first_callback"]


async def test_an_unknown_number_is_apologised_to_and_counted(hotline: Installation) -> None:
    """Nobody's number: a spoken apology, a row, no ticket."""
    caller = next(NUMBERS)
    outcome = await citizen(hotline, caller).call("99999")
    assert outcome.answered
    assert outcome.heard_voice_s > 1
    call = call_of(hotline.home, caller)
    assert call["outcome"] == "unknown_number"
    assert not rows(hotline.home, "SELECT 1 FROM tickets WHERE call_id = ?", call["call_id"])


async def test_hanging_up_in_the_greeting_leaves_a_row_and_no_ticket(
    hotline: Installation,
) -> None:
    """Nothing was asked of us yet."""
    caller = next(NUMBERS)
    await citizen(hotline, caller).call("12345", talk_s=1.0)
    call = call_of(hotline.home, caller)
    assert call["outcome"] == "left_early"
    assert not rows(hotline.home, "SELECT 1 FROM tickets WHERE call_id = ?", call["call_id"])


async def test_an_anonymous_caller_is_served_and_marked(
    hotline: Installation, accounts: dict[str, Account]
) -> None:
    """No caller id is no reason not to answer."""
    before = known(hotline)
    async with Shift(hotline, accounts, "1001"):
        outcome = await citizen(hotline, "").call("12345", digits=AT_ONCE)
    assert outcome.ended_by == "hotline"
    ticket = await new_ticket(hotline, before)
    assert ticket["facts"]["anonymous"]
    assert ticket["facts"]["caller_e164"] == ""


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("13800000000%0d%0aExec", "x"),
        ("138;rm", "a;b|c"),
        ("13800000007", '\\"quoted\\", 张伟 ${EXTEN}'),
    ],
)
async def test_strange_caller_ids_are_never_sent_on(
    hotline: Installation, accounts: dict[str, Account], number: str, name: str
) -> None:
    """CR, LF, `;`, quotes and dialplan words in caller ids: served, and nothing of it runs."""
    before = known(hotline)
    async with Shift(hotline, accounts, "1001"):
        outcome = await citizen(hotline, number, name=name).call("12345", digits=AT_ONCE)
    assert outcome.ended_by == "hotline"
    kept = (await new_ticket(hotline, before))["facts"]["caller_raw"]
    assert not set(kept) & set("\r\n;|%$"), kept


async def test_two_cities_dial_12345_and_each_answers_its_own(
    hotline: Installation, accounts: dict[str, Account]
) -> None:
    """077212345 on the shared trunk is Liuzhou's 12345: its seat, its ticket, its figures."""
    caller, other = next(NUMBERS), next(NUMBERS)
    liuzhou = Citizen(caller, hotline.sip, ip="127.0.0.4")
    async with (
        Shift(hotline, accounts, "1001"),
        Shift(hotline, accounts, "2001", tenant="liuzhou"),
    ):
        await asyncio.gather(
            liuzhou.call("077212345", digits=AT_ONCE),
            citizen(hotline, other).call("12345", digits=AT_ONCE),
        )
    theirs = hotline.ticket_of(caller, tenant="liuzhou")
    assert (theirs["tenant"], theirs["seat_id"]) == ("liuzhou", "2001")
    assert theirs["facts"]["line_id"] == "general"
    assert hotline.ticket_of(other)["seat_id"] == "1001"
    assert caller not in str(hotline.tickets())
    hotline.wait(lambda: hotline.board("liuzhou")["answered"] == 1, "its figure")
    hotline.no_channels_left()
