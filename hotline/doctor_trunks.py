"""The doctor's look at the trunks: can calls come in, and did the carriers take us?"""

import asyncio
import socket
from collections.abc import Iterator, Mapping

from hotline import secrets_kept
from hotline.findings import Finding, Grade
from hotline.settings import DEMO_TRUNK, Settings
from telephony.ami import USER
from telephony.errors import NotConnected, TelephonyError
from telephony.manager import GuardedManager

SIP_PORT = 5060
ANSWER_S = 5.0
REGISTERED = "Registered"
NEEDED = "configure the carrier's (docs/trunks.md)"


def trunks(settings: Settings) -> Iterator[Finding]:
    """Every trunk: its password, whether its carrier can be reached, whether it has taken us."""
    if not settings.trunks:
        yield Finding("trunks", Grade.WRONG, "there are none: no call can come in", NEEDED)
        return
    if settings.trunks == (DEMO_TRUNK,):
        yield Finding(
            "trunks", Grade.LOOK, "only the demonstration's trunk on this machine", NEEDED
        )
        return
    states = _asked(settings) if any(trunk.registration for trunk in settings.trunks) else {}
    for trunk in settings.trunks:
        name = f"trunk {trunk.id}"
        if trunk.registration and not trunk.registration.password_file.is_file():
            found = f"there is no password file {trunk.registration.password_file}"
            yield Finding(name, Grade.WRONG, found, "write the carrier's password there, mode 0600")
        targets = [trunk.dial, trunk.registration.server if trunk.registration else ""]
        for target in filter(None, targets):
            yield _reachable(name, target)
        if trunk.registration and (state := states.get(f"trunk-{trunk.id}")):
            yield _registered(settings, name, trunk.registration.server, state)
        if not any(targets):
            known = ", ".join(str(m) for m in trunk.match)
            yield Finding(name, Grade.GOOD, f"calls come in from {known}")


def _reachable(name: str, target: str) -> Finding:
    """Resolves and routes; SIP over UDP answers to nobody it doesn't know, so no more is asked."""
    host, _, port = target.partition(":")
    try:
        found = socket.getaddrinfo(host, int(port or SIP_PORT), type=socket.SOCK_DGRAM)
        with socket.socket(found[0][0], socket.SOCK_DGRAM) as probe:
            probe.connect(found[0][4])
    except OSError as error:
        mend = "check the name, the network and the firewall"
        return Finding(name, Grade.WRONG, f"{target}: {error.strerror}", mend)
    return Finding(name, Grade.GOOD, f"{target} is at {found[0][4][0]}, a route is there")


def _registered(settings: Settings, name: str, server: str, state: str) -> Finding:
    if state == REGISTERED:
        return Finding(name, Grade.GOOD, f"registered at {server}")
    found = f"not registered at {server} ({state}): its calls don't come in"
    log = settings.folders.log / "asterisk/messages.log"
    mend = f"check user name, password file and firewall; {log} says what the carrier answered"
    return Finding(name, Grade.WRONG, found, mend)


def _asked(settings: Settings) -> Mapping[str, str]:
    """The state of each registration; empty when no Asterisk of ours can be asked."""
    try:
        secret = secrets_kept.ami_secret(settings.folders)
        return asyncio.run(registration_states(settings.ami_port, secret))
    except (OSError, NotConnected, TelephonyError):
        return {}  # nothing runs, or this user may not ask: other checks say so


async def registration_states(port: int, secret: str) -> Mapping[str, str]:
    """What Asterisk says of each registration at a carrier, by its name: `Registered`, or not.

    Raises OSError and NotConnected when it isn't there, TelephonyError when it doesn't answer.
    """
    manager = GuardedManager(
        lambda message: None,
        host="127.0.0.1",
        port=port,
        username=USER,
        secret=secret,
        events="off",
    )
    try:
        await manager.connect_once(ANSWER_S)
        told = await manager.act(
            "PJSIPShowRegistrationsOutbound", {}, timeout_s=ANSWER_S, as_list=True
        )
    finally:
        manager.close()
    return {
        message.objectname: message.status
        for message in told
        if message.event == "OutboundRegistrationDetail"
    }
