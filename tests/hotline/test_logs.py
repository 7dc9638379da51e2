"""The log: a line of JSON that machines read, without anybody's number in it."""

import json
import subprocess
import sys

LOGS = """
from datetime import UTC, datetime
import structlog
from hotline import logs
with logs.told_by_errors():
    structlog.get_logger().error("database_away")
logs.configure("info")
at = datetime(2026, 11, 22, tzinfo=UTC)
structlog.get_logger().info("call_ended", at=at, pii_caller="13800138000")
"""


def test_times_are_iso_numbers_are_masked_and_commands_log_nothing() -> None:
    done = subprocess.run([sys.executable, "-c", LOGS], capture_output=True, text=True, check=True)
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert (told["at"], told["pii_caller"]) == ("2026-11-22T00:00:00+00:00", "***00")
