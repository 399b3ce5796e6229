"""SQLite files are made to bear many processes, where the project left it open."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction

from engine.jobs import new_job
from workstate.core.jobs.ledger import ledger_on
from workstate.core.jobs.models import Job


@pytest.fixture
def open_with(database):
    """Open the database with the options of a project."""
    opened = []

    def open_connection(name=None, **options):
        before = connections.settings["default"]
        connections.settings["default"] = {**before, "NAME": name or before["NAME"], "OPTIONS": options}
        try:
            opened.append(connections.create_connection("default"))
            opened[-1].ensure_connection()
        finally:
            connections.settings["default"] = before
        return opened[-1]

    yield open_connection
    for connection in opened:
        connection.close()


def pragma(connection, name):
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {name}")
        return cursor.fetchone()[0]


def test_project_that_says_nothing_gets_a_patient_file_with_a_write_ahead_log(open_with):
    connection = open_with()

    assert pragma(connection, "journal_mode") == "wal"
    assert pragma(connection, "synchronous") == 1
    assert pragma(connection, "busy_timeout") == 20_000
    assert connection.transaction_mode == "IMMEDIATE"


def test_project_may_have_each_commit_wait_for_the_disk(open_with, settings):
    settings.WORKSTATE = {"SQLITE_SYNCHRONOUS": "FULL"}
    assert pragma(open_with(), "synchronous") == 2


def test_misspelt_wish_for_the_disk_is_refused(open_with, settings):
    settings.WORKSTATE = {"SQLITE_SYNCHRONOUS": "full"}
    with pytest.raises(ImproperlyConfigured, match="must be NORMAL or FULL"):
        open_with()


def test_what_the_project_says_is_left_alone(open_with):
    connection = open_with(timeout=3, transaction_mode="EXCLUSIVE", init_command="PRAGMA synchronous = FULL")

    assert pragma(connection, "synchronous") == 2
    assert pragma(connection, "busy_timeout") == 3000
    assert connection.transaction_mode == "EXCLUSIVE"


def test_database_in_memory_is_left_alone(open_with):
    connection = open_with(name=":memory:")

    assert pragma(connection, "journal_mode") == "memory"
    assert connection.transaction_mode is None


def test_writer_waits_for_another_transaction_to_end(open_with, database):
    """A deferred transaction that reads first and writes then would be refused at once."""
    first = open_with()
    ledger_on(first).execute("BEGIN IMMEDIATE")
    done = []

    def enqueue():
        with transaction.atomic():
            Job.objects.count()
            ledger_on(connections["default"]).insert([new_job("patient")])
        done.append(True)
        connections["default"].close()

    thread = threading.Thread(target=enqueue)
    thread.start()
    thread.join(0.2)
    assert not done
    ledger_on(first).execute("COMMIT")
    thread.join(10)

    assert done
    assert Job.objects.get().task_id == "patient"


def test_celery_knows_the_broker_before_django_is_set_up(database):
    """Celery's command imports what names the transport before any project."""
    code = (
        "import workstate.core.worker.commands; from kombu import Connection;"
        "print(Connection('workstate://').transport.driver_type)"
    )
    told = run("-c", code, env=database.environment())
    assert told.stdout.strip() == "workstate", told.stderr


def test_celery_counts_the_jobs_of_a_project(database):
    told = run("-m", "celery", "-A", "workstate", "jobs", env=database.environment())
    assert "The ledger holds no jobs." in told.stdout, told.stderr


def run(*arguments, env):
    return subprocess.run([sys.executable, *arguments], env=env, capture_output=True, text=True, check=False)
