"""What spoken intakes lean on; the wiring fills it with real parts."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from ivr.intake import Mind
from ivr.spoken_ports import SpokenCaller
from telephony.call import Call
from tickets.kept import TalkJournal

Speaking = Callable[[Call, str, str], AbstractAsyncContextManager[SpokenCaller]]
"""(call, language, stored) opens a caller's audio, see `ivr.spoken_ports`."""


@dataclass(frozen=True, slots=True)
class SpokenHouse:
    """`able` tells which languages are recognised now, `says(language, prompt)` whether there is
    such a prompt."""

    speaking: Speaking
    able: Callable[[str], bool]
    says: Callable[[str, str], bool]
    mind: Mind
    journal: TalkJournal
