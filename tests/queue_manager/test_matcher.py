"""The matcher's rules, one by one; random histories are in test_matcher_histories."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from queue_manager import matcher as matcher_module
from queue_manager.matcher import Matcher
from queue_manager.model import Need, Requirement
from simulator.routing_crowd import Crowd, Size
from tests.queue_manager.builders import MANDARIN, ZHUANG, caller
from tests.queue_manager.virtual_time import START

CMN, ZA = {"lang:cmn": 5}, {"lang:cmn": 5, "lang:za": 5}


def staffed(**seats: dict[str, int]) -> Matcher:
    """A matcher with these seats ready, the first one longest idle."""
    matcher = Matcher()
    for seat_id, skills in seats.items():
        matcher.put_seat(seat_id, skills)
        matcher.seat_ready(seat_id, idle_since=START)
    return matcher


def test_an_unserved_head_caller_blocks_nobody() -> None:
    """A Zhuang caller came first; the Mandarin caller behind him gets the Mandarin seat."""
    matcher = staffed(a=CMN)
    assert matcher.caller_enters(caller("zhuang", ZHUANG, waited_s=60)) is None
    assert matcher.caller_enters(caller("mandarin", MANDARIN)) == "a"


def test_a_step_of_priority_is_worth_two_minutes_of_waiting() -> None:
    """An elder (two steps) goes before who came up to four minutes earlier, and not before who
    came earlier than that: nobody starves."""
    matcher = Matcher()
    matcher.put_seat("8001", CMN)
    matcher.caller_enters(caller("patient", waited_s=241))
    matcher.caller_enters(caller("hasty", waited_s=239))
    matcher.caller_enters(caller("elder", priority=2))
    assert [matcher.position(c) for c in ("patient", "elder", "hasty")] == [1, 2, 3]
    assert [matcher.seat_ready("8001") for _ in range(3)] == ["patient", "elder", "hasty"]


def test_nobody_starves_behind_an_endless_row_of_more_important_callers() -> None:
    """Danger words come every ten seconds, one seat serves one every ten seconds: an ordinary
    caller is served once the next one came more than his five steps of two minutes later."""
    matcher = Matcher(weight_s=120)
    matcher.put_seat("8001", CMN)
    matcher.caller_enters(caller("ordinary", at=START))
    for second in range(0, 3600, 10):
        at = START + timedelta(seconds=second)
        matcher.caller_enters(caller(f"danger{second}", at=at, priority=5))
        if matcher.seat_ready("8001") == "ordinary":
            break
    assert second <= 5 * 120 + 10


def test_a_zhuang_seat_is_spared_while_another_is_ready() -> None:
    """The Mandarin caller gets the Mandarin seat though it became idle later."""
    matcher = staffed(zhuang=ZA, mandarin=CMN)
    assert matcher.caller_enters(caller("first", MANDARIN)) == "mandarin"
    assert matcher.caller_enters(caller("second", MANDARIN)) == "zhuang"


def test_a_spared_seat_is_taken_after_all_beyond_the_bound() -> None:
    """It was idle for more than a minute longer than the other one."""
    matcher = Matcher(scarce_bound_s=60)
    for seat_id, skills, idle_s in (("zhuang", ZA, 61), ("mandarin", CMN, 0)):
        matcher.put_seat(seat_id, skills)
        matcher.seat_ready(seat_id, idle_since=START - timedelta(seconds=idle_s))
    assert matcher.caller_enters(caller("first", MANDARIN)) == "zhuang"


def test_seats_off_duty_make_no_skill_common() -> None:
    """Three speak Zhuang and two English, but two of the Zhuang seats are at home."""
    matcher = staffed(zhuang=ZA, english={"lang:cmn": 5, "lang:en": 5})
    matcher.put_seat("en2", {"lang:en": 5})
    for seat_id in ("za2", "za3"):
        matcher.put_seat(seat_id, {"lang:za": 5})
    assert matcher.caller_enters(caller("first", MANDARIN)) == "zhuang"
    matcher.caller_leaves("first")
    matcher.seat_ready("zhuang", keep_turn=True)
    for seat_id in ("za2", "za3"):
        matcher.set_duty(seat_id, False)
    assert matcher.caller_enters(caller("second", MANDARIN)) == "english"
    assert matcher.on_duty(Requirement.of(Need("lang:za"))) == 1


def test_the_closest_fit_is_taken_and_the_expert_left_for_who_needs_him() -> None:
    """Level 2 is asked: level 3 fits better than level 5, and level 1 doesn't."""
    matcher = staffed(expert={"svc:a": 5}, some={"svc:a": 1}, good={"svc:a": 3})
    asks = Requirement.of(Need("svc:a", 2))
    assert matcher.caller_enters(caller("first", asks)) == "good"
    assert matcher.caller_enters(caller("second", asks)) == "expert"
    assert matcher.caller_enters(caller("third", asks)) is None


