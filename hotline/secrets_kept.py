"""Secrets made once per installation: one file each in the home, readable by the parts' user."""

import os
import secrets
from collections.abc import Callable

from hotline.home import Home

CLI_TOKEN, PAGE_TOKEN = "cli_token", "page_token"


def ami_secret(home: Home) -> str:
    """The manager's password, between Asterisk and the engine."""
    return _kept(home, "ami_secret", lambda: secrets.token_urlsafe(32))


def sip_realm(home: Home) -> str:
    """The seats' SIP realm. Seats' digests are of it, so it is kept for ever."""
    return _kept(home, "sip_realm", lambda: f"hotline-{secrets.token_hex(6)}")


def system_name(home: Home) -> str:
    """This node's name in every Uniqueid: unique over nodes and installations."""
    return _kept(home, "system_name", lambda: f"hl{secrets.token_hex(4)}")


def read(home: Home, name: str) -> str:
    """A secret that must be there already; raises FileNotFoundError."""
    return (home.secrets / name).read_text().strip()


def write(home: Home, name: str, value: str) -> None:
    """Keep a secret, whole or not at all."""
    fresh = home.secrets / f".{name}.new"
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as stream:
        stream.write(value + "\n")
    fresh.replace(home.secrets / name)


def _kept(home: Home, name: str, make: Callable[[], str]) -> str:
    try:
        return read(home, name)
    except FileNotFoundError:
        write(home, name, make())
        return read(home, name)
