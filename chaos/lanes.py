"""Who keeps and carries the jobs: each lane starts what it needs, and says which faults it can be struck by."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, ClassVar

from chaos.proxy import Proxy
from chaos.servers import PostgreSQLServer, RabbitMQServer, RedisServer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from chaos.servers import Server

SQLITE = "sqlite"
PROXY = "proxy"
SERVERS: dict[str, type[PostgreSQLServer | RedisServer | RabbitMQServer]] = {
    "postgresql": PostgreSQLServer,
    "redis": RedisServer,
    "rabbitmq": RabbitMQServer,
}


class Lane:
    """A ledger's database and, in full mode, a broker; processes in odd seats reach servers through proxies."""

    name: ClassVar[str]
    database: ClassVar[str]
    """`sqlite`, or the name of a server."""
    broker: ClassVar[str | None] = None
    """The name of a server; without one the ledger is the broker."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.servers: dict[str, Server] = {}
        self.proxies: dict[str, Proxy] = {}
        self._exits = ExitStack()

    @classmethod
    def server_names(cls) -> list[str]:
        """Return which servers it starts."""
        return [name for name in (cls.database, cls.broker) if name in SERVERS]

    @classmethod
    def features(cls) -> frozenset[str]:
        """Return what faults may ask for: the servers, `sqlite`, and `proxy`."""
        names = cls.server_names()
        return frozenset({cls.database, *names, *([PROXY] if names else [])})

    def start(self) -> None:
        """Start the servers and a proxy before each."""
        for name in self.server_names():
            server = self.servers[name] = SERVERS[name](self.directory / name)
            server.start()
            self._exits.callback(server.stop)
            proxy = self.proxies[name] = Proxy(server.port)
            self._exits.callback(proxy.close)

    def stop(self) -> None:
        """End them."""
        self._exits.close()

    def addresses(self, *, by_proxy: bool) -> Mapping[str, str]:
        """Return the variables that tell a process where database and broker are."""
        urls = {name: self._url(name, by_proxy=by_proxy) for name in self.servers}
        return {
            "DATABASE_URL": urls.get(self.database, f"sqlite:///{self.sqlite_file}"),
            "CELERY_BROKER_URL": urls.get(self.broker or "", "workstate://"),
        }

    @property
    def sqlite_file(self) -> Path:
        """The ledger's file, if it is one."""
        return self.directory / "ledger.sqlite3"

    def _url(self, name: str, *, by_proxy: bool) -> str:
        server: PostgreSQLServer | RedisServer | RabbitMQServer = self.servers[name]  # type: ignore[assignment]
        return server.url(self.proxies[name].port if by_proxy else None)


class SQLiteLane(Lane):
    """`workstate://` over a file."""

    name = "sqlite"
    database = SQLITE


class PostgreSQLLane(Lane):
    """`workstate://` over a server."""

    name = "postgresql"
    database = "postgresql"


class RedisLane(Lane):
    """Redis before a ledger in PostgreSQL."""

    name = "redis"
    database = "postgresql"
    broker = "redis"


class RedisOverSQLiteLane(Lane):
    """Redis before a ledger in a file."""

    name = "redis-sqlite"
    database = SQLITE
    broker = "redis"


class RabbitMQLane(Lane):
    """RabbitMQ before a ledger in PostgreSQL."""

    name = "rabbitmq"
    database = "postgresql"
    broker = "rabbitmq"


LANES: dict[str, type[Lane]] = {
    lane.name: lane for lane in (SQLiteLane, PostgreSQLLane, RedisLane, RedisOverSQLiteLane, RabbitMQLane)
}
