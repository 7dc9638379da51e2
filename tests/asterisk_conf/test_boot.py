"""Asterisk takes our configuration without complaint, quickly, with least rights."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from socket import SOCK_DGRAM

import psutil
import pytest
import pytest_asyncio

from asterisk_conf.model import OutboundRule
from hotline.doctor_trunks import REGISTERED, registration_states
from hotline.parts import is_root
from tests.manager import manager
from tests.stack import AsteriskStack, asterisk_stack, seat, trunk

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

DANGEROUS = ("System", "TrySystem", "Originate", "ExternalIVR", "DISA", "Record")
"""ChanSpy is there for supervisors: the engine's sessions alone can start it (decision 0123)."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskStack]:
    folder = tmp_path_factory.mktemp("boot")
    (folder / "password").write_text("secret")
    away = {
        "server": "127.0.0.9:9",
        "username": "city",
        "password_file": str(folder / "password"),
    }
    trunks = (
        trunk("city", trusted=True, dial="127.0.0.2:5070"),
        trunk("carrier", "127.0.0.3", registration=away, codecs=("ulaw",)),
    )
    rules = (OutboundRule(number="110", trunk="city"), OutboundRule(number="0771*", trunk="city"))
    seats = (seat("s1001", "x"), seat("s1002", "y"))
    async with asterisk_stack(folder, trunks=trunks, seats=seats, outbound=rules) as stack:
        yield stack


async def test_it_is_up_fast_and_without_complaint(stack: AsteriskStack) -> None:
    """Under two seconds of work, and no line of the log warns or tells of an error."""
    worked = psutil.Process(stack.pid).cpu_times()
    assert worked.user + worked.system < 2.0, f"booted within {stack.started_s:.1f} s"
    assert stack.troubles() == []
    for name in ("trunk-city", "trunk-carrier", "s1001", "s1002"):
        assert f"Endpoint:  {name}" in await stack.cli(f"pjsip show endpoint {name}")


async def test_a_carrier_that_took_nobody_is_told_of(stack: AsteriskStack) -> None:
    """Nobody is at the registrar's address; what the doctor asks, over the engine's own door."""
    states = await registration_states(stack.ami_port, stack.ami_secret)
    assert set(states) == {"trunk-carrier"}
    assert states["trunk-carrier"] != REGISTERED


async def test_it_has_no_rights_of_root(stack: AsteriskStack) -> None:
    """The process runs as an ordinary user and holds no capability."""
    process = psutil.Process(stack.pid)
    if is_root():
        assert process.uids().real != 0
    status = Path(f"/proc/{stack.pid}/status").read_text()
    assert int(re.search(r"^CapBnd:\s*(\w+)", status, re.M)[1], 16) == 0  # type: ignore[index]  # always there
    assert int(re.search(r"^CapEff:\s*(\w+)", status, re.M)[1], 16) == 0  # type: ignore[index]  # always there


async def test_it_listens_on_its_own_address_only(stack: AsteriskStack) -> None:
    """SIP and AMI on the bound address, nothing else (UDP sockets of the resolver set apart)."""
    sockets = psutil.Process(stack.pid).net_connections("inet")
    tcp = {tuple(c.laddr) for c in sockets if c.status == "LISTEN"}
    udp = {tuple(c.laddr) for c in sockets if c.type == SOCK_DGRAM}
    assert tcp == {("127.0.0.1", stack.sip_port), ("127.0.0.1", stack.ami_port)}
    assert [ip for ip, port in udp if port == stack.sip_port] == ["127.0.0.1"]
    assert len(udp) <= 3


async def test_nothing_that_runs_programs_is_loaded(stack: AsteriskStack) -> None:
    """What isn't loaded can't be abused from a header, the manager or a mistake."""
    for name in DANGEROUS:
        assert "Your application(s) is (are) not registered" in await stack.cli(
            f"core show application {name}"
        ), name
    for name in ("SHELL", "CURL", "FILE", "DB"):
        assert "No function by that name registered" in await stack.cli(
            f"core show function {name}"
        )


async def test_the_manager_gives_least_rights(stack: AsteriskStack) -> None:
    """A wrong secret is refused, and so is whatever the engine doesn't need."""
    with pytest.raises(PermissionError):
        async with manager(stack, secret="wrong"):
            pass
    async with manager(stack) as session:
        assert (await session.action("CoreShowChannels"))["Response"] == "Success"
        for refused in ("Command", "Originate", "UpdateConfig", "GetConfig", "DBPut"):
            answer = await session.action(refused, Command="core show channels", Filename="x")
            assert answer["Response"] == "Error", refused


async def test_a_seat_is_added_without_a_restart(stack: AsteriskStack) -> None:
    """A reload takes pjsip_seats.conf up; nothing else changes."""
    before = stack.pid
    await stack.change(seats=(*stack.installation.seats, seat("s1003", "z")))
    assert "Endpoint:  s1003" in await stack.cli("pjsip show endpoint s1003")
    assert stack.pid == before
    assert stack.troubles() == []
