"""`hotline demo`: simulated citizens and seats, through the public doors of the running system."""

import asyncio
import contextlib
import secrets
import signal
import time
from typing import Any

import typer

from hotline import api, secrets_kept
from hotline.commands.common import TenantOption, chosen, out, print_table
from hotline.demo_trunk import demo_address
from hotline.errors import EngineAway, PartsFailed
from hotline.prepare import digest
from hotline.seats_config import reload_engine, rerender
from hotline.settings import Settings
from hotline.store import with_store
from queue_manager.model import Seat
from simulator.demo import Stage, Step, demonstrate
from simulator.errors import SimulatorError
from simulator.seats import Account
from simulator.sipp import Address
from storage.database import Database
from storage.seats import SqlSeats
from telephony.ami import USER
from telephony.errors import NotConnected, TelephonyError
from telephony.manager import GuardedManager

GENERAL, LABOUR = "demo1", "demo2"
SKILLS = {
    GENERAL: {"lang:cmn": 5, "svc:general": 5},
    LABOUR: {"lang:cmn": 5, "lang:en": 5, "svc:12333": 5},
}
ANSWER_S = 5.0


def demo(tenant: TenantOption = "") -> None:
    """Citizens call 12345, 12333 and after hours; seats answer; tickets come of it (a minute)."""
    settings, city = chosen(tenant)
    trunk_ip = demo_address(settings.trunks)
    api.ask(settings, "/api/v1/status")  # nothing is written where another installation answers
    accounts = _add_seats(settings, city.id)
    try:
        asyncio.run(_play(settings, city.id, trunk_ip, accounts))
    except SimulatorError as error:
        raise PartsFailed(f"demonstration: {error}") from error
    except asyncio.CancelledError as error:
        raise PartsFailed("demonstration: broken off") from error
    finally:
        _remove_seats(settings, city.id)


async def _play(
    settings: Settings, tenant: str, trunk_ip: str, accounts: dict[str, Account]
) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    stage = Stage(
        sip=Address(api.EVERYWHERE.get(settings.sip_bind, settings.sip_bind), settings.sip_port),
        trunk_ip=trunk_ip,
        base_url=api.base_url(settings),
        token=secrets_kept.read(settings.folders, secrets_kept.CLI_TOKEN),
        tenant=tenant,
        general=accounts[GENERAL],
        general_seat=GENERAL,
        labour=accounts[LABOUR],
        labour_seat=LABOUR,
        channels=lambda: _channels(settings),
    )
    began = time.monotonic()
    async with contextlib.aclosing(demonstrate(stage)) as steps:
        async for step in steps:
            _tell(step, time.monotonic() - began)


def _tell(step: Step, passed_s: float) -> None:
    out.print(f"[dim]{passed_s:6.1f} s[/]  {step.chinese}  [dim]{step.english}[/]", highlight=False)
    if step.tickets:
        columns = (
            "工单 ticket",
            "来源 origin",
            "拨打 called",
            "主叫 caller",
            "语言",
            "座席 seat",
            "留言 voice",
        )
        print_table(columns, [_row(ticket) for ticket in step.tickets])


def _row(ticket: dict[str, Any]) -> tuple[str, ...]:
    voice = f"{ticket['voice_s']:.1f} s" if ticket["voice_s"] else "-"
    names = ("number", "origin", "called_number", "caller", "language", "seat_id")
    return (*(str(ticket[name]) or "-" for name in names), voice)


def _add_seats(settings: Settings, tenant: str) -> dict[str, Account]:
    """The demonstration's two seats with passwords of this one time."""
    realm = secrets_kept.sip_realm(settings.folders)
    accounts = {name: Account(name, secrets.token_hex(16)) for name in SKILLS}

    async def write(database: Database) -> None:
        seats = SqlSeats(database)
        for name, skills in SKILLS.items():
            await seats.remove(tenant, name)
            credential = digest(name, realm, accounts[name].password)
            await seats.add(Seat(tenant, name, name, name, skills), credential)
        await rerender(settings, database)

    with_store(settings, write)
    if not reload_engine(settings, tenant):
        raise EngineAway("no engine answers: start it with `make run`")
    return accounts


def _remove_seats(settings: Settings, tenant: str) -> None:
    async def write(database: Database) -> None:
        for name in SKILLS:
            await SqlSeats(database).remove(tenant, name)
        await rerender(settings, database)

    with_store(settings, write)
    reload_engine(settings, tenant)


async def _channels(settings: Settings) -> int:
    """How many channels Asterisk has; raises PartsFailed when it can't be asked."""
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
        told = await manager.act("CoreShowChannels", {}, timeout_s=ANSWER_S, as_list=True)
    except (OSError, NotConnected, TelephonyError) as error:
        raise PartsFailed(
            f"Asterisk doesn't answer at port {settings.ami_port}: {error}"
        ) from error
    finally:
        manager.close()
    return sum(1 for message in told if message.event == "CoreShowChannel")


def register(root: typer.Typer) -> None:
    """Add this command to the `hotline` command."""
    root.command()(demo)
