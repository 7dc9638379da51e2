"""Tokens: who they let in, for how long, and what happens to those who guess."""

from datetime import UTC, datetime, timedelta

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from console.auth import (
    KNOWN_FOR_S,
    MOST_PEERS,
    TOKEN,
    Authenticator,
    FailureLimit,
    is_local,
    issue,
    peer_of,
)
from console.errors import StoreUnavailable, TokenRefused, TooManyFailures
from console.ports import Role
from tests.console.conftest import Caller
from tests.console.fakes import CITY, OTHER_CITY, City, everywhere

STATUS = "/api/v1/status"
BOARD = f"/api/v1/tenants/{CITY}/wallboard"


class Watch:
    """A clock that only tests move."""

    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def door(city: City, watch: Watch) -> Authenticator:
    return Authenticator(city, city.now, watch)


def test_issued_token_is_random_and_its_secret_is_not_kept() -> None:
    first, record = issue(Role.SEAT, CITY, seat_id="801")
    second, _ = issue(Role.SEAT, CITY, seat_id="801")
    assert first != second
    assert TOKEN.fullmatch(first)
    assert first.split(".")[1] not in repr(record)
    assert len(record.sha256) == 64


async def test_a_good_token_carries_its_rights(city: City, door: Authenticator) -> None:
    identity = await door.verify(city.token(Role.SEAT, seat_id="801"), "10.0.0.1")
    assert (identity.role, identity.seat_id) == (Role.SEAT, "801")
    assert identity.sees(CITY)
    assert not identity.sees(OTHER_CITY)
    assert (await door.verify(everywhere(city), "10.0.0.1")).sees(OTHER_CITY)


async def test_wrong_secret_unknown_expired_and_revoked_look_the_same(
    city: City, door: Authenticator
) -> None:
    good = city.token(Role.ADMIN)
    token_id, secret = good.split(".")
    ended = city.token(Role.ADMIN, ends=datetime.now(UTC) - timedelta(seconds=1))
    revoked = city.token(Role.ADMIN)
    await door.verify(revoked, "10.0.0.1")
    city.revoke(revoked)
    swapped = f"{token_id}.{secret[::-1]}"
    for bad in (swapped, f"ffffffffffff.{secret}", ended, revoked, "x", "", f"{good} ", "a.b"):
        with pytest.raises(TokenRefused):
            await door.verify(bad, "10.0.0.1")
    await door.verify(good, "10.0.0.1")


async def test_guessing_is_stopped_for_that_peer_alone_and_for_a_while(
    city: City, door: Authenticator, watch: Watch
) -> None:
    good = city.token(Role.ADMIN)
    for _ in range(30):
        with pytest.raises(TokenRefused):
            await door.verify("nonsense", "10.0.0.1")
    with pytest.raises(TooManyFailures) as stopped:
        await door.verify(good, "10.0.0.1")
    assert int(stopped.value.headers["Retry-After"]) >= 2
    await door.verify(good, "10.0.0.2")
    watch.s += 2.1
    await door.verify(good, "10.0.0.1")


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.floats(0, 5)), max_size=200))
def test_a_peer_is_stopped_only_by_its_own_failures(events: list[tuple[str, float]]) -> None:
    limit, now_s, failures = FailureLimit(burst=5, refill_s=1.0), 0.0, {"a": 0, "b": 0}
    for peer, later_s in events:
        now_s += later_s
        if limit.wait_s(peer, now_s) == 0:
            limit.failed(peer, now_s)
            failures[peer] += 1
        assert failures[peer] <= 5 + now_s + 1
        waits_s = limit.wait_s(peer, now_s)
        assert limit.wait_s(peer, now_s + waits_s + 0.001) == 0
    for peer, count in failures.items():
        if count == 0:
            assert limit.wait_s(peer, now_s) == 0