def test_the_same_seat_as_last_time_comes_first() -> None:
    """Before scarcity and idleness, when it is ready and able; otherwise it changes nothing."""
    matcher = staffed(other=CMN, zhuang=ZA)
    wishes = replace(caller("again", MANDARIN), preferred_seat="zhuang")
    assert matcher.caller_enters(wishes) == "zhuang"
    assert matcher.caller_enters(replace(wishes, call_id="late")) == "other"
    gone = replace(caller("gone", ZHUANG), preferred_seat="nobody")
    assert matcher.caller_enters(gone) is None


def test_a_seat_takes_who_wants_it_before_those_shortly_ahead() -> None:
    """Up to twenty seconds ahead; who came earlier than that isn't passed."""
    matcher = Matcher(same_seat_s=20)
    matcher.put_seat("8001", CMN)
    matcher.put_seat("8002", CMN)
    matcher.caller_enters(caller("early", waited_s=21))
    matcher.caller_enters(caller("ahead", waited_s=19))
    matcher.caller_enters(replace(caller("wishes"), preferred_seat="8001"))
    assert matcher.seat_ready("8001") == "early"
    assert matcher.seat_ready("8001") == "wishes"
    assert matcher.seat_ready("8002") == "ahead"


def test_a_step_takes_effect_at_once() -> None:
    """The level is lowered, and the seat that was ready all the time is his; while he is matched
    it counts for his return."""
    matcher = staffed(some={"svc:a": 1}, more={"svc:a": 2})
    assert matcher.caller_enters(caller("c1", Requirement.of(Need("svc:a", 4)))) is None
    assert matcher.change("c1", Requirement.of(Need("svc:a", 2))) == "more"
    assert matcher.change("c1", Requirement.of(Need("svc:a", 1))) is None
    assert matcher.caller_returns("c1") == "some"


def test_moved_up_by_a_supervisor_is_first_and_stays_so_after_a_crash() -> None:
    """Before everybody, also who wants the seat; the priority that did it is told, and whoever
    enters with it again stands there again."""
    matcher = Matcher()
    matcher.put_seat("8001", CMN)
    callers = [caller(f"c{n}", waited_s=1000 - n, priority=n % 3) for n in range(10)]
    callers.append(replace(caller("wishes", waited_s=1241), preferred_seat="8001"))
    for one in callers:
        matcher.caller_enters(one)
    priority = matcher.move_first("c9")
    assert matcher.move_first("c9") == priority
    assert matcher.position("c9") == 1
    again = Matcher()
    again.put_seat("8001", CMN)
    for one in callers:
        again.caller_enters(replace(one, priority=priority) if one.call_id == "c9" else one)
    assert again.seat_ready("8001") == matcher.seat_ready("8001") == "c9"


def test_position_counts_those_who_compete_for_all_of_my_seats() -> None:
    """Mandarin callers stand in the way of a Zhuang caller, but not the other way round."""
    matcher = Matcher()
    matcher.put_seat("8001", CMN)
    matcher.put_seat("8002", ZA)
    for number in range(3):
        matcher.caller_enters(caller(f"za{number}", ZHUANG, waited_s=20 - number))
        matcher.caller_enters(caller(f"cmn{number}", MANDARIN, waited_s=10 - number))
    assert [matcher.position(f"za{n}") for n in range(3)] == [1, 2, 3]
    assert [matcher.position(f"cmn{n}") for n in range(3)] == [1, 2, 3]
    matcher.caller_enters(caller("za3", ZHUANG, at=START + timedelta(seconds=1)))
    assert matcher.position("za3") == 7


def test_a_position_among_very_many_needs_is_a_fair_estimate() -> None:
    """A thousand different needs compete, each with four callers: counted are some of them, and
    the estimate for who came in the middle is within a tenth."""
    matcher = Matcher()
    matcher.put_seat("8001", {f"svc:{n}": 5 for n in range(1000)})
    for number in range(4000):
        needs = Requirement.of(Need(f"svc:{number * 7 % 1000}"))
        matcher.caller_enters(caller(f"c{number}", needs, at=START + timedelta(seconds=number)))
    assert matcher.position("c2000") == pytest.approx(2001, rel=0.1)
    assert matcher.position("c0") == 1


