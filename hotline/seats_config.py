"""After seats changed in SQL: Asterisk's endpoints are written anew, and both read them again."""

import contextlib

from hotline import api, secrets_kept
from hotline.errors import EngineAway
from hotline.prepare import render_seats, stored_endpoints
from hotline.settings import Settings
from storage.database import Database
from telephony.ami import USER
from telephony.errors import NotConnected
from telephony.manager import GuardedManager

ANSWER_S = 5.0


def refuse_strangers(settings: Settings) -> None:
    """Before anything is written: raises `BadRequest` when another installation's engine answers
    at our port (its settings were given here, or ours forgotten)."""
    with contextlib.suppress(EngineAway):
        api.ask(settings, "/api/v1/status")


async def rerender(settings: Settings, database: Database) -> None:
    """Write the seats as they are stored now into Asterisk's configuration, and have a running
    Asterisk read it; raises `ActionFailed` when it doesn't."""
    render_seats(settings, await stored_endpoints(database))
    manager = GuardedManager(
        lambda message: None,
        host="127.0.0.1",
        port=settings.ami_port,
        username=USER,
        secret=secrets_kept.ami_secret(settings.folders),
        events="off",
    )
    try:
        await manager.connect_once(ANSWER_S)
        module = {"Module": "res_pjsip.so"}
        await manager.act("Reload", module, timeout_s=ANSWER_S, as_list=False)
    except (OSError, NotConnected):
        return  # no Asterisk runs: it reads the files when it starts
    finally:
        manager.close()


def reload_engine(settings: Settings, tenant: str) -> bool:
    """Have the running engine read seats and lines again; False when none runs."""
    try:
        api.ask(settings, f"/api/v1/tenants/{tenant}/reload", method="POST")
    except EngineAway:
        return False
    return True
