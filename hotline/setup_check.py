"""Whether set-up brought everything that `hotline run` needs."""

import os
import pwd
import shutil
from collections.abc import Iterator

from hotline.errors import BadSettings, SetupMissing
from hotline.parts import is_root, run_user
from hotline.prompts import prompt_cache, prompts_complete
from hotline.settings import Settings

PROGRAMS = {
    "bwrap": "bubblewrap",
    "setpriv": "util-linux",
    "redis-server": "redis-server",
    "sipp": "sip-tester",
    "sox": "sox",
    "espeak-ng": "espeak-ng",
}
MEND = "run `make setup` once (as root)"


def missing(settings: Settings) -> Iterator[str]:
    """What isn't there, one sentence each."""
    for program, package in PROGRAMS.items():
        if program == "redis-server" and settings.redis_url:
            continue
        if shutil.which(program) is None:
            yield f"the program {program} (Debian package {package}) is missing"
    asterisk = settings.asterisk_root / "usr/sbin/asterisk"
    if not asterisk.exists():
        yield f"Asterisk is missing: there is no {asterisk}"
    if not prompts_complete(cache := prompt_cache(settings)):
        yield f"spoken prompts are missing in {cache}"
    if is_root():
        try:
            run_user(settings)
        except KeyError:
            yield f"the system user {settings.user} is missing"


def _has_a_name(uid: int) -> bool:
    try:
        return bool(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return False


def check_setup(settings: Settings) -> None:
    """Raises `SetupMissing` with all that is missing, `BadSettings` when parts would be root's."""
    if is_root() and settings.user == "root":
        raise BadSettings("HOTLINE_USER=root: no part runs as root, name another user")
    if not is_root() and not _has_a_name(os.geteuid()):
        raise BadSettings(f"user {os.geteuid()} isn't in /etc/passwd: run it as a user who is")
    if wrong := list(missing(settings)):
        raise SetupMissing(f"set-up is not complete: {'; '.join(wrong)}: {MEND}")
