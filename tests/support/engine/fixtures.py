"""Fixtures that the engine's tests import into their conftest."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from celery import Celery, _state
from django.db import connection, connections

from engine.inline import InlineWorker
from workstate.core.broker import registration
from workstate.core.broker.control.sqlite import SqliteControlStore
from workstate.core.broker.holdings import Holdings
from workstate.core.jobs import connections as ledger_connections
from workstate.core.jobs.ledger import ledger_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

    from real_databases import RealDatabase
    from workstate.core.jobs.ledger import Ledger


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test has connections of its own, and no lease thread outlives it."""
    if "database" in request.fixturenames:
        request.getfixturevalue("database")  # first in, last out
    yield
    for (pid, _), holdings in list(Holdings._of_process.items()):
        if pid == os.getpid():
            holdings._lease._stopping.set()
            if holdings._lease._thread.is_alive():
                holdings._lease._thread.join(5)
    Holdings._of_process.clear()
    for private in ledger_connections._private.values():
        private.inc_thread_sharing()
        private.close()
    ledger_connections._private.clear()
    for (_, thread, _), store in SqliteControlStore._stores.items():
        if thread == threading.get_ident():
            store._connection.close()
    SqliteControlStore._stores.clear()


@pytest.fixture
def ledger(database: RealDatabase) -> Ledger:
    """The ledger through Django's own connection, as a publisher has it."""
    return ledger_on(connection)


@pytest.fixture
def connect(database: RealDatabase) -> Iterator[Callable[[], BaseDatabaseWrapper]]:
    """Open another connection, as another process would."""
    opened: list[BaseDatabaseWrapper] = []

    def open_connection() -> BaseDatabaseWrapper:
        opened.append(connections.create_connection("default"))
        return opened[-1]

    yield open_connection
    for other in opened:
        other.inc_thread_sharing()
        other.close()


@pytest.fixture
def app(database: RealDatabase) -> Iterator[Celery]:
    """A project's Celery application on `workstate://`, with nothing set besides."""
    before = (_state._tls.current_app, _state.default_app)
    app = Celery("engine", broker="workstate://", backend="workstate://", set_as_current=False)
    registration.adopt(app)
    app.set_current()
    app.set_default()
    app.conf.worker_hijack_root_logger = False
    app.finalize()
    yield app
    _state._tls.current_app, _state.default_app = before
    app.close()


@pytest.fixture
def worker(app: Celery) -> Iterator[InlineWorker]:
    worker = InlineWorker(app)
    yield worker
    worker.close()


def task_of(app: Celery, function: Callable[..., Any], **options: Any) -> Any:
    """Register a task under the function's own name."""
    return app.task(name=function.__name__, shared=False, **options)(function)
