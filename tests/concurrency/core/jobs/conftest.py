"""What these tests do beside themselves, and how they learn that it waits for them."""

from __future__ import annotations

import threading

import pytest
from django.db import connections

from engine.fixtures import app, connect, ledger, nothing_left_behind, worker

__all__ = ["app", "connect", "ledger", "nothing_left_behind", "worker"]


@pytest.fixture
def in_thread(database):
    """Run a function beside the test; gives a way to wait for what it returned."""
    threads = []

    def start(function):
        outcome = []

        def run():
            try:
                outcome.append(function())
            finally:
                connections.close_all()

        threads.append(threading.Thread(target=run))
        threads[-1].start()

        def result():
            threads[-1].join(30)
            [value] = outcome
            return value

        return result

    yield start
    for thread in threads:
        thread.join(30)


@pytest.fixture
def someone_waits(connect):
    """Wait until somebody waits for a lock."""

    def wait():
        watcher = connect()
        deadline = threading.Event()
        for _ in range(1500):
            with watcher.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted LIMIT 1")
                if cursor.fetchone():
                    return
            deadline.wait(0.02)
        raise AssertionError("nobody waits for a lock")

    return wait
