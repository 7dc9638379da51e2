"""Hand-made figures for the console's tests: a month of a city, and who reads it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from console.auth import issue
from console.ports import Role
from console.services import Services
from tests.console.fakes import CITY, City
from tickets.errors import StoreAway
from tickets.kpi import By, Counted, Counts, added
from tickets.kpi_book import KpiBook
from tickets.periods import Per, Period

EVIL = '<script>alert("x")</script>&'
"""What a name may hold that somebody meant badly."""
NAMES: Mapping[By, Mapping[str, str]] = {
    By.UNIT: {"water": "供水公司", "gas": EVIL, "bus": "=公交集团"},
    By.CLASS: {"04": "公共服务", "040201": "路灯故障"},
    By.AREA: {"450103": "青秀区"},
    By.LINE: {"12345": "市民热线"},
    By.KIND: {"help": "求助"},
}


def handled(n: int, in_time: int, satisfied: int) -> Counts:
    """Tickets that were dispatched, finished and rated."""
    return {
        "received": n, "accepted": n, "to_close": n, "closed": n, "to_call": n, "handled": n,
        "called": n, "reached": n, "finish_due": n, "finish_in_time": in_time, "rated": n,
        "satisfied": satisfied, "dispatches": n, "dispatched_right": n,
    }  # fmt: skip


UNITS = {"water": handled(20, 19, 18), "gas": handled(20, 15, 12), "bus": handled(3, 3, 3)}
CALLS = {
    "offered": 100, "answered": 94, "answered_in_time": 90, "abandoned": 6, "abandoned_long": 4,
    "offered_long": 98, "waits": 94, "wait_ms": 470_000, "wait_with_menu_ms": 658_000,
    "talks": 94, "handling_ms": 9_400_000, "wrap_ups": 94, "wrap_up_ms": 940_000,
}  # fmt: skip


def counted() -> Counted:
    """One day's tickets, by everything."""
    whole = added(UNITS.values())
    return {
        (By.ALL, ""): whole,
        **{(By.UNIT, unit): counts for unit, counts in UNITS.items()},
        (By.CLASS, "040201"): whole,
        (By.AREA, "450103"): whole,
        (By.LINE, "12345"): whole,
        (By.KIND, "help"): whole,
        (By.HEAT, "04|450103"): {"received": 43},
    }


@dataclass
class Books:
    """`console.kpi.KpiReader`: the same day in whichever month is `filled`."""

    filled: set[str] = field(default_factory=set)
    with_calls: bool = True
    away: bool = False
    asked: list[tuple[str, str, tuple[By, ...]]] = field(default_factory=list)

    async def book(
        self, tenant: str, period: Period, now: datetime, by: Collection[By], per: Per = Per.WHOLE
    ) -> KpiBook:
        if self.away:
            raise StoreAway("the database is away")
        self.asked.append((tenant, period.text, tuple(by)))
        groupings = {By.ALL, *by}
        book = KpiBook(period, per, tuple(groupings))
        if period.text[:7] in self.filled:
            day = period.first
            book.take_tickets(day, {k: v for k, v in counted().items() if k[0] in groupings})
            if self.with_calls:
                book.take_calls(day, {"12345": CALLS})
        return book

    def names(self, tenant: str, by: By) -> Mapping[str, str]:
        return NAMES.get(by, {})


@dataclass
class KpiCity(City):
    """A city with figures."""

    books: Books = field(default_factory=Books)

    def services(self) -> Services:
        return replace(super().services(), kpis=self.books)

    def department(self, unit: str) -> str:
        """A unit's token."""
        token, record = issue(Role.DEPARTMENT, CITY, unit=unit)
        self.tokens[record.token_id] = record
        return token
