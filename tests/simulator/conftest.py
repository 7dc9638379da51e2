"""An Asterisk with a few numbers of its own behind the trunk, and one seat's account."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulator.seats import Account
from simulator.sipp import Address
from tests.stack import AsteriskStack, asterisk_stack, seat

ACCOUNT = Account("1001", "a-good-password")
DIALPLAN = """
[trunk-city](+)
exten => 101,1,Answer()
 same => n,Dial(PJSIP/1001,10,g)
 same => n,Hangup()
exten => 102,1,Answer()
 same => n,Dial(PJSIP/1001,1,g)
 same => n,Hangup()
exten => 103,1,Answer()
 same => n,Read(KEYS,,4,,1,3)
 same => n,GotoIf($["${KEYS}" = "17#9"]?right)
 same => n,GotoIf($["${KEYS}" = "179"]?right)
 same => n,Hangup()
 same => n(right),Playback(/hotline/prompts/cmn/welcome)
 same => n,Playback(/hotline/prompts/cmn/welcome)
 same => n,Hangup()
exten => 104,1,Answer()
 same => n,Set(FIRST=${PJSIP_HEADER(read,Diversion)})
 same => n,Set(WHO=${PJSIP_HEADER(read,P-Asserted-Identity)})
 same => n,GotoIf($["${CALLERID(num)}${FIRST}${WHO}" = "13912345678<sip:12333@x><sip:139@x>"]?right)
 same => n,Hangup()
 same => n(right),Playback(/hotline/prompts/cmn/welcome)
 same => n,Hangup()
exten => 105,1,Hangup(21)
"""
MODULES = "load = app_read.so\nload = app_playback.so"


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[AsteriskStack]:
    """A real Asterisk; 101 rings the seat, 102 for a second, 103 wants keys, 104 headers, 105
    is refused."""
    extra = (("extensions.conf", DIALPLAN), ("modules.conf", MODULES))
    seats = [seat(ACCOUNT.endpoint, ACCOUNT.password)]
    async with asterisk_stack(tmp_path, seats=seats, extra=extra) as running:
        yield running


@pytest.fixture
def sip(stack: AsteriskStack) -> Address:
    """Where that Asterisk listens."""
    return Address("127.0.0.1", stack.sip_port)
