"""Every test here takes a real Asterisk and SIPp. And the set-up of all files about callbacks."""

from collections.abc import AsyncIterator, Iterator

import pytest

from simulator.seats import Account
from simulator.sipp import Address
from tests.e2e.callbacks import SEAT, House, at_work, calling_back, telephone
from tests.e2e.installation import Installation


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e/" in str(item.path):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="module")
def called_back(
    request: pytest.FixtureRequest,
) -> Iterator[tuple[Installation, Account, Address]]:
    """An installation that calls citizens back in the file's ORDER, its seat, their telephone."""
    own = telephone()
    with calling_back(own, request.module.ORDER) as installation:
        installation.cli("hours", "set", "open")
        yield installation, installation.add_seat(SEAT, ready=False), own


@pytest.fixture
async def house(called_back: tuple[Installation, Account, Address]) -> AsyncIterator[House]:
    """Its seat (pausing at first) and the citizen's telephone at work."""
    async with at_work(*called_back) as house:
        yield house
