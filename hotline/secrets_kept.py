"""Secrets made once per installation: one file each in the home, readable by the parts' user."""

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable

from hotline.errors import BadSettings
from hotline.home import Home
from hotline.settings import Settings

LEAST_SECRET = 32
CLI_TOKEN, PAGE_TOKEN = "cli_token", "page_token"


def ami_secret(home: Home) -> str:
    """The manager's password, between Asterisk and the engine."""
    return _kept(home, "ami_secret", lambda: secrets.token_urlsafe(32))


def sip_realm(home: Home) -> str:
    """The seats' SIP realm. Seats' digests are of it, so it is kept for ever."""
    return _kept(home, "sip_realm", lambda: f"hotline-{secrets.token_hex(6)}")


def sms_hook_secret(home: Home) -> str:
    """What signs messages to the text message gateway, which gets a copy of it."""
    return _kept(home, "sms_hook", lambda: secrets.token_urlsafe(32))


def webhooks_key(home: Home) -> bytes:
    """What webhooks' secrets are made of, where no cluster shares one."""
    return _kept(home, "webhooks_key", lambda: secrets.token_urlsafe(32)).encode()


def system_name(home: Home) -> str:
    """This node's name in every Uniqueid: unique over nodes and installations."""
    return _kept(home, "system_name", lambda: f"hl{secrets.token_hex(4)}")


def cluster_key(settings: Settings, use: str) -> bytes:
    """A key of 32 bytes for one use, made of the secret that all nodes share.

    Raises `BadSettings` when the secret's file can't be read or is too short.
    """
    file = settings.cluster_secret_file
    assert file is not None, "asked for without a cluster"
    try:
        secret = file.read_bytes().strip()
    except OSError as error:
        raise BadSettings(f"cluster_secret_file {file}: {error.strerror}") from error
    if len(secret) < LEAST_SECRET:
        raise BadSettings(
            f"cluster_secret_file {file}: {len(secret)} characters, {LEAST_SECRET} are needed: "
            "make one with `openssl rand -hex 32`"
        )
    return hmac.digest(secret, f"hotline {use}".encode(), hashlib.sha256)


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
