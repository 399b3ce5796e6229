from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import psutil
import pytest

from calls import Calls
from workstate.core.wakeup import open_watcher
from workstate.core.wakeup import sqlite as sqlite_module
from workstate.core.wakeup.sqlite import SQLiteWatcher

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "some.sqlite3"
    make_file(path)
    return path


def make_file(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE thing (id INTEGER)")


def commit(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO thing VALUES (1)")


def started(path: Path, *more: Path) -> tuple[SQLiteWatcher, Calls]:
    calls = Calls()
    watcher = SQLiteWatcher([path, *more], calls)
    watcher.start()
    return watcher, calls


def test_commit_to_a_file_watched_also_calls(database, path, watch):
    calls = watch(also=[path])
    before = time.monotonic()
    commit(path)
    calls.wait_for_call_after(before)


def test_commit_in_a_rollback_journal_calls(tmp_path):
    path = tmp_path / "journal.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE thing (id INTEGER)")
    watcher, calls = started(path)
    calls.wait_for(1)
    before = time.monotonic()
    commit(path)
    calls.wait_for_call_after(before)
    watcher.stop()


def test_file_that_appears_later_is_watched_from_then_on(tmp_path):
    path = tmp_path / "later.sqlite3"
    watcher, calls = started(path)
    assert calls.settle() == 0
    make_file(path)
    calls.wait_for(1)
    calls.settle()
    before = time.monotonic()
    commit(path)
    calls.wait_for_call_after(before)
    watcher.stop()


def test_file_that_is_replaced_is_watched_in_its_new_shape(path, tmp_path):
    watcher, calls = started(path)
    calls.wait_for(1)
    replacement = tmp_path / "replacement.sqlite3"
    make_file(replacement)
    calls.settle()
    before = time.monotonic()
    replacement.replace(path)
    calls.wait_for_call_after(before)
    calls.settle()
    before = time.monotonic()
    commit(path)
    calls.wait_for_call_after(before)
    watcher.stop()


def test_file_that_is_no_database_is_reported_once_and_watched_when_it_is_one(path, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    good = tmp_path / "good.sqlite3"
    shutil.copy(path, good)
    path.write_bytes(b"not a database" * 100)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    watcher, calls = started(path)
    while "is away" not in caplog.text:
        os.sched_yield()
    assert calls.settle() == 0
    good.replace(path)
    calls.wait_for(1)
    watcher.stop()
    assert caplog.text.count("is away") == 1
    assert caplog.text.count("is back") == 1


def test_without_inotify_commits_are_polled_for(path, monkeypatch):
    monkeypatch.setattr(sqlite_module, "find_directories", lambda _paths: None)
    watcher, calls = started(path)
    calls.wait_for(1)
    before = time.monotonic()
    commit(path)
    assert calls.wait_for_call_after(before) < 0.5
    watcher.stop()


def test_own_reads_do_not_keep_the_file_locked(path):
    watcher, calls = started(path)
    calls.wait_for(1)
    commit(path)
    calls.wait_for(2)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    assert busy == 0
    watcher.stop()


def test_idle_watcher_costs_next_to_nothing(path):
    watcher, calls = started(path)
    calls.wait_for(1)
    calls.settle()
    thread = next(t for t in psutil.Process().threads() if t.id == watcher._thread.native_id)
    before = thread.user_time + thread.system_time
    calls_before = len(calls)
    with pytest.raises(AssertionError, match="calls"):
        calls.wait_for(calls_before + 1, timeout=2.0)
    thread = next(t for t in psutil.Process().threads() if t.id == watcher._thread.native_id)
    assert thread.user_time + thread.system_time - before <= 0.02  # clock ticks are 10 ms: two of them at most
    watcher.stop()


@pytest.mark.django_db
def test_watcher_of_a_database_in_memory_only_ticks():
    calls = Calls()
    watcher = open_watcher("default", "workstate_test", calls)
    watcher.start()
    calls.wait_for(2)
    watcher.stop()
    assert calls.times[1] - calls.times[0] > 0.9
