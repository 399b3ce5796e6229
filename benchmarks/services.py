"""The servers that a sample needs: a Redis of its own, and a database on PostgreSQL."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import sql
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from benchmarks import places
from benchmarks.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REDIS_START_RETRIES = 200
REDIS_START_RETRY_SECONDS = 0.05


class ServiceMissingError(Exception):
    """A server that this system runs on is not installed or does not answer."""


def require_redis() -> None:
    """Refuse to go on without the redis-server program."""
    if shutil.which("redis-server") is None:
        raise ServiceMissingError("redis-server is not installed; every benchmark counts its tasks in it")


class RedisServer:
    """A Redis that writes nothing to disk; started again it is empty."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self._port = urlsplit(url).port
        self._directory = directory
        self._processes: Processes | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        require_redis()
        command = ["redis-server", "--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._processes = Processes(
            [[*command, "--dir", str(self._directory)]], directory=self._directory, name=f"redis-{self._port}"
        )
        self._processes.__enter__()
        patience = Retry(ConstantBackoff(REDIS_START_RETRY_SECONDS), REDIS_START_RETRIES)
        redis.Redis.from_url(self.url, retry=patience, retry_on_error=[redis.ConnectionError]).ping()

    def kill(self) -> None:
        """Kill it, if it runs."""
        if self._processes is not None:
            for process in self._processes.running:
                process.kill()
            self._processes.__exit__(None, None, None)

    def has_consumer(self) -> bool:
        """Tell whether somebody waits for a message."""
        with redis.Redis.from_url(self.url) as client:
            return any(known["cmd"] == "brpop" for known in client.client_list())


@contextmanager
def redis_server(directory: Path) -> Iterator[str]:
    """Run a Redis that writes nothing to disk; yield its address without a database number."""
    server = RedisServer(f"redis://127.0.0.1:{places.free_port()}", directory)
    server.start()
    try:
        yield server.url
    finally:
        server.kill()


def create_sample_database() -> None:
    """Make the sample's database on PostgreSQL."""
    _administer("CREATE DATABASE {}")


def drop_sample_database() -> None:
    """Drop the sample's database, whoever is still connected to it."""
    _administer("DROP DATABASE IF EXISTS {} WITH (FORCE)")


def describe_postgresql() -> str:
    """Return version and durability settings of the PostgreSQL server."""
    with _administrator() as connection:
        shown = [
            f"{name}={connection.execute(f'SHOW {name}').fetchone()[0]}"
            for name in ("fsync", "synchronous_commit", "shared_buffers")
        ]
        return f"PostgreSQL {connection.info.server_version // 10000}: {', '.join(shown)}"


def _administer(statement: str) -> None:
    with _administrator() as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(places.sample_database_name())))


def _administrator() -> psycopg.Connection:
    try:
        return psycopg.connect(places.postgresql_url(), autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise ServiceMissingError(
            f"PostgreSQL does not answer ({str(error).strip()}); set {places.POSTGRESQL_URL}"
        ) from error
