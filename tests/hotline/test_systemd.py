"""The units are what systemd takes, and start the parts there are."""

import shutil
import subprocess
from pathlib import Path

from hotline.parts import all_parts
from hotline.settings import PROJECT, Settings

UNITS = PROJECT / "hotline" / "systemd"
INSTALLED = "/opt/hotline/engine"


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    """Verified with this project's own path, so that the programs named are there."""
    program = shutil.which("systemd-analyze")
    assert program is not None, "Debian package systemd is part of the tests' set-up"
    files = []
    for unit in UNITS.iterdir():
        copy = tmp_path / unit.name
        copy.write_text(unit.read_text().replace(INSTALLED, str(PROJECT)))
        files.append(str(copy))
    done = subprocess.run(
        [program, "verify", "--man=no", *files], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_part_has_its_unit() -> None:
    target = (UNITS / "hotline.target").read_text()
    for part in all_parts(Settings()):
        unit = (UNITS / f"hotline-{part.name}.service").read_text()
        assert f"/hotline part {part.name}\n" in unit
        assert f"hotline-{part.name}.service" in target


def test_no_unit_runs_as_root_or_may_become_it() -> None:
    for unit in UNITS.glob("*.service"):
        lines = unit.read_text().splitlines()
        for line in ("User=hotline", "NoNewPrivileges=yes", "CapabilityBoundingSet="):
            assert line in lines, unit.name
