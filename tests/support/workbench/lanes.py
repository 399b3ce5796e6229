"""Who carries the messages: each lane hands out fresh addresses, each with a broker and a database of its own."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import redis
from psycopg import sql

from workbench.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFORMANCE = Path(__file__).parents[2] / "conformance"
SUPPORT = Path(__file__).parents[1]
POSTGRESQL_URL = os.environ.get("TEST_POSTGRESQL_URL", "postgres://postgres@127.0.0.1:5432")
RABBITMQ_URL = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672")
REDIS_DATABASES = 1000
VHOSTS_AT_ONCE = 20


class LaneUnavailableError(Exception):
    """The service that the lane needs is not there; the message says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where one deployment's messages, results and rows are."""

    broker_url: str
    result_backend: str = "workstate://"
    database_url: str

    def environment(self) -> dict[str, str]:
        """The variables that the processes of a deployment read."""
        return os.environ | {
            "PYTHONPATH": os.pathsep.join([str(CONFORMANCE), str(SUPPORT), os.environ.get("PYTHONPATH", "")]),
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "project.settings",
            "BROKER_URL": self.broker_url,
            "RESULT_BACKEND": self.result_backend,
            "DATABASE_URL": self.database_url,
        }


class Lane(ABC):
    """One way to carry Celery's messages."""

    name: str
    has_outside_broker = False
    """True when a broker stands in front of the ledger."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / self.name
        self.directory.mkdir()
        self.numbers = itertools.count(1)

    @contextmanager
    @abstractmethod
    def fresh_address(self) -> Iterator[Address]:
        """Give a broker and a migrated database that nobody has used, and remove them afterwards."""

    @abstractmethod
    def close(self) -> None:
        """Release what the lane holds for the whole session."""


class SQLiteLane(Lane):
    """`workstate://` over a SQLite file; a fresh address is a copy of one migrated file."""

    name = "sqlite"
    broker_url = "workstate://"

    @cached_property
    def template(self) -> Path:
        template = self.directory / "template"
        template.mkdir()
        migrate(self._address_in(template))
        return template

    @contextmanager
    def fresh_address(self) -> Iterator[Address]:
        copy = self.directory / f"database-{next(self.numbers)}"
        shutil.copytree(self.template, copy)
        yield self._address_in(copy)
        shutil.rmtree(copy)

    def close(self) -> None:
        shutil.rmtree(self.directory)

    def _address_in(self, directory: Path) -> Address:
        return Address(broker_url=self.broker_url, database_url=f"sqlite:///{directory / 'database.sqlite3'}")


class RedisLane(SQLiteLane):
    """Plain Celery on Redis, results in Redis, nothing of Workstate: the reference for the others."""

    name = "redis"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.redis = RedisServer(self.directory)

    @contextmanager
    def fresh_address(self) -> Iterator[Address]:
        url = f"{self.redis.url}/{next(self.numbers)}"
        with super().fresh_address() as address:
            yield replace(address, broker_url=url, result_backend=url)

    def close(self) -> None:
        self.redis.close()
        super().close()


class PostgreSQLLane(Lane):
    """`workstate://` over PostgreSQL; a fresh address is a database made from one migrated template."""

    name = "postgresql"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.prefix = f"workbench_{self.name.replace('-', '_')}_{os.getpid()}"
        try:
            self.server = psycopg.connect(f"{POSTGRESQL_URL}/postgres", autocommit=True, connect_timeout=3)
        except psycopg.OperationalError as error:
            raise LaneUnavailableError(f"PostgreSQL does not answer at {POSTGRESQL_URL}: {error}") from error

    @cached_property
    def template(self) -> str:
        template = f"{self.prefix}_template"
        self._execute("CREATE DATABASE {}", template)
        migrate(self._address_of(template))
        return template

    @contextmanager
    def fresh_address(self) -> Iterator[Address]:
        database = f"{self.prefix}_{next(self.numbers)}"
        self._execute("CREATE DATABASE {} TEMPLATE {}", database, self.template)
        yield self._address_of(database)
        self._execute("DROP DATABASE {} WITH (FORCE)", database)

    def close(self) -> None:
        if "template" in self.__dict__:
            self._execute("DROP DATABASE {} WITH (FORCE)", self.template)
        self.server.close()

    def _address_of(self, database: str) -> Address:
        return Address(broker_url="workstate://", database_url=f"{POSTGRESQL_URL}/{database}")

    def _execute(self, statement: str, *names: str) -> None:
        self.server.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


class BehindRedis(Lane):
    """A Redis of the lane's own in front of another lane's database."""

    has_outside_broker = True

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.redis = RedisServer(self.directory)

    @contextmanager
    def fresh_address(self) -> Iterator[Address]:
        with super().fresh_address() as address:
            yield replace(address, broker_url=f"{self.redis.url}/{next(self.numbers)}")

    def close(self) -> None:
        self.redis.close()
        super().close()


class RedisOverSQLiteLane(BehindRedis, SQLiteLane):
    """Redis in front of the ledger in a SQLite file."""

    name = "redis-over-sqlite"


class RedisOverPostgreSQLLane(BehindRedis, PostgreSQLLane):
    """Redis in front of the ledger in PostgreSQL."""

    name = "redis-over-postgresql"


class RabbitMQLane(PostgreSQLLane):
    """RabbitMQ in front of the ledger in PostgreSQL; each address has a virtual host of its own."""

    name = "rabbitmq-over-postgresql"
    has_outside_broker = True

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        if shutil.which("rabbitmqctl") is None:
            raise LaneUnavailableError("rabbitmqctl is not installed.")
        self._unused: list[str] = []
        self._made: list[str] = []

    @contextmanager
    def fresh_address(self) -> Iterator[Address]:
        with super().fresh_address() as address:
            yield replace(address, broker_url=f"{RABBITMQ_URL}/{self._fresh_vhost()}")

    def close(self) -> None:
        self._evaluate(f'[rabbit_vhost:delete(V, <<"workbench">>) || V <- {_binaries(self._made)}].')
        super().close()

    def _fresh_vhost(self) -> str:
        if not self._unused:  # a call takes a second, so it makes many
            self._unused = [f"{self.prefix}_{next(self.numbers)}" for _ in range(VHOSTS_AT_ONCE)]
            self._made += self._unused
            self._evaluate(
                '[begin rabbit_vhost:add(V, <<"workbench">>), rabbit_auth_backend_internal:set_permissions('
                '<<"guest">>, V, <<".*">>, <<".*">>, <<".*">>, <<"workbench">>) end'
                f" || V <- {_binaries(self._unused)}]."
            )
        return self._unused.pop()

    @staticmethod
    def _evaluate(expression: str) -> None:
        done = subprocess.run(
            ["rabbitmqctl", "--quiet", "eval", expression], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise LaneUnavailableError(f"rabbitmqctl failed: {done.stderr.strip()}")


def _binaries(names: list[str]) -> str:
    """Write names as Erlang does."""
    return "[" + ", ".join(f'<<"{name}">>' for name in names) + "]"


class RedisServer:
    """A Redis of the test session's own, on a free port, that keeps nothing on disk."""

    def __init__(self, directory: Path) -> None:
        if (program := shutil.which("redis-server")) is None:
            raise LaneUnavailableError("redis-server is not installed.")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._server = subprocess.Popen(
            [program, "--port", str(self.port), "--databases", str(REDIS_DATABASES), "--save", ""],
            cwd=directory,
            stdout=subprocess.DEVNULL,
        )
        wait_until(self.answers)

    def answers(self) -> bool:
        """Tell whether it takes commands."""
        try:
            with redis.Redis(port=self.port) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False

    def close(self) -> None:
        """End it."""
        self._server.terminate()
        self._server.wait()


def migrate(address: Address) -> None:
    """Make the tables of the test project."""
    command = [sys.executable, "-m", "django", "migrate", "--verbosity", "0"]
    subprocess.run(command, env=address.environment(), check=True)


def free_port() -> int:
    """A TCP port on which nobody listens now."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


LANES: dict[str, type[Lane]] = {
    lane.name: lane
    for lane in (
        RedisLane,
        SQLiteLane,
        PostgreSQLLane,
        RedisOverSQLiteLane,
        RedisOverPostgreSQLLane,
        RabbitMQLane,
    )
}
