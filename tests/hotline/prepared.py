"""Homes that are prepared, for commands that need no running engine."""

import atexit
import json
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.e2e.prompts import brief_cache
from tests.hotline.command import Said, forked_hotline, hotline
from tests.servers import free_port


class Home:
    """A prepared home whose ports nobody listens on. One with settings of its own (`toml`) is
    prepared itself; all others are copies of one. Commands there are forks of one that waits;
    `really` is for what the engine's box shows and hides."""

    def __init__(self, folder: Path, toml: str = "") -> None:
        parent = Path(tempfile.mkdtemp(prefix="hl-home-", dir="/tmp"))
        weakref.finalize(self, shutil.rmtree, parent, ignore_errors=True)
        parent.chmod(0o755)  # pytest's own folders let nobody else in, nor the engine's user
        self.folder = parent / "home"
        folder.symlink_to(self.folder)
        ports = {name: str(free_port()) for name in ("SIP", "HTTP", "AMI", "AGI")}
        self.settings = {f"HOTLINE_{name}_PORT": port for name, port in ports.items()}
        self.settings["HOTLINE_CACHE"] = str(brief_cache())
        if toml:
            _prepare(self.folder, toml, self.settings)
        else:
            subprocess.run(["cp", "-a", _prepared(), self.folder], check=True)

    def does(self, *words: str) -> Said:
        """One command in this home."""
        return forked_hotline(*words, home=self.folder, settings=self.settings)

    def really(self, *words: str) -> Said:
        """As users run it: a Python of its own, under root in the engine's box."""
        return hotline(*words, home=self.folder, settings=self.settings)

    def json(self, *words: str) -> Any:
        """What a command says with --json."""
        said = self.does(*words, "--json")
        assert said.code == 0, said.errors
        return json.loads(said.out)


def _prepare(folder: Path, toml: str, settings: Mapping[str, str]) -> None:
    folder.mkdir()
    (folder / "hotline.toml").write_text(toml)
    said = forked_hotline("prepare", home=folder, settings=settings)
    assert said.code == 0, said.errors


@cache
def _prepared() -> Path:
    """The one that is copied; it goes with the test process."""
    parent = Path(tempfile.mkdtemp(prefix="hl-prepared-", dir="/tmp"))
    atexit.register(shutil.rmtree, parent, ignore_errors=True)
    parent.chmod(0o755)
    _prepare(parent / "home", "", {"HOTLINE_CACHE": str(brief_cache())})
    return parent / "home"
