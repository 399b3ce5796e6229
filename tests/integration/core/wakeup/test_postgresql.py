from __future__ import annotations

import logging
import time

import pytest
from django.db import connection

from calls import Calls
from workbench.waiting import wait_until
from workstate.core import wakeup
from workstate.core.wakeup import hint
from workstate.core.wakeup.notifier import Notifier
from workstate.core.wakeup.postgresql import PostgreSQLCarrier, PostgreSQLWatcher

CHANNEL = "workstate_test"

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.parametrize("database", ["postgresql"], indirect=True),
]


def kill_other_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_hint_on_another_channel_is_not_heard(database, watch):
    calls = watch()
    hint("default", "workstate_other")
    before = len(calls)
    assert calls.settle() <= before + 1  # the look that it takes each second may fall here


def test_watcher_calls_once_a_second_without_any_hint(database, watch):
    calls = watch()
    count = len(calls)
    calls.wait_for(count + 2)
    assert calls.times[-1] - calls.times[-2] == pytest.approx(1.0, abs=0.2)


def test_watcher_connects_again_and_reports_the_outage_once(database, watch, caplog):
    caplog.set_level(logging.INFO)
    calls = watch()
    kill_other_connections()
    wait_until(lambda: f"LISTEN {CHANNEL} is back" in caplog.text)
    calls.settle()
    before = time.monotonic()
    hint("default", CHANNEL)
    assert calls.wait_for_call_after(before) < 0.5
    assert caplog.text.count(f"LISTEN {CHANNEL} is away") == 1
    assert caplog.text.count(f"LISTEN {CHANNEL} is back") == 1


def test_watcher_of_a_server_that_is_not_there_calls_on_and_stops_at_once(database, caplog):
    calls = Calls()
    parameters = {"host": "127.0.0.1", "port": 1, "dbname": "none", "user": "nobody"}
    watcher = PostgreSQLWatcher(parameters, CHANNEL, calls)
    watcher.start()
    calls.wait_for(3)
    before = time.monotonic()
    watcher.stop()
    assert time.monotonic() - before < 1
    assert caplog.text.count("is away") == 1


def test_hint_after_the_notifier_lost_its_connection_arrives(database, watch, caplog):
    caplog.set_level(logging.INFO)
    watch()
    hint("default", CHANNEL)
    (notifier,) = wakeup._notifiers.values()
    wait_until(lambda: notifier._carrier._connection is not None and not notifier._pending)
    kill_other_connections()
    wait_until(lambda: f"LISTEN {CHANNEL} is back" in caplog.text)
    hint("default", CHANNEL)
    wait_until(lambda: "NOTIFY is back" in caplog.text)
    assert caplog.text.count("NOTIFY is away") == 1
    assert not notifier._pending


def test_many_hints_are_few_notifications(database):
    listener = connection.copy()
    with listener.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
    before = time.monotonic()
    while time.monotonic() - before < 0.2:
        hint("default", CHANNEL)
    wakeup.close_notifiers()
    lasted = time.monotonic() - before
    heard = list(listener.connection.notifies(timeout=0.2))
    listener.close()
    assert 2 <= len(heard) <= lasted / 0.005 + 2


def test_closing_the_notifiers_sends_what_is_pending(database):
    listener = connection.copy()
    with listener.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
    hint("default", CHANNEL)
    wakeup.close_notifiers()
    assert len(list(listener.connection.notifies(timeout=5, stop_after=1))) == 1
    listener.close()
    assert not wakeup._notifiers


def test_idle_notifier_gives_its_connection_back(database, monkeypatch):
    monkeypatch.setattr("workstate.core.wakeup.notifier.IDLE_SECONDS", 0.05)
    carrier = PostgreSQLCarrier(connection.get_connection_params())
    notifier = Notifier(carrier)
    notifier.request(CHANNEL)
    wait_until(lambda: carrier._connection is not None)
    wait_until(lambda: carrier._connection is None)
    notifier.request(CHANNEL)
    wait_until(lambda: carrier._connection is not None)
    notifier.stop()
