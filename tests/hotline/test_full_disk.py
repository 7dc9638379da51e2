"""A disk without room for any log ends neither the supervisor nor what it keeps."""

import os
import time
from pathlib import Path

import psutil

from hotline import supervision
from hotline.last_words import LastWords

CONFIGURATION = """
[supervisord]
nodaemon=true
silent=true
user={user}
logfile=/dev/full
logfile_maxbytes=0
pidfile={folder}/pid
[program:talks]
autorestart=true
command=/bin/sh -c 'while echo a line; do sleep 0.05; done'
redirect_stderr=true
stdout_logfile=/dev/full
stdout_logfile_maxbytes=0
"""


def test_a_supervisor_whose_logs_cannot_be_written_goes_on(tmp_path: Path) -> None:
    """Both its own log and its child's lie on a full device; a child that dies is started anew."""
    file = tmp_path / "supervisord.conf"
    user = psutil.Process().username()
    file.write_text(CONFIGURATION.format(folder=tmp_path, user=user))
    supervisor = supervision.launch(file, dict(os.environ))
    assert supervisor.stdout is not None
    words = LastWords(supervisor.stdout)
    try:
        deadline = time.monotonic() + 60
        while words.text(0.05).count("No space left") < 3:
            assert supervisor.poll() is None, words.text()
            assert time.monotonic() < deadline, words.text()
        (child,) = psutil.Process(supervisor.pid).children()
        child.kill()
        while [new.pid for new in psutil.Process(supervisor.pid).children()] in ([], [child.pid]):
            assert time.monotonic() < deadline, words.text()
            time.sleep(0.05)
    finally:
        supervisor.terminate()
        supervisor.wait(30)
    assert words.text(10)
