"""Faults of the ledger's database."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from chaos.faults.base import NOBODY, Kind, one_of
from chaos.faults.servers import down, freeze
from chaos.lanes import SQLITE
from chaos.servers import PostgreSQLServer

if TYPE_CHECKING:
    from chaos.faults.base import Stage
    from chaos.plan import Fault

POSTGRESQL = "postgresql"


def _lock_file(stage: Stage, fault: Fault) -> str:
    connection = sqlite3.connect(stage.lane.sqlite_file, timeout=20, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        connection.close()
        return NOBODY
    stage.heal_after(fault.seconds, connection.close)
    return "the file"


def _kill_backend(stage: Stage, fault: Fault) -> str:
    process = one_of(_postgresql(stage).backends(), fault)
    if process is None:
        return NOBODY
    with suppress(psutil.NoSuchProcess):
        process.kill()
    return str(process.pid)


def _end_backends(stage: Stage, fault: Fault) -> str:
    backends = _postgresql(stage).backends()
    for process in backends:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    return f"{len(backends)} connections"


def _postgresql(stage: Stage) -> PostgreSQLServer:
    server = stage.lane.servers[POSTGRESQL]
    assert isinstance(server, PostgreSQLServer)
    return server


def _kill_postmaster(stage: Stage) -> None:
    _postgresql(stage).kill_postmaster()


def _stop_immediately(stage: Stage) -> None:
    _postgresql(stage).stop_immediately()


NEEDS_FILE = frozenset({SQLITE})
NEEDS_SERVER = frozenset({POSTGRESQL})
LONGER_THAN_OTHERS_WAIT = (21, 24)

KINDS = (
    Kind(name="lock the file", strike=_lock_file, weight=3, needs=NEEDS_FILE, seconds=(0.2, 6)),
    Kind(
        name="lock the file for long", strike=_lock_file, weight=0.5, needs=NEEDS_FILE, seconds=LONGER_THAN_OTHERS_WAIT
    ),
    Kind(name="kill PostgreSQL", strike=down(POSTGRESQL), weight=2, needs=NEEDS_SERVER, seconds=(0, 3)),
    Kind(name="kill the postmaster", strike=down(POSTGRESQL, _kill_postmaster), needs=NEEDS_SERVER, seconds=(0, 1)),
    Kind(name="stop PostgreSQL", strike=down(POSTGRESQL, _stop_immediately), needs=NEEDS_SERVER, seconds=(0, 8)),
    Kind(name="kill a backend", strike=_kill_backend, weight=2, needs=NEEDS_SERVER),
    Kind(name="end all backends", strike=_end_backends, weight=2, needs=NEEDS_SERVER),
    Kind(name="freeze PostgreSQL", strike=freeze(POSTGRESQL), weight=2, needs=NEEDS_SERVER, seconds=(0.5, 5)),
)
