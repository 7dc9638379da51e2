"""Whatever dies and breaks among the nodes: no seat rings for two, nobody's place gets later."""

import asyncio

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from queue_manager.cluster.queue import ClusterQueue
from queue_manager.cluster.wishing import Wishing
from queue_manager.model import SeatState
from queue_manager.service import QueueService
from tests.queue_manager.cluster_world import World
from tests.queue_manager.virtual_time import run

NODES = ("a", "b", "c")
HOMES = {"1": "a", "2": "b", "3": "b", "4": "c"}
STEPS = (
    *("call",) * 5, *("answer",) * 4, *("hang_up",) * 3, *("deliver",) * 5, *("join",) * 3,
    "miss", "miss", "crash", "crash_leader", "start", "start", "elect", "elect", "begin", "begin",
    "part", "time",
)  # fmt: skip
HISTORIES = st.lists(
    st.tuples(st.sampled_from(STEPS), st.integers(0, 11)), min_size=10, max_size=90
)


async def step(world: World, what: str, which: int) -> None:
    node = NODES[which % len(NODES)]
    seat_id = tuple(HOMES)[which % len(HOMES)]
    match what:
        case "call":
            world.call(node)
        case "answer":
            world.answer(seat_id)
        case "miss":
            world.miss(seat_id)
        case "hang_up":
            living = [c for c in world.citizens.values() if not c.gone]
            if living:
                world.hang_up(living[which % len(living)])
        case "deliver":
            world.deliver(which)
        case "join":
            world.join(node)
        case "part":
            world.part(node)
        case "crash":
            world.crash(node)
        case "crash_leader" if world.leader:
            world.crash(world.leader)
        case "start" if world.engines[node] is None:
            await world.start(node)
        case "elect":
            await world.elect(node)
        case "begin":
            world.begin()
        case "time":
            await asyncio.sleep(which)
            if world.lead is not None:
                world.lead.time_passed()
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def made_whole(world: World) -> None:
    """Every engine lives, one leads, all have joined, all has arrived."""
    for node in NODES:
        if world.engines[node] is None:
            await world.start(node)
    if world.lead is None:
        await world.elect("a")
    for node in NODES:
        world.join(node)
    world.begin()
    await world.settle(1.0)
    for node in NODES:  # a report that was lost on a broken wire is made again
        world.part(node)
        world.join(node)
    await world.settle(200.0)


def told(text: str) -> list[tuple[str, int]]:
    """A history in words: `call 2, miss 1`."""
    steps = (step.split() for step in text.split(", "))
    return [(what, int(which)) for what, which in steps]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HISTORIES)
@example(told("call 0, call 5, crash 5, hang_up 5, call 4"))
@example(told("crash_leader 3, start 3, call 0, elect 8, join 9, begin 5, crash 6"))
@example(told("call 11, part 1, deliver 7, call 6, crash_leader 6, call 10, elect 4"))
@example(told("call 2, call 9, deliver 10, part 4, part 2, time 11"))
@example(told("call 4, call 8, deliver 11, call 11, deliver 3, part 2, join 2, part 4, miss 1"))
@example(told("call 4, call 9, deliver 2, crash 6, elect 1, miss 1"))
@example(
    told(
        "call 2, call 6, call 4, call 10, deliver 7, miss 1, call 8, deliver 10, time 10, "
        "deliver 6, miss 9"
    )
)
@example(
    told("call 5, deliver 6, miss 4, crash 8, start 11, crash_leader 3, elect 5, begin 6, crash 2")
)
@example(
    told(
        "call 10, call 1, deliver 5, crash_leader 5, elect 2, join 7, begin 6, deliver 10, "
        "part 4, miss 9"
    )
)
@example(
    told(
        "call 5, call 7, hang_up 0, deliver 5, call 11, miss 4, hang_up 0, deliver 6, call 10, "
        "hang_up 1, call 1, miss 9, deliver 5, part 11"
    )
)
def test_no_history_rings_a_seat_for_two_or_loses_a_place(
    history: list[tuple[str, int]],
) -> None:
    """After it all: who waits is known, seats are what their telephones say, and everybody who
    waits is served in the order in which he came first."""

    async def played() -> None:
        world = World(NODES, HOMES)
        await world.start("a")
        await world.elect("a")
        world.begin()
        for node in ("b", "c"):
            await world.start(node)
            world.join(node)
        await world.settle()
        for what, which in history:
            await step(world, what, which)
            assert world.doubles == []
        await made_whole(world)
        assert world.doubles == []
        assert world.lead is not None
        for seat_id in tuple(world.held):
            world.answer(seat_id)
        await world.settle(1.0)
        state = {v.seat.seat_id: v.state for v in world.lead.service.seats()}
        for seat_id in HOMES:
            citizen = world.held.get(seat_id)
            talks = citizen is not None
            assert (state[seat_id] is SeatState.TALKING) == talks, (seat_id, state, citizen)
        expected = [c.call_id for c in sorted(world.waiting(), key=lambda c: (c.queued_at,))]
        assert world.lead.service.waiting().count == len(expected)
        await served(world, expected)

    run(played())


async def served(world: World, expected: list[str]) -> None:
    """Free seat after seat, and see who is rung."""
    queued = {c.call_id: c.queued_at for c in world.citizens.values()}
    before = len(world.served)
    for _ in range(10 * len(expected) + 10):
        for citizen in [c for c in world.held.values() if c.talks]:
            world.hang_up(citizen)
        await world.settle(25.0)
        for seat_id in tuple(world.held):
            world.answer(seat_id)
        await world.settle(1.0)
        if len(world.served) - before >= len(expected):
            break
    later = world.served[before:]
    assert sorted(later) == sorted(expected), "everybody who waited is served"
    assert world.doubles == []
    for n, call_id in enumerate(later):  # up to four are rung together
        assert all(queued[call_id] <= queued[other] for other in later[n + len(HOMES) :])


def test_a_cluster_queue_can_all_that_a_queue_can() -> None:
    """What is added there must be thought of here: a wish to tell, or a word to keep."""
    public = {name for name in vars(QueueService) if not name.startswith("_")}
    missing = sorted(public - set(vars(ClusterQueue)) - set(vars(Wishing)))
    assert missing == []
