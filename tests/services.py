"""Says which services the tests find and what is skipped without them; with CI set, a missing one is an error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass

import psycopg

POSTGRESQL_URL = os.environ.get("TEST_POSTGRESQL_URL", "postgres://postgres@127.0.0.1:5432")
CONNECT_SECONDS = 3
CONNECTIONS = 300
"""Many workers stand at once, each with a dozen connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Something that some tests need and a machine may not have."""

    name: str
    found: str | None
    without_it: str


def main() -> int:
    """Print one line for each service; return 1 when CI lacks one."""
    services = [
        Service(name="PostgreSQL", found=_postgresql(), without_it="tests marked `postgresql` are skipped"),
        Service(name="Redis", found=shutil.which("redis-server"), without_it="tests marked `redis` are skipped"),
        Service(name="RabbitMQ", found=_rabbitmq(), without_it="tests marked `rabbitmq` are skipped"),
        Service(name="Chromium", found=shutil.which("chromium"), without_it="tests marked `browser` are skipped"),
    ]
    for service in services:
        print(f"{service.name:<10}  {service.found or f'not found: {service.without_it}'}")
    is_complete = all(service.found for service in services)
    if not is_complete and os.environ.get("CI"):
        print("CI must have all of them.", file=sys.stderr)
        return 1
    return 0


def _postgresql() -> str | None:
    try:
        with psycopg.connect(f"{POSTGRESQL_URL}/postgres", connect_timeout=CONNECT_SECONDS) as connection:
            info = connection.info
            allowed = int(connection.execute("SHOW max_connections").fetchone()[0])
            few = (
                f", but only {allowed} connections: {CONNECTIONS} are needed for all lanes"
                if allowed < CONNECTIONS
                else ""
            )
            return f"{info.server_version // 10_000} at {info.host}:{info.port}{few}"
    except psycopg.OperationalError:
        return None


def _rabbitmq() -> str | None:
    program = shutil.which("rabbitmqctl")
    if program is None or subprocess.run([program, "--quiet", "ping"], capture_output=True, check=False).returncode:
        return None
    return program


if __name__ == "__main__":
    sys.exit(main())
