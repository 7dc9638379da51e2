"""The shift roster in a whole installation: a due seat is missed until its telephone comes."""

import urllib.error
from pathlib import Path

import pytest

from simulator.seats import Seats
from tests.e2e.installation import TENANTS, Installation

ROSTER = """\
version: 1
grace_s: 0
shifts:
  - {id: day, name: 全天, name_en: All day, hours: "00:00-24:00"}
rotations:
  - id: one
    starts: 2026-01-01
    cycle: [day]
    teams:
      - {id: team_1, name: 一班, name_en: Team 1}
"""


async def test_a_due_seat_is_missing_until_it_comes_and_a_wrong_roster_is_refused(
    tmp_path: Path,
) -> None:
    """The file lies where a supervisor would keep it, and is broken at the end."""
    file = tmp_path / "roster.yaml"
    file.write_text(ROSTER, "utf-8")
    for folder in (*tmp_path.parents, tmp_path):
        if folder.is_relative_to("/tmp/pytest-of-root"):
            folder.chmod(0o755)
    toml = TENANTS.replace("ring_s = 4\n", f"ring_s = 4\nroster_file = '{file}'\n", 1)
    with Installation(toml) as hotline:
        account = hotline.add_seat("1001", ready=False)
        hotline.cli("seats", "team", "1001", "team_1")
        path = "/api/v1/tenants/default/roster"
        assert hotline.api(path)["roster"]["counts"] == {
            "due": 1, "present": 0, "paused": 0, "missing": 1,
        }  # fmt: skip
        hotline.wait(
            lambda: "not_come" in str(hotline.api("/api/v1/tenants/default/alerts")),
            "the supervisors' alert",
        )
        async with Seats([account], sip=hotline.sip):
            hotline.cli("seats", "ready", "1001")
            hotline.wait(
                lambda: hotline.api(path)["roster"]["counts"]["present"] == 1, "the due seat"
            )
            hotline.wait(
                lambda: hotline.api("/api/v1/tenants/default/alerts") == {"alerts": []},
                "the end of the alert",
            )
            assert "present" in hotline.cli("roster", "show")
            file.write_text(ROSTER.replace("[day]", "[dya]"), "utf-8")
            with pytest.raises(urllib.error.HTTPError) as refused:
                hotline.api("/api/v1/tenants/default/reload", method="POST")
            assert refused.value.code == 409
            assert f"{file}:8:13: there is no shift 'dya'" in refused.value.read().decode()
            assert hotline.api(path)["roster"]["counts"]["due"] == 1
