"""Whatever happens at whatever step: one row, one ticket where one is due, one end of the place.

The caller hangs up at step N, or the engine is stopped at step N and the caller comes back to a
new one, or hangs up while there is none: for every N of every script, and for random scripts.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telephony.call import DialStatus
from tests.ivr.endings import (
    ANSWER,
    BUSY,
    MOST_STEPS,
    SCRIPTS,
    check_nobody_else_runs,
    hangs_up,
    is_stopped,
)
from tests.ivr.script import NIGHT, NOON, Script, in_virtual_time
from tests.queue_manager.virtual_time import run


@pytest.mark.parametrize("name", SCRIPTS)
@in_virtual_time
async def test_a_hang_up_at_every_step(name: str) -> None:
    for step in range(1, MOST_STEPS):
        world = await hangs_up(SCRIPTS[name], step)
        check_nobody_else_runs()
        if world.call.steps < step:
            return
    pytest.fail("the script never came to its end")


@pytest.mark.parametrize("returns", [True, False], ids=["comes back", "hangs up meanwhile"])
@pytest.mark.parametrize("name", SCRIPTS)
@in_virtual_time
async def test_the_engine_stopped_at_every_step(name: str, returns: bool) -> None:
    for step in range(1, MOST_STEPS):
        world = await is_stopped(SCRIPTS[name], step, returns=returns)
        check_nobody_else_runs()
        if not world.call.stopped.is_set():
            return
    pytest.fail("the script never came to its end")


scripts = st.builds(
    Script,
    called=st.sampled_from(["12345", "12333", "110", "95598", "4711"]),
    now=st.sampled_from([NOON, NIGHT]),
    digits=st.lists(st.sampled_from(["", "", "0", "1", "2", "4", "9", "#"]), max_size=8),
    seats=st.lists(st.sampled_from(DialStatus), max_size=3),
    transfers=st.lists(st.sampled_from([ANSWER, BUSY]), max_size=2),
    takes=st.lists(st.sampled_from([0.0, 0.5, 4.0, 60.0]), max_size=5),
    sql_away=st.booleans(),
    hears_ami=st.booleans(),
    callbacks_away=st.booleans(),
)


@settings(max_examples=500, deadline=None)
@given(script=scripts, step=st.integers(1, 40))
def test_random_calls_hung_up_anywhere(script: Script, step: int) -> None:
    run(_and_alone(hangs_up(script, step)))


@settings(max_examples=500, deadline=None)
@given(script=scripts, step=st.integers(1, 40), returns=st.booleans())
def test_random_calls_with_the_engine_stopped_anywhere(
    script: Script, step: int, returns: bool
) -> None:
    run(_and_alone(is_stopped(script, step, returns=returns)))


async def _and_alone(call) -> None:  # type: ignore[no-untyped-def]  # either of the two above
    await call
    check_nobody_else_runs()
