"""Traffic that may be lost: who gets it, how long it lives, and that losing it harms no job."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.db import connection

from real_databases import BOTH_DATABASES
from workstate.core.broker.control import Binding, control_file, control_store
from workstate.core.broker.control import base as control
from workstate.core.broker.control.sqlite import SqliteControlStore

pytestmark = BOTH_DATABASES

MINUTES = 60


@pytest.fixture
def store(database):
    return control_store("default")


@pytest.fixture
def clock(monkeypatch):
    """Let time pass: `clock(seconds)`."""
    now = [1_000_000.0]
    monkeypatch.setattr(control.time, "time", lambda: now[0])

    def pass_time(seconds):
        now[0] += seconds

    return pass_time


def test_messages_are_taken_once_and_oldest_first(store):
    for queue, payload in (("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")):
        store.put(queue, payload)

    assert store.take(["a", "b"]) == [("a", "1"), ("b", "2"), ("a", "3")]
    assert store.take(["a", "b"]) == []
    assert store.take(["c"]) == [("c", "4")]


def test_messages_that_waited_too_long_are_not_delivered(store, clock):
    store.put("a", "old")
    clock(control.MESSAGE_TTL_SECONDS + 1)
    store.put("a", "new")

    assert store.take(["a"]) == [("a", "new")]


def test_binding_lives_while_it_is_refreshed(store, clock):
    store.bind("exchange", Binding("key", "pattern", "queue"))
    for _ in range(5):
        clock(control.BINDING_TTL_SECONDS - 1)
        store.refresh(["queue"])

    assert store.bindings("exchange") == [Binding("key", "pattern", "queue")]
    clock(control.BINDING_TTL_SECONDS + 1)
    assert store.bindings("exchange") == []


def test_binding_made_twice_is_one(store):
    for _ in range(2):
        store.bind("exchange", Binding("", "", "queue"))

    assert store.bindings("exchange") == [Binding("", "", "queue")]


def test_what_outlived_its_time_is_collected_and_nothing_else(store, clock):
    store.put("a", "old")
    store.bind("exchange", Binding("", "", "old"))
    clock(10 * MINUTES)
    store.put("a", "new")
    store.bind("exchange", Binding("", "", "new"))
    store.collect()

    assert store.size("a") == 1
    assert store.bindings("exchange") == [Binding("", "", "new")]


def test_deleted_queue_loses_its_messages_and_bindings(store):
    store.put("a", "1")
    store.put("b", "2")
    store.bind("exchange", Binding("", "", "a"))
    store.delete("a")

    assert (store.size("a"), store.size("b"), store.bindings("exchange")) == (0, 1, [])


def test_message_is_kept_though_the_caller_rolls_back(store):
    """It is no part of the caller's transaction, and needs none of its locks."""
    from django.db import transaction

    with transaction.atomic():
        connection.cursor().execute("UPDATE workstate_job SET state = state")
        store.put("a", "1")
        transaction.set_rollback(True)

    assert store.size("a") == 1


def test_store_of_a_file_is_a_file_beside_it(database):
    if database.vendor != "sqlite":
        pytest.skip("PostgreSQL keeps it in unlogged tables")
    name = connection.settings_dict["NAME"]

    assert control_file({"NAME": name}) == str(Path(name).with_name("database.control.sqlite3"))
    control_store("default").put("a", "1")
    assert Path(control_file({"NAME": name})).exists()


@pytest.mark.parametrize("name", [":memory:", "file:memorydb_default?mode=memory&cache=shared"])
def test_store_of_a_database_in_memory_is_in_memory(database, name):
    assert control_file({"NAME": name}) == ":memory:"


def test_forked_child_opens_a_store_of_its_own(database):
    if database.vendor != "sqlite":
        pytest.skip("PostgreSQL's store uses the private connection")
    store = control_store("default")
    assert control_store("default") is store
    child = os.fork()
    if child == 0:
        os._exit(int(control_store("default") is store))
    assert os.waitpid(child, 0)[1] == 0


def sqlite_only(database):
    if database.vendor != "sqlite":
        pytest.skip("only SQLite has a file")


def spoil(path):
    Path(path).write_bytes(b"no database at all" * 100)


def test_spoiled_control_file_is_made_anew(database):
    """It is written without syncing, so a power failure may leave anything in it; a worker must start all the same."""
    sqlite_only(database)
    path = control_file(connection.settings_dict)
    spoil(path)
    store = SqliteControlStore.at(path)
    store.put("a", "1")

    assert store.size("a") == 1


def test_error_of_the_control_file_is_a_connection_error(database, app):
    """Celery connects again then; anything else ends the worker."""
    sqlite_only(database)
    errors = app.connection_for_read().transport.connection_errors
    control_store("default").put("a", "1")
    control_store("default")._connection.execute(f"DROP TABLE {control.MESSAGES}")
    try:
        control_store("default").size("a")
    except errors:
        return
    pytest.fail("not raised as a connection error")
