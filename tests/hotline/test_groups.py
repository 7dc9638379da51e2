"""Queues and skills on the board: who can serve them, counted as it changes."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from hotline.boards import quarters_of_day
from hotline.groups import GroupBoard, SeatCensus
from hotline.settings import Settings
from ivr.flow import load_flows
from ivr.lines import load_all_lines
from ivr.queue_rules import load_all_rules
from ivr.story import Directory
from queue_manager.counts import quarter_of
from queue_manager.model import Seat, SeatState, SeatView
from queue_manager.staffing import profile_of
from tests.storage.facts import SHANGHAI

NOW = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
SKILLS = ({"lang:cmn": 5, "svc:general": 3}, {"lang:za": 4}, {"lang:cmn": 5, "svc:12333": 2})


def view(seat_id: str, state: SeatState, skills: dict[str, int]) -> SeatView:
    return SeatView(Seat("default", seat_id, "", f"sip-{seat_id}", skills), state, NOW)


@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(0, 5), st.sampled_from(SeatState), st.sampled_from(SKILLS)),
            max_size=6,
        ),
        max_size=8,
    )
)
def test_the_census_is_right_whatever_changed(
    rounds: list[list[tuple[int, SeatState, dict[str, int]]]],
) -> None:
    """Seats move, get other skills, come and go, between two looks."""
    census, kept = SeatCensus(), {}
    for changes in rounds:
        for number, state, skills in changes:
            if state is SeatState.COOL_DOWN:
                kept.pop(number, None)
            elif number in kept and kept[number].seat.skills == skills:
                kept[number] = replace(kept[number], state=state)
            else:
                kept[number] = view(str(number), state, skills)
        found = census.take(list(kept.values()))
        told = sorted(
            (sorted(profile), state, count)
            for profile, counts in found.items()
            for state, count in counts.items()
            if count
        )
        plain: dict[tuple[frozenset[tuple[str, int]], SeatState], int] = {}
        for one in kept.values():
            key = profile_of(one.seat.skills), one.state
            plain[key] = plain.get(key, 0) + 1
        assert told == sorted((sorted(p), state, count) for (p, state), count in plain.items())


def test_a_queue_counts_the_seats_that_its_callers_can_be_served_by() -> None:
    """A line none has as a skill is answered at the general desk, as conversations have it; a
    skill counts whoever has it."""
    tenants = Settings().tenants
    lines = load_all_lines(tenants)
    flows = load_flows(tenants, lines)
    rules = load_all_rules(tenants, lines, flows)
    directory = Directory(tenants, {}, lines, flows, rules)
    views = [
        view("1", SeatState.READY, SKILLS[0]),
        view("2", SeatState.TALKING, SKILLS[0]),
        view("3", SeatState.READY, SKILLS[1]),
    ]
    staffed = [one.seat.skills for one in views]
    board = GroupBoard(tenants[0], lambda: directory, lambda needs: any(map(needs.met_by, staffed)))
    told = {"queues": {"main": {"waiting": 2, "oldest_s": NOW.timestamp()}}, "skills": {}}
    groups = board.groups(views, told)
    assert groups.states == {SeatState.READY: 2, SeatState.TALKING: 1}
    main = next(queue for queue in groups.queues if queue.key == "main")
    assert (main.name, main.waiting, main.oldest) == ("综合受理", 2, NOW)
    assert main.seats == {SeatState.READY: 1, SeatState.TALKING: 1}
    skills = {skill.key: skill for skill in groups.skills}
    assert list(skills) == ["lang:cmn", "lang:za", "svc:general"]
    assert (skills["lang:za"].name, skills["lang:za"].seats) == ("壮语", {SeatState.READY: 1})


def test_an_hour_that_comes_twice_shows_the_sum_of_both() -> None:
    first = quarter_of(datetime(2026, 11, 1, 5, 30, tzinfo=UTC))
    found = quarters_of_day([[first, 3, 2, 1], [first + 4, 5, 4, 0]], ZoneInfo("America/New_York"))
    assert len(found) == 96
    assert (found[6].offered, found[6].answered, found[6].abandoned) == (8, 6, 1)
    assert sum(quarter.offered for quarter in found) == 8
    shanghai = quarters_of_day([[quarter_of(NOW), 1, 1, 0]], SHANGHAI)
    assert shanghai[40].offered == 1
