"""What every watcher does, on both databases."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time

import pytest
from django.db import connection, transaction

from calls import Calls
from real_databases import BOTH_DATABASES
from workstate.core import wakeup
from workstate.core.live.models import Stream
from workstate.core.wakeup import hint, open_watcher

pytestmark = BOTH_DATABASES

CHANNEL = "workstate_test"
OBSERVED_BOUND_SECONDS = 0.5


def commit() -> float:
    """Commit something with a hint; return when the commit was done."""
    with transaction.atomic():
        Stream.objects.update_or_create(name="test", defaults={"epoch": str(time.monotonic_ns())})
        hint("default", CHANNEL)
    return time.monotonic()


def test_watcher_calls_soon_after_a_commit(database, watch):
    calls = watch()
    before = time.monotonic()
    commit()
    assert calls.wait_for_call_after(before) < OBSERVED_BOUND_SECONDS


def test_watcher_hears_a_commit_of_another_process(database, watch):
    calls = watch()
    before = time.monotonic()
    script = (
        "import django; django.setup();"
        "from django.db import transaction; from workstate.core import live;"
        f"from workstate.core.wakeup import hint; live.publish('test', 'thing.happened', {{}}); hint('default', {CHANNEL!r})"
    )
    subprocess.run([sys.executable, "-c", script], env=database.environment(), check=True)
    calls.wait_for_call_after(before)


def test_rolled_back_transaction_hints_nothing(database, watch):
    calls = watch()
    with transaction.atomic():
        Stream.objects.create(name="gone", epoch="1")
        hint("default", CHANNEL)
        transaction.set_rollback(True)
    rolled_back = time.monotonic()
    if database.vendor == "sqlite":  # where each call follows a commit
        count = calls.settle()
        assert calls.times[count - 1] < rolled_back
    assert not wakeup._notifiers


def test_burst_of_commits_is_a_few_calls(database, watch):
    calls = watch()
    already = len(calls)
    before = time.monotonic()
    for _ in range(200):
        commit()
    lasted = time.monotonic() - before
    last = time.monotonic()
    commit()
    calls.wait_for_call_after(last)
    # At most one a millisecond, and what PostgreSQL adds of its own once a second.
    assert len(calls) - already <= lasted / 0.001 + lasted + 3


def test_watcher_goes_on_when_what_it_calls_fails(database, caplog):
    failures = Calls()

    def fail() -> None:
        failures()
        raise ValueError("a fault of the caller")

    watcher = open_watcher("default", CHANNEL, fail)
    watcher.start()
    failures.wait_for(1)
    count = failures.settle()
    commit()
    failures.wait_for(count + 1)
    watcher.stop()
    assert "a fault of the caller" in caplog.text


def test_stopped_watcher_leaves_no_thread_and_calls_no_more(database):
    calls = Calls()
    threads = threading.active_count()
    watcher = open_watcher("default", CHANNEL, calls)
    watcher.start()
    calls.wait_for(1)
    watcher.stop()
    watcher.stop()
    assert not [thread for thread in threading.enumerate() if "Watcher" in thread.name], threads
    count = len(calls)
    commit()
    assert calls.settle() == count


def test_watcher_can_be_stopped_by_what_it_calls(database):
    calls = Calls()

    def stop() -> None:
        watcher.stop()
        calls()

    watcher = open_watcher("default", CHANNEL, stop)
    watcher.start()
    calls.wait_for(1)
    assert calls.settle() == 1


def test_second_start_is_refused(database):
    watcher = open_watcher("default", CHANNEL, Calls())
    watcher.start()
    with pytest.raises(RuntimeError, match="started once"):
        watcher.start()
    watcher.stop()


def test_hint_costs_its_caller_microseconds(database):
    connection.ensure_connection()
    hint("default", CHANNEL)
    count = 2000
    before = time.perf_counter()
    with transaction.atomic():
        for _ in range(count):
            hint("default", CHANNEL)
    each = (time.perf_counter() - before) / count
    logging.getLogger(__name__).info("a hint costs %.1f µs", each * 1e6)
    assert each < 200e-6  # 20 µs are the budget; this only notices a query or a connection in it
