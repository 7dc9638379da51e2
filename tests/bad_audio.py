"""The twenty ways in which audio is bad, as one command: `make bad-audio`.

Each case is a test (or several) of the suite; a table tells what became of it.
"""

import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

REAL = "tests/e2e/"
CALLS = f"{REAL}test_bad_audio.py::"
SOCKET = "tests/telephony/test_audiosocket.py::"
POOL = "tests/ivr/test_speech_pool.py::"
SERVER = "tests/ivr/test_speech_server.py::"
NO_WORD = f"{CALLS}test_who_says_no_word_is_recorded_plainly"
EVERY_WORD = f"{CALLS}test_every_word_is_there"
HARD = f"{CALLS}test_what_is_hard_to_hear_is_still_taken"
REFUSED = f"{SOCKET}test_who_has_no_call_here_is_refused"
CLOSED = f"{SOCKET}test_who_stops_speaking_audiosocket_is_closed"

CASES: Mapping[str, Sequence[str]] = {
    "silence": (f"{NO_WORD}[silence]",),
    "music": (f"{NO_WORD}[music]",),
    "hum": (f"{NO_WORD}[hum]", f"{NO_WORD}[a voice without words]"),
    "keys in the middle": (f"{EVERY_WORD}[keys in the middle]",),
    "shouting (clipping)": (f"{HARD}[shouting]",),
    "two voices": (f"{HARD}[two voices]",),
    "a foreign language": (f"{CALLS}test_a_foreign_language_is_kept_as_it_was_spoken",),
    "10 % lost packets": (
        f"{HARD}[one packet in ten lost]",
        f"{POOL}test_ten_of_a_hundred_packets_lost_change_no_word",
    ),
    "stutter with gaps of 3 s": (f"{EVERY_WORD}[gaps of three seconds]",),
    "30 minutes of talk": (
        f"{HARD}[endless talk]",
        f"{POOL}test_half_an_hour_of_talk_is_heard_whole_and_little_memory_is_kept",
    ),
    "hang-up in each step": (f"{CALLS}test_hanging_up_in_any_step_leaves_what_was_said",),
    "AudioSocket: wrong length": (
        f"{CLOSED}[half a sample]",
        f"{CLOSED}[minutes in one message]",
        f"{REFUSED}[a uuid too short]",
    ),
    "AudioSocket: unknown kind": (
        f"{CLOSED}[a kind nobody knows]",
        f"{REFUSED}[a kind nobody knows]",
    ),
    "AudioSocket: rubbish or no UUID": (
        f"{REFUSED}[a uuid nobody issued]",
        f"{REFUSED}[no uuid, audio at once]",
        f"{REFUSED}[a web browser]",
    ),
    "AudioSocket: the same UUID twice": (
        f"{SOCKET}test_a_second_connection_with_the_same_uuid_is_refused",
    ),
    "model missing": (
        f"{REAL}test_calls.py::test_after_hours_a_request_is_recorded_confirmed_and_numbered",
        f"{POOL}test_a_missing_model_is_told_and_tried_again_when_it_comes",
    ),
    "model broken": (f"{POOL}test_a_broken_model_is_told_and_nobody_is_harmed",),
    "worker killed": (
        f"{EVERY_WORD}[recogniser killed]",
        f"{POOL}test_a_worker_killed_in_the_middle_loses_no_word",
    ),
    "vosk-server slow or gone": (
        f"{REAL}test_no_engine.py::test_a_vosk_server_gone_or_frozen_costs_no_word",
        f"{SERVER}test_a_frozen_server_is_given_up_in_time_and_the_next_call_is_refused",
        f"{SERVER}test_a_server_that_is_gone_is_told_in_words",
    ),
    "disk full": (
        f"{REAL}test_outages.py::test_a_full_disk_loses_the_recording_and_nothing_else",
        "tests/recordings/test_live.py::test_a_full_disk_costs_no_call_anything",
        "tests/ivr/test_intake.py::test_a_full_disk_and_sql_away_cost_no_word",
    ),
}


class Results:
    """What became of each test, and its sentence."""

    def __init__(self) -> None:
        self.passed: dict[str, bool] = {}
        self.sentences: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            told = (getattr(getattr(item, "function", None), "__doc__", "") or "").split("\n\n")[0]
            name = item.name.partition("[")[0].removeprefix("test_").replace("_", " ")
            self.sentences[item.nodeid] = " ".join(told.split()) or name

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        before = self.passed.get(report.nodeid, True)
        self.passed[report.nodeid] = before and not report.failed


def main() -> int:
    """Run all; 0 when every case ended as it must."""
    results = Results()
    wanted = [node for nodes in CASES.values() for node in nodes]
    options = ["-q", "--no-header", "--tb=short", "-p", "no:cacheprovider"]
    code = int(pytest.main([*options, *wanted], plugins=[results]))
    found = defaultdict(list)
    for node, well in results.passed.items():
        for case, nodes in CASES.items():
            if any(node == one or node.startswith(f"{one}[") for one in nodes):
                found[case].append((well, results.sentences[node]))
    print()
    width = max(map(len, CASES))
    for number, case in enumerate(CASES, 1):
        ends = found[case]
        word = "well" if ends and all(well for well, _ in ends) else "NOT WELL"
        sentence = ends[0][1] if ends else "not run"
        print(f"{number:2}  {case:{width}}  {word:8}  {sentence}")
    return code


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    sys.exit(main())
