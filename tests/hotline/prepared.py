"""Homes that are prepared, for commands that need no running engine."""

import atexit
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.e2e.prompts import brief_cache
from tests.hotline.command import Said, hotline
from tests.servers import free_port


class Home:
    """A prepared home whose ports nobody listens on. One with settings of its own (`toml`) is
    prepared itself; all others are copies of one."""

    def __init__(self, folder: Path, toml: str = "") -> None:
        self.folder = folder
        ports = {name: str(free_port()) for name in ("SIP", "HTTP", "AMI", "AGI")}
        self.settings = {f"HOTLINE_{name}_PORT": port for name, port in ports.items()}
        self.settings["HOTLINE_CACHE"] = str(brief_cache())
        if toml:
            _prepare(folder, toml, self.settings)
        else:
            subprocess.run(["cp", "-a", _prepared(), folder], check=True)

    def does(self, *words: str) -> Said:
        """One command in this home."""
        return hotline(*words, home=self.folder, settings=self.settings)

    def json(self, *words: str) -> Any:
        """What a command says with --json."""
        said = self.does(*words, "--json")
        assert said.code == 0, said.errors
        return json.loads(said.out)


def _prepare(folder: Path, toml: str, settings: Mapping[str, str]) -> None:
    folder.mkdir()
    (folder / "hotline.toml").write_text(toml)
    said = hotline("prepare", home=folder, settings=settings)
    assert said.code == 0, said.errors


@cache
def _prepared() -> Path:
    """The one that is copied; it goes with the test process."""
    parent = Path(tempfile.mkdtemp(prefix="hl-prepared-", dir="/tmp"))
    atexit.register(shutil.rmtree, parent, ignore_errors=True)
    _prepare(parent / "home", "", {"HOTLINE_CACHE": str(brief_cache())})
    return parent / "home"
