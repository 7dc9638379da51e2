"""Which of `make test`'s workers runs which file, and in what order (decision 0315).

Files with real calls wait more than they compute; the others compute. One worker computes from the
beginning, the others make calls, so that both cores are used all the time; who has no more of his
own kind helps with the rest. The longest come first, so that all end together.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xdist.scheduler import LoadFileScheduling

COMPUTING = "gw0"
"""The worker that begins with what computes."""
FOLDERS_S = {"tests/e2e": 60.0, "tests/telephony": 15.0, "tests/asterisk_conf": 15.0}
"""Where calls are real, and how long a file there is taken to last when nobody has measured it."""
CALLS_S = {
    "tests/simulator/test_bench.py": 150.0,
    "tests/e2e/test_calls.py": 110.0,
    "tests/hotline/test_run.py": 105.0,
    "tests/e2e/test_follow_up.py": 100.0,
    "tests/e2e/test_spoken_intake.py": 100.0,
    "tests/e2e/test_no_engine.py": 120.0,
    "tests/e2e/test_bad_audio.py": 100.0,
    "tests/e2e/test_partners.py": 80.0,
    "tests/telephony/test_emergency_real.py": 75.0,
    "tests/e2e/test_exchange.py": 70.0,
    "tests/e2e/test_outages.py": 80.0,
    "tests/telephony/test_talks_real.py": 80.0,
    "tests/e2e/test_callback.py": 70.0,
    "tests/e2e/test_callback_ends.py": 65.0,
    "tests/telephony/test_talks_supervised_real.py": 60.0,
    "tests/asterisk_conf/test_no_engine.py": 45.0,
    "tests/telephony/test_talks_killed_real.py": 35.0,
    "tests/simulator/test_citizens_and_seats.py": 26.0,
    "tests/telephony/test_real_calls.py": 24.0,
}
COMPUTES_S = {
    "tests/hotline/test_cluster.py": 40.0,
    "tests/console/test_wallboard_page.py": 35.0,
    "tests/console/test_tickets_page.py": 30.0,
    "tests/ivr/test_speech_pool.py": 30.0,
    "tests/queue_manager/test_planner.py": 30.0,
    "tests/hotline/test_plan.py": 29.0,
    "tests/hotline/test_store_commands.py": 20.0,
    "tests/ivr/test_prompts.py": 27.0,
    "tests/console/test_queues_page.py": 20.0,
    "tests/agi_scripts/test_fallback_intake.py": 18.0,
    "tests/queue_manager/test_mutations.py": 15.0,
    "tests/queue_manager/test_simulation.py": 15.0,
}
"""Files of a quarter of a minute and more. A wrong number costs time, nothing else."""
NO_CLOCK = (
    *("tests/queue_manager/", "tests/tickets/", "tests/hotline/test_plan.py"),
    *("tests/ivr/test_endings.py", "tests/ivr/test_prompts.py", "tests/ivr/test_tiny_model.py"),
)
"""What computes long and waits for nothing: it may be kept waiting by telephones."""
POLITE = 10
CAP_SYS_NICE = 23


def calls_s(file: str) -> float:
    """How long a file with real calls is taken to last; 0.0 for one without."""
    return CALLS_S.get(file) or FOLDERS_S.get(file.rpartition("/")[0], 0.0)


def place(file: str) -> tuple[bool, float]:
    """The sorting key of a file: calls before computing, the longest first."""
    calling_s = calls_s(file)
    return (not calling_s, -(calling_s or COMPUTES_S.get(file, 0.0)))


@contextmanager
def out_of_the_way(file: str) -> Iterator[None]:
    """Let the others go first while a file computes that has no clock (where we may undo it)."""
    if not (file.startswith(NO_CLOCK) and _may_hurry_again()):
        yield
        return
    before = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, max(POLITE, before))
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, 0, before)


def _may_hurry_again() -> bool:
    status = Path("/proc/self/status").read_text().splitlines()
    rights = next(line.split()[1] for line in status if line.startswith("CapEff"))
    return bool(int(rights, 16) >> CAP_SYS_NICE & 1)


class CallsAndComputing(LoadFileScheduling):
    """xdist's own `loadfile`, but for which file a worker is given next."""

    def _assign_work_unit(self, node: Any) -> None:
        computing = node.gateway.id == COMPUTING
        own = (file for file in self.workqueue if computing is not bool(calls_s(file)))
        self.workqueue.move_to_end(next(own, next(iter(self.workqueue))), last=False)
        super()._assign_work_unit(node)
