"""What a caller who waits is told, may choose, and keeps."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from ivr.conversation import converse
from ivr.flow import DEFAULT_FLOW
from ivr.known_callers import EndedCall, Mark
from ivr.ports import KeptPlace, Outcome
from ivr.queue_rules import DEFAULT_RULES
from ivr.tenants import Tenant
from queue_manager.estimate import WaitEstimate
from queue_manager.model import Suggestion, WaitingCaller
from telephony.call import DialStatus
from tests.ivr.script import (
    LONG_S,
    NOON,
    SEAT,
    FakePlace,
    FakeQueue,
    Script,
    World,
    directory,
    in_virtual_time,
    led,
    made,
)
from tickets.model import Origin, TicketState


@in_virtual_time
async def test_the_waiting_hear_their_place_and_what_they_may_choose() -> None:
    """Nobody is free: place and wait told soon, then news or information; the choice refused by
    silence, offered again, then taken."""
    script = Script(digits=["", "", "2", "1"], takes=[7.5])
    world = waited(script, WaitEstimate(100, 200))
    await asyncio.wait_for(converse(world.call, world.desk), LONG_S)
    place = ["waiting_thanks", "ahead_before", "numbers/3", "ahead_after"]
    wait = ["wait_before", "numbers/1", "wait_to", "numbers/4", "wait_minutes"]
    said = [(round(t, -1), prompt) for t, prompt in world.call.heard_at_s[2:]]
    assert said[:12] == [
        *((10, prompt) for prompt in (*place, *wait)),
        (40, "inform_prepare"),
        (60, "choice_offer"),
        (90, "inform_emergency"),
    ]
    assert said[12] == (120, "choice_offer")
    assert world.place.events == ["left voice_request"]
    ticket = made(world)
    assert (ticket.origin, ticket.state) == (Origin.VOICE_REQUEST, TicketState.PENDING_REVIEW)
    assert (ticket.voice_s, ticket.confirmed) == (7.5, True)
    assert ticket.voice_path == "recordings/requests/2026/11/21/hl-1795233600.7-1.wav"
    assert world.row.outcome is Outcome.VOICE_REQUEST
    assert world.row.queued_at == NOON


def waited(script: Script, wait: WaitEstimate | None = None, ahead: int = 3) -> World:
    """A world in which he finds this many ahead of him."""
    world = World(script)
    entered = world.queue.enter

    def enter(caller: WaitingCaller) -> FakePlace:
        place = entered(caller)
        place.ahead, place.wait = ahead, wait
        return place

    world.queue.enter = enter  # type: ignore[method-assign]  # a wrapper of the fake
    return world


@in_virtual_time
async def test_he_is_told_again_when_much_has_changed() -> None:
    """Three ahead, then one: said. The same again: not."""
    world = waited(Script(), ahead=3)
    leading = asyncio.ensure_future(converse(world.call, world.desk))
    await asyncio.sleep(20)
    world.place.ahead = 1
    await asyncio.sleep(80)
    told = [prompt for _, prompt in world.call.heard_at_s if prompt.startswith("numbers/")]
    assert told == ["numbers/3", "numbers/1"]
    await leading


@in_virtual_time
async def test_a_step_of_the_rules_suggests_a_callback_and_he_takes_it() -> None:
    """Offered at once; his number is read to him and confirmed; he leaves, his place doesn't."""
    world = waited(Script(digits=["", "1", "1"]))
    leading = asyncio.ensure_future(converse(world.call, world.desk))
    await asyncio.sleep(15)
    world.place.suggested.set_result(Suggestion.CALLBACK)
    await asyncio.wait_for(leading, LONG_S)
    offered_s = next(t for t, prompt in world.call.heard_at_s if prompt == "callback_offer")
    assert 15 <= offered_s < 16
    number = [f"digits/{d}" for d in "13800138000"]
    assert world.call.said[-15:] == [
        *("callback_offer", "callback_confirm", *number, "callback_confirm_keys"),
        "callback_taken",
    ]
    (taken,) = world.callbacks.taken.values()
    assert (taken.number_e164, taken.queued_at, taken.queue_id) == ("+8613800138000", NOON, "main")
    assert world.place.events == ["left callback"]
    assert world.row.outcome is Outcome.CALLBACK
    assert (made(world).origin, made(world).callback_due) == (Origin.CALLBACK, True)
    assert world.call.done


@in_virtual_time
async def test_a_key_while_the_music_plays_is_as_good_as_an_answer() -> None:
    """1 at any time; the number is another one, typed and read back."""
    script = Script(caller="anonymous", digits=["", *"02088880000", "#", "1"])
    world = waited(script)
    leading = asyncio.ensure_future(converse(world.call, world.desk))
    await asyncio.sleep(5)
    world.call.key.set_result("1")
    await asyncio.wait_for(leading, LONG_S)
    (taken,) = world.callbacks.taken.values()
    assert taken.number_e164 == "+862088880000"
    assert world.row.outcome is Outcome.CALLBACK


