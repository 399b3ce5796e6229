"""Where a sample's services and files are: names of the variables that its processes inherit."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

DIRECTORY = "BENCH_DIRECTORY"
REDIS_URL = "BENCH_REDIS_URL"
POSTGRESQL_URL = "BENCH_POSTGRESQL_URL"

QUEUE_DATABASE = 0
RESULT_DATABASE = 1
COUNTER_DATABASE = 2

DEFAULT_POSTGRESQL_URL = "postgresql://postgres@127.0.0.1:5432/postgres"
PORTS = range(18600, 18700)


class NoFreePortError(Exception):
    """All ports that the benchmarks may use are taken."""


def directory() -> Path:
    """Return the directory that holds the sample's files."""
    return Path(os.environ[DIRECTORY])


def redis_url(database: int) -> str:
    """Return the address of a database of the sample's own Redis."""
    return f"{os.environ[REDIS_URL]}/{database}"


def postgresql_url() -> str:
    """Return the address of the PostgreSQL server, with the database to administer it from."""
    return os.environ.get(POSTGRESQL_URL) or DEFAULT_POSTGRESQL_URL


def sample_database_url() -> str:
    """Return the address of the PostgreSQL database that this sample makes and drops."""
    return urlunsplit(urlsplit(postgresql_url())._replace(path=f"/{sample_database_name()}"))


def sample_database_name() -> str:
    """Return a name that no other sample on this server uses; workers inherit it with the directory."""
    return "bench_" + directory().name.replace("-", "_").lower()


def free_port() -> int:
    """Return a port of the benchmarks' range that nothing listens on."""
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise NoFreePortError(f"ports {PORTS.start} to {PORTS.stop - 1} are all taken")