def test_the_table_of_peers_is_bounded() -> None:
    limit = FailureLimit()
    for number in range(MOST_PEERS + 50):
        limit.failed(str(number), 0.0)
    assert len(limit._peers) == MOST_PEERS


async def test_known_tokens_go_on_for_ten_minutes_when_the_store_is_away(
    city: City, door: Authenticator, watch: Watch
) -> None:
    known, new = city.token(Role.WALLBOARD), city.token(Role.WALLBOARD)
    await door.verify(known, "10.0.0.1")
    city.store_away = True
    assert (await door.verify(known, "10.0.0.1")).role is Role.WALLBOARD
    with pytest.raises(StoreUnavailable):
        await door.verify(new, "10.0.0.1")
    with pytest.raises(TokenRefused):
        await door.verify(known[:-1] + ("a" if known[-1] != "a" else "b"), "10.0.0.1")
    watch.s += KNOWN_FOR_S + 1
    with pytest.raises(StoreUnavailable):
        await door.verify(known, "10.0.0.1")


class _Link:
    def __init__(self, address: str) -> None:
        self._address = address

    def get_extra_info(self, name: str, default: object = None) -> object:
        return (self._address, 50000) if name == "peername" else default


@pytest.mark.parametrize(
    ("address", "forwarded", "peer", "local"),
    [
        ("127.0.0.1", None, "127.0.0.1", True),
        ("127.0.0.1", "6.6.6.6, 10.1.2.3", "10.1.2.3", False),
        ("127.0.0.1", "rubbish", "unreadable", False),
        ("10.9.9.9", "127.0.0.1", "10.9.9.9", False),
        ("2001:db8:1:2:aaaa::1", None, "2001:db8:1:2::/64", False),
    ],
)
def test_a_peer_is_who_the_proxy_on_this_machine_says(
    address: str, forwarded: str | None, peer: str, local: bool
) -> None:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = make_mocked_request("GET", "/", headers=headers, transport=_Link(address))
    assert peer_of(request) == peer
    assert is_local(request) is local


async def test_without_a_token_there_is_only_401(nobody: Caller) -> None:
    assert await nobody.refused(STATUS) == (401, "token-missing")
    assert await nobody.refused(BOARD) == (401, "token-missing")
    basic = {"Authorization": "Basic YTpi"}
    assert await nobody.refused(BOARD, headers=basic) == (401, "token-missing")
    _, _, headers = await nobody.ask(STATUS)
    assert headers["WWW-Authenticate"] == "Bearer"


async def test_a_token_in_the_url_is_not_a_token(city: City, nobody: Caller) -> None:
    token = city.token(Role.ADMIN)
    assert await nobody.refused(f"{STATUS}?token={token}") == (401, "token-missing")


async def test_a_revoked_token_is_refused_at_once(city: City, wall: Caller) -> None:
    assert (await wall.ask(BOARD))[0] == 200
    city.revoke(wall.token)
    assert await wall.refused(BOARD) == (401, "token-refused")


async def test_another_tenants_token_is_refused_and_unknown_tenants_are_404(
    city: City, wall: Caller
) -> None:
    assert await wall.refused(f"/api/v1/tenants/{OTHER_CITY}/wallboard") == (403, "tenant-refused")
    assert await wall.refused("/api/v1/tenants/nowhere/wallboard") == (404, "unknown-tenant")
    anywhere = wall.having(everywhere(city, Role.WALLBOARD))
    assert (await anywhere.ask(f"/api/v1/tenants/{OTHER_CITY}/wallboard"))[0] == 200


async def test_a_flood_of_wrong_tokens_meets_429(nobody: Caller) -> None:
    answers = [await nobody.having("wrong").refused(STATUS) for _ in range(32)]
    assert answers[0] == (401, "token-refused")
    assert answers[-1] == (429, "too-many-failures")
    _, _, headers = await nobody.having("wrong").ask(STATUS)
    assert int(headers["Retry-After"]) >= 1
