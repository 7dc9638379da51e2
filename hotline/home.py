"""The installation's home: one folder with everything that lives, and its inside view.

Asterisk sees the home at a fixed path (`/hotline`), whatever it is called outside.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

INSIDE = "/hotline"
LONGEST_SOCKET_PATH = 90


@dataclass(frozen=True, slots=True)
class Home:
    """Paths under HOTLINE_HOME. `prepare` makes them; nothing else of ours is written."""

    root: Path

    @property
    def asterisk_etc(self) -> Path:
        return self.root / "etc" / "asterisk"

    @property
    def recordings(self) -> Path:
        """Audio of calls (`recordings/YYYY/MM/DD/<call_id>.wav`) and spoken requests."""
        return self.root / "recordings"

    @property
    def evidence(self) -> Path:
        """What proves replies: `evidence/<tenant>/<ticket>/<sha256>.{jpg,png,pdf}`."""
        return self.root / "evidence"

    @property
    def prompts(self) -> Path:
        """`prompts/<language>/<name>.{alaw,ulaw}`: built, or replaced by a recorded file."""
        return self.root / "prompts"

    @property
    def spool(self) -> Path:
        """Requests taken without an engine: `incoming/<id>.json` + `.wav`, then `done/`."""
        return self.root / "spool"

    @property
    def journal(self) -> Path:
        """Facts waiting for SQL to come back (JSON lines, synced)."""
        return self.root / "journal"

    @property
    def state(self) -> Path:
        """SQLite, Redis append-only file, Asterisk's own database."""
        return self.root / "state"

    @property
    def run(self) -> Path:
        """Sockets and configuration of the parts."""
        return self.root / "run"

    @property
    def log(self) -> Path:
        """What the parts say (`<part>.log`), and Asterisk's own logs in `asterisk/`."""
        return self.root / "log"

    @property
    def supervisor(self) -> Path:
        """Lock, configuration and process ids of whoever started the parts; root's under root."""
        return self.root / "supervisor"

    @property
    def hosts(self) -> Path:
        """Asterisk's /etc/hosts."""
        return self.root / "etc" / "hosts"

    @property
    def redis_conf(self) -> Path:
        return self.run / "redis.conf"

    @property
    def secrets(self) -> Path:
        """Generated secrets, one file each, mode 0600."""
        return self.root / "secrets"

    @property
    def redis_socket(self) -> Path:
        """In the home, or in a short private folder: socket paths end near 100 characters."""
        return self._short(self.run / "redis.sock", "run")

    @property
    def supervisor_socket(self) -> Path:
        """supervisord's control socket, kept apart from what the parts may write."""
        return self._short(self.supervisor / "supervisor.sock", "supervisor")

    @property
    def database(self) -> Path:
        return self.state / "hotline.db"

    def inside(self, path: Path) -> str:
        """The path as Asterisk sees it; raises ValueError for a path outside the home."""
        return f"{INSIDE}/{path.relative_to(self.root)}"

    def outside(self, path: str) -> Path:
        """The real path of one that Asterisk named; raises ValueError if it isn't ours."""
        if not path.startswith(f"{INSIDE}/") or ".." in path.split("/"):
            raise ValueError(f"{path!r} is not below {INSIDE}")
        return self.root / path.removeprefix(f"{INSIDE}/")

    def _short(self, path: Path, purpose: str) -> Path:
        if len(str(path)) <= LONGEST_SOCKET_PATH:
            return path
        name = hashlib.sha256(str(self.root).encode()).hexdigest()[:16]
        # Not gettempdir(): the parts must find it whatever TMPDIR says. Its owner is checked.
        return Path("/tmp") / f"hotline-{name}-{purpose}" / path.name  # noqa: S108 - see above

    def folders(self) -> tuple[Path, ...]:
        """Every folder that belongs to the user the parts run as."""
        return (
            self.asterisk_etc,
            self.recordings,
            self.evidence,
            self.prompts,
            self.spool / "incoming",
            self.spool / "done",
            self.journal,
            self.state / "asterisk",
            self.state / "redis",
            self.run,
            self.log / "asterisk",
            self.secrets,
        )
