"""The test servers themselves: they answer, can be taken away, and keep their data."""

import asyncpg
import pytest

from tests.servers import PostgresServer, RedisServer, ports_of


def test_redis_keeps_its_data_over_a_kill(redis_server: RedisServer) -> None:
    redis_server.command("SET", "caller", "waits")
    redis_server.kill()
    assert not redis_server.answers()
    redis_server.start()
    assert redis_server.command("GET", "caller") == b"$5\r\nwaits\r\n"


def test_redis_is_empty_at_the_start_of_a_test(redis_server: RedisServer) -> None:
    assert redis_server.command("DBSIZE") == b":0\r\n"


async def test_postgres_gives_a_fresh_database_and_comes_back(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    url = postgres_url.replace("+asyncpg", "")
    link = await asyncpg.connect(url)
    await link.execute("CREATE TABLE seen (n integer)")
    await link.close()
    postgres_server.kill()
    with pytest.raises(OSError):  # noqa: PT011  refused or no socket: both mean away
        await asyncpg.connect(url)
    postgres_server.start()
    link = await asyncpg.connect(url)
    assert await link.fetchval("SELECT count(*) FROM seen") == 0
    await link.close()


def test_no_two_test_processes_have_a_port_in_common() -> None:
    everyone = [set(ports_of(f"gw{n}")) for n in range(8)]
    assert len(set().union(*everyone)) == sum(len(ports) for ports in everyone)
    with pytest.raises(ValueError, match="8 test processes"):
        ports_of("gw8")
