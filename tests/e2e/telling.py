"""Tells events of a ticket in an installation's own store, as its user:
`python -m tests.e2e.telling NUMBER`, a line of JSON for each on standard input."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from hotline.deadlines import Deadlines
from hotline.loading import load_settings
from hotline.overrides import SystemClock
from storage.database import Database
from storage.lives import Command
from tests.e2e.installation import PROJECT, Installation
from tickets.life import Actor, Role, Told

Step = tuple[str, str, Mapping[str, Any]]
"""The role, the event, its data."""
UNIT = "urban"


def tell(hotline: Installation, number: str, *steps: Step) -> None:
    """Let these events happen to a ticket, one after the other."""
    owner = (hotline.home / "state").stat()
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.telling", number],
        input="\n".join(json.dumps(step) for step in steps),
        cwd=PROJECT,
        env=hotline.environment,
        user=owner.st_uid if os.geteuid() == 0 else None,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


async def _tell(number: str, steps: list[Step]) -> None:
    settings = load_settings()
    tenant = settings.tenants[0].id
    database = Database(settings.sql_url)
    await database.start()
    try:
        lives = Deadlines(settings.tenants, database, SystemClock()).lives
        for role, event, data in steps:
            unit = UNIT if role == Role.DEPARTMENT else ""
            told = Told(event, Actor(f"{role}-1", Role(role), unit), datetime.now(UTC), data)
            await lives.tell(Command(tenant, number, told))
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(_tell(sys.argv[1], [json.loads(line) for line in sys.stdin]))