def test_a_position_among_many_needs_counts_who_competes_for_all_of_my_seats_only() -> None:
    """Of a crowd with more needs than can be counted, and seats of mixed skills: most positions are
    exact, once idle ticks have looked ahead, and few are told more than twice too many."""
    matcher, crowd = Matcher(), Crowd(Size(seats=600, waiting=3000, needs=700), Random(12345))
    for seat_id, skills in crowd.seats.items():
        matcher.put_seat(seat_id, skills)
    needs = [Requirement.parse(text) for text in crowd.needs]
    callers = [
        caller(f"c{number}", needs[crowd.popular()], at=START + timedelta(seconds=number))
        for number in range(3000)
    ]
    for one in callers:
        matcher.caller_enters(one)
    while matcher.tidy():
        pass
    able = {
        each: [number for number, seat in enumerate(crowd.seats.values()) if each.met_by(seat)]
        for each in needs
    }
    served = {each: frozenset(numbers) for each, numbers in able.items()}

    def exact(number: int) -> int:
        mine = callers[number].needs
        return 1 + sum(
            before.needs == mine or (bool(able[mine]) and served[mine] <= served[before.needs])
            for before in callers[:number]
        )

    ratios = sorted(matcher.position(f"c{number}") / exact(number) for number in range(0, 3000, 7))
    assert sum(ratio == 1 for ratio in ratios) > len(ratios) / 2
    assert ratios[len(ratios) * 95 // 100] <= 2
    assert ratios[len(ratios) * 5 // 100] >= 0.5


def test_needs_nobody_has_any_more_are_forgotten() -> None:
    """Each call brings a need of its own; idle ticks keep their number down, and a seat still
    finds who waits."""
    matcher = Matcher()
    matcher.put_seat("8001", {"svc:a": 5})
    for number in range(2000):
        needs = Requirement.of(Need("svc:a"), Need(f"svc:{number}"))
        matcher.caller_enters(caller(f"c{number}", needs))
        matcher.caller_leaves(f"c{number}")
        matcher.tidy()
    assert len(matcher._signatures) <= matcher_module._SPARE_SIGNATURES + 1
    assert len(matcher._signatures.by_number) <= matcher_module._SPARE_SIGNATURES + 3
    matcher.caller_enters(caller("last", Requirement.of(Need("svc:a", 2))))
    assert matcher.seat_ready("8001") == "last"


def test_bad_input_is_refused_and_changes_nothing() -> None:
    """Levels are 1 to 5; a caller is there once; bounds make sense."""
    matcher = Matcher()
    with pytest.raises(ValueError, match=r"lang:cmn.*level 6"):
        matcher.put_seat("8001", {"lang:cmn": 6})
    with pytest.raises(KeyError):
        matcher.seat_ready("8001")
    matcher.caller_enters(caller("c1"))
    with pytest.raises(ValueError, match="c1"):
        matcher.caller_enters(caller("c1", ZHUANG))
    assert (matcher.waiting, matcher.waiting_for(ZHUANG)) == (1, 0)
    for bounds in ({"weight_s": 0}, {"scarce_bound_s": -1}, {"same_seat_s": -1}):
        with pytest.raises(ValueError, match="weight_s"):
            Matcher(**bounds)


def test_absurd_dates_and_priorities_lose_nobody() -> None:
    """Whatever a clock or a record says, he has a place and is served."""
    matcher = Matcher(weight_s=86_400)
    matcher.put_seat("8001", CMN)
    for at, call_id in enumerate(("c0", "c1", "c2")):
        year = (1, 2026, 9999)[at]
        known = caller(call_id, at=datetime(year, 1, 1, tzinfo=UTC), priority=(-1, 0, 1)[at])
        matcher.caller_enters(replace(known, priority=known.priority * 10**30))
    assert [matcher.seat_ready("8001") for _ in range(3)] == ["c2", "c1", "c0"]


def test_a_decision_does_not_look_at_everybody_who_waits() -> None:
    """With 50,000 waiting, a thousand seats are served in well under the time of one scan each.

    A thousand scans would take minutes; what others compute meanwhile doesn't count.
    """
    matcher = Matcher()
    matcher.put_seat("8001", CMN)
    for number in range(50_000):
        matcher.caller_enters(caller(f"c{number}", at=START + timedelta(seconds=number)))
    begun = time.thread_time()
    served = [matcher.seat_ready("8001") for _ in range(1000)]
    assert time.thread_time() - begun < 2
    assert served == [f"c{number}" for number in range(1000)]