@in_virtual_time
async def test_a_number_that_cant_be_rung_is_asked_for_again_and_he_waits_on() -> None:
    """Three tries, short codes and premium numbers refused; nothing is promised."""
    script = Script(caller="anonymous", digits=["", *"110", "#", *"95588", "#", *"400", "#"])
    world = waited(script)
    leading = asyncio.ensure_future(converse(world.call, world.desk))
    await asyncio.sleep(5)
    world.call.key.set_result("1")
    await asyncio.wait_for(leading, LONG_S)
    assert world.call.said.count("callback_number_wrong") == 3
    assert world.callbacks.taken == {}
    assert world.row.outcome is Outcome.ABANDONED


@in_virtual_time
async def test_a_callback_that_cant_be_promised_is_told_and_he_keeps_waiting() -> None:
    world = waited(Script(digits=["", "1", "1"], callbacks_away=True))
    await asyncio.wait_for(converse(world.call, world.desk), LONG_S)
    assert "callback_failed" in world.call.said
    assert world.place.events == ["left abandoned"]
    assert world.call.variables["STAGE"] == "queued"
    assert world.call.variables["NUMBER"] == ""


@in_virtual_time
async def test_a_seat_offered_while_he_is_asked_goes_first() -> None:
    """The question ends at once, he is connected, no callback is taken."""
    world = waited(Script(digits=["", "1", ""], seats=[DialStatus.ANSWER]))
    world.queue = FakeQueue([])
    world.desk = replace(world.desk, queues={"default": world.queue})
    leading = asyncio.ensure_future(converse(world.call, world.desk))
    await asyncio.sleep(61)
    assert world.call.said[-1] == "callback_confirm_keys"
    world.place.give(SEAT)
    await asyncio.wait_for(leading, LONG_S)
    assert world.row.outcome is Outcome.ANSWERED
    assert world.callbacks.taken == {}


@in_virtual_time
async def test_who_was_to_be_called_back_and_calls_again_has_his_old_place() -> None:
    """The callback is called off; the ticket is that of the call he asked in."""
    world = World(Script(seats=[DialStatus.ANSWER]))
    earlier = NOON.replace(hour=3)
    world.callbacks.kept = KeptPlace("hl-1.1", earlier, 2)
    await asyncio.wait_for(converse(world.call, world.desk), LONG_S)
    caller = world.place.caller
    assert (caller.queued_at, caller.priority) == (earlier, 2)
    assert made(world).call_id == "hl-1.1"


@in_virtual_time
async def test_without_callbacks_only_the_message_is_offered() -> None:
    world = waited(Script(digits=["", "1", "2", "1"], takes=[3.0]))
    world.callbacks.open = False
    await asyncio.wait_for(converse(world.call, world.desk), LONG_S)
    assert "choice_offer" not in world.call.said
    assert world.call.said.count("voice_offer") == 2
    assert world.row.outcome is Outcome.VOICE_REQUEST


@in_virtual_time
async def test_elders_and_those_who_gave_up_before_go_first() -> None:
    """By key, by record, by the last call; what is known of him is asked of memory alone."""
    world = World(Script(digits=["9"], seats=[DialStatus.ANSWER]))
    await converse(world.call, world.desk)
    assert world.place.caller.priority == 2
    assert made(world).facts.keys == "9"
    again = World(Script(seats=[DialStatus.ANSWER]))
    again.callers.set_marks("default", [("+8613800138000", Mark(elder=True, language="yue"))])
    gave_up = NOON.replace(hour=3, minute=30)
    again.callers.learn("default", [("+8613800138000", EndedCall(gave_up, Outcome.ABANDONED))])
    await converse(again.call, again.desk)
    assert again.place.caller.priority == 2 + 1 + 1
    assert again.place.caller.language == "yue"
    assert again.place.caller.preferred_seat == ""


@pytest.mark.parametrize(
    ("digits", "priority", "needs"),
    [
        ([""], 2, "lang:cmn & svc:general"),
        (["1"], 0, "lang:cmn & svc:general"),
        (["3"], 5, "(svc:complaint>=2 | svc:general>=4) & lang:cmn & svc:general"),
    ],
)
@in_virtual_time
async def test_silence_and_keys_mean_what_a_citys_own_flow_says(
    digits: list[str], priority: int, needs: str, tmp_path: Path
) -> None:
    """Who presses no key within the first prompt is an elder, who presses any isn't; a key of
    danger goes before all, and one for a kind of request asks for seats that know it."""
    flow = DEFAULT_FLOW.read_text(encoding="utf-8")
    flow = flow.replace("timeout_s: 2", "timeout_s: 2\n    silent_elder: true", 1)
    asks = '{kind: complaint, needs: "svc:complaint>=2 | svc:general>=4", danger: true}'
    file = tmp_path / "own.yaml"
    file.write_text(flow.replace("{language: yue}", asks, 1), encoding="utf-8")
    own = directory([Tenant(id="default", name="12345", flow_file=file)])
    world = World(Script(digits=digits, seats=[DialStatus.ANSWER], directory=own))
    await converse(world.call, world.desk)
    assert world.place.caller.priority == priority
    assert str(world.place.caller.needs) == needs


