"""Debian's Chromium, one for all pages of a test process; each test gets a window of its own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import wait_until

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows", "--hide-scrollbars", "--mute-audio",
    "--disable-features=SpareRendererForSitePerProcess", "--remote-debugging-port=0",
    "--no-startup-window",
)  # fmt: skip
"""No window at the start: who connects while that is being made may wait for it for ever."""


@contextmanager
def chromium_running() -> Iterator[str]:
    """The address at which it is told what to do. Without it tests must fail, not be left out."""
    assert shutil.which(CHROMIUM), "apt-get install chromium fonts-noto-cjk"
    with tempfile.TemporaryDirectory(prefix="hl-chromium-", ignore_cleanup_errors=True) as folder:
        with (Path(folder) / "said").open("wb") as said:
            browser = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", CHROMIUM, *FLAGS, f"--user-data-dir={folder}"],
                env={**os.environ, "LANG": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        try:
            port = Path(folder) / "DevToolsActivePort"
            wait_until(lambda: port.exists() and bool(port.read_text()), what="Chromium")
            yield f"http://127.0.0.1:{port.read_text().split()[0]}"
        finally:
            browser.terminate()
            browser.wait(20)
