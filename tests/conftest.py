"""Fixtures every room may use (real stores, one server of each kind per test process), and the
order of the files: those that wait for real calls first, longest first, so that `make test`'s
workers end together and what only computes comes when no sound is measured any more."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.servers import PostgresServer, RedisServer, postgres_running, redis_running

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")  # no test asserts a speed: on a busy machine it would

FOLDERS_S = {"tests/e2e": 60.0, "tests/telephony": 15.0, "tests/asterisk_conf": 15.0}
"""Where calls are real, and how long a file there is taken to last when nobody has measured it."""
CALLS_S = {
    "tests/simulator/test_bench.py": 150.0,
    "tests/e2e/test_calls.py": 110.0,
    "tests/hotline/test_run.py": 105.0,
    "tests/e2e/test_follow_up.py": 100.0,
    "tests/e2e/test_spoken_intake.py": 100.0,
    "tests/e2e/test_bad_audio.py": 100.0,
    "tests/e2e/test_partners.py": 80.0,
    "tests/telephony/test_emergency_real.py": 75.0,
    "tests/e2e/test_exchange.py": 70.0,
    "tests/e2e/test_outages.py": 80.0,
    "tests/telephony/test_talks_real.py": 80.0,
    "tests/e2e/test_callback.py": 70.0,
    "tests/e2e/test_callback_ends.py": 65.0,
    "tests/telephony/test_talks_supervised_real.py": 60.0,
    "tests/asterisk_conf/test_no_engine.py": 45.0,
    "tests/telephony/test_talks_killed_real.py": 35.0,
    "tests/simulator/test_citizens_and_seats.py": 26.0,
    "tests/telephony/test_real_calls.py": 24.0,
}
COMPUTES_S = {
    "tests/hotline/test_store_commands.py": 40.0,
    "tests/queue_manager/test_planner.py": 40.0,
    "tests/ivr/test_endings.py": 35.0,
    "tests/console/test_wallboard_page.py": 35.0,
    "tests/hotline/test_plan.py": 29.0,
    "tests/console/test_queues_page.py": 20.0,
    "tests/hotline/test_queue_commands.py": 20.0,
    "tests/hotline/test_cluster.py": 20.0,
    "tests/queue_manager/test_matcher_histories.py": 15.0,
}
"""Files of more than a quarter of a minute. A wrong number costs time, nothing else."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole files change places; within a file nothing does."""
    items.sort(key=lambda item: _place(item.nodeid.partition("::")[0]))


def _place(file: str) -> tuple[bool, float]:
    calls_s = CALLS_S.get(file) or FOLDERS_S.get(file.rpartition("/")[0], 0.0)
    return (False, -calls_s) if calls_s else (True, -COMPUTES_S.get(file, 0.0))


@pytest.fixture(scope="session")
def _redis() -> Iterator[RedisServer]:
    with redis_running() as server:
        yield server


@pytest.fixture(scope="session")
def _postgres() -> Iterator[PostgresServer]:
    with postgres_running() as server:
        yield server


@pytest.fixture
def redis_server(_redis: RedisServer) -> RedisServer:
    """A running, empty Redis; the test may stop, kill, freeze and start it."""
    if _redis.running:
        _redis.thaw()
    _redis.start()
    _redis.command("FLUSHALL")
    return _redis


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of an empty Redis."""
    return redis_server.url


@pytest.fixture
def postgres_server(_postgres: PostgresServer) -> PostgresServer:
    """A running PostgreSQL; the test may stop, kill, freeze and start it."""
    if _postgres.running:
        _postgres.thaw()
    _postgres.start()
    return _postgres


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a fresh, empty PostgreSQL database."""
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.start()
    postgres_server.thaw()
    postgres_server.drop_database(name)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a SQLite file that doesn't exist yet."""
    return f"sqlite:///{tmp_path}/hotline.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def sql_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database: the test runs once on each store."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(name)
    return url