@pytest.mark.parametrize(
    ("same_seat_s", "last", "wanted"),
    [(0, "8001", ""), (20, "8001", "8001"), (20, "liuzhou/2001", "")],
)
@in_virtual_time
async def test_the_seat_he_had_is_wanted_where_the_rules_say_so(
    same_seat_s: int, last: str, wanted: str, tmp_path: Path
) -> None:
    """Also when he gave up meanwhile; never a seat of another city."""
    file = tmp_path / "queues.yaml"
    text = DEFAULT_RULES.read_text(encoding="utf-8")
    changed = text.replace("same_seat_s: 0", f"same_seat_s: {same_seat_s}")
    file.write_text(changed, encoding="utf-8")
    own = directory([Tenant(id="default", name="12345", queues_file=file)])
    world = World(Script(seats=[DialStatus.ANSWER], directory=own))
    calls = [EndedCall(NOON, Outcome.ANSWERED, last), EndedCall(NOON, Outcome.ABANDONED)]
    world.callers.learn("default", [("+8613800138000", call) for call in calls])
    await converse(world.call, world.desk)
    assert world.place.caller.preferred_seat == wanted


@in_virtual_time
async def test_a_known_callers_language_never_locks_him_in() -> None:
    world = World(Script(digits=["1"], seats=[DialStatus.ANSWER]))
    world.callers.set_marks("default", [("+8613800138000", Mark(language="en"))])
    await converse(world.call, world.desk)
    assert world.call.languages[:1] == ["en"]
    assert {n.skill for n in world.place.caller.needs.needs()} == {"lang:cmn", "svc:general"}


@in_virtual_time
async def test_what_his_place_is_stands_on_the_channel() -> None:
    """A new engine queues him with the same needs, priority and queue, whatever it would say."""
    world = World(Script(digits=["9"]))
    leading = asyncio.ensure_future(converse(world.call, world.desk))
    await asyncio.sleep(5)
    leading.cancel()
    await asyncio.wait({leading})
    seen = world.call.variables
    assert (seen["PRIORITY"], seen["QUEUE"], seen["NEEDS"]) == (
        "2",
        "main",
        "lang:cmn & svc:general",
    )
    world.call.variables["NEEDS"] = "lang:za>=3"
    world.engine()
    world.call.come_back()
    await converse(world.call, world.desk)
    assert str(world.place.caller.needs) == "lang:za>=3"
    assert world.place.caller.priority == 2


@in_virtual_time
async def test_the_next_in_line_is_told_so_once() -> None:
    """He isn't talked to again and again: the next free seat is his."""
    world = World(Script())
    original = world.queue.enter

    def enter(caller):  # type: ignore[no-untyped-def]  # a wrapper of the fake
        place = original(caller)
        place.ahead = 0
        return place

    world.queue.enter = enter  # type: ignore[method-assign]  # as above
    await converse(world.call, world.desk)
    assert world.call.said.count("ahead_none") == 1
    assert world.row.outcome is Outcome.ABANDONED


@in_virtual_time
async def test_an_announcement_yields_to_a_free_seat() -> None:
    """The seat comes free while the position is said: the rest of it isn't."""
    world = World(Script(seats=[DialStatus.ANSWER]))
    world.queue = FakeQueue([])
    world.desk = replace(world.desk, queues={"default": world.queue})
    play = world.call.play

    async def playing(prompts, **how):  # type: ignore[no-untyped-def]  # a wrapper of the fake
        await play(prompts, **how)
        if prompts == ("waiting_thanks",):
            world.place.give(SEAT)

    world.call.play = playing  # type: ignore[method-assign]  # as above
    await converse(world.call, world.desk)
    assert world.call.said[-1] == "waiting_thanks"
    assert world.row.outcome is Outcome.ANSWERED


@in_virtual_time
async def test_zero_reaches_a_person_even_where_no_flow_says_so(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    text = DEFAULT_FLOW.read_text(encoding="utf-8")
    text = text.replace('      "0": {go: person}\n', "", 1)
    text = text.replace("silence: person", "silence: goodbye", 1)
    file.write_text(text, encoding="utf-8")
    own = directory([Tenant(id="default", name="12345", flow_file=file)])
    world = await led(Script(directory=own))
    assert world.row.outcome is Outcome.LEFT_EARLY
    world = await led(Script(digits=["0"], seats=[DialStatus.ANSWER], directory=own))
    assert world.row.outcome is Outcome.ANSWERED


@in_virtual_time
async def test_who_waits_in_vain_and_leaves_gets_a_ticket() -> None:
    world = await led(Script())
    assert world.place.events == ["left abandoned"]
    assert made(world).origin is Origin.ABANDONED
    assert world.row.outcome is Outcome.ABANDONED
    assert world.row.ticket == "261121000042"
