"""Fixtures every room may use (real stores, one server of each kind per test process), and the
order of the files (`tests/workers.py`)."""

import asyncio
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

from storage.database import migrate
from tests.servers import PostgresServer, RedisServer, postgres_running, redis_running
from tests.workers import CallsAndComputing, out_of_the_way, place

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")  # no test asserts a speed: on a busy machine it would

# structlog's own choice draws every variable of every frame with rich: twelve seconds for one error
structlog.configure(
    [
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole files change places; within a file nothing does."""
    items.sort(key=lambda item: place(item.nodeid.partition("::")[0]))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> CallsAndComputing:
    return CallsAndComputing(config, log)


@pytest.fixture(scope="module", autouse=True)
def _out_of_the_way(request: pytest.FixtureRequest) -> Iterator[None]:
    with out_of_the_way(request.node.nodeid):
        yield


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
def empty_sql_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database without any table: the test runs once on each store."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def sql_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database with this day's schema and nothing in it: the test runs once on each
    store. It is a copy of one migrated once: that was most of what a test of the store cost."""
    name = "_migrated_file" if request.param == "sqlite" else "_migrated_database"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture
def _migrated_file(_sqlite_template: Path, sqlite_url: str) -> str:
    shutil.copyfile(_sqlite_template, sqlite_url.removeprefix("sqlite:///"))
    return sqlite_url


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "hotline.db"
    _migrated(f"sqlite:///{file}")
    return file


@pytest.fixture
def _migrated_database(postgres_server: PostgresServer, _postgres_template: str) -> Iterator[str]:
    name = postgres_server.create_database(_postgres_template)
    yield postgres_server.url(name)
    postgres_server.start()
    postgres_server.thaw()
    postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def _postgres_template(_postgres: PostgresServer) -> str:
    if _postgres.running:
        _postgres.thaw()
    _postgres.start()
    name = _postgres.create_database()
    _migrated(_postgres.url(name))
    return name


def _migrated(url: str) -> None:
    """In a thread: pytest-asyncio keeps this one's event loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(migrate(url))).result()
