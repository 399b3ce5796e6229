"""Each check against the thing itself, well and broken."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, contextmanager
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.utils import timezone
from websockets.sync.server import serve

from real_databases import BOTH_DATABASES
from workstate.core.health import checks, registry
from workstate.core.health.checks import database as database_check
from workstate.core.health.checks import versions as versions_check
from workstate.core.health.findings import Finding, Level, worst_level
from workstate.core.health.registry import Context, known_tags, run_checks
from workstate.core.jobs.models import Job, Process

if TYPE_CHECKING:
    from collections.abc import Iterator

assert checks  # importing them registers them


def run(*tags: str, **context) -> list[Finding]:
    return run_checks(Context(**context), only=tags)


def levels(findings: list[Finding], name: str) -> list[Level]:
    return [finding.level for finding in findings if finding.name == name]


@pytest.fixture
def file(database) -> Path:
    connections["default"].close()
    return Path(connections["default"].settings_dict["NAME"])


@BOTH_DATABASES
def test_healthy_database_is_well(database) -> None:
    findings = run("database")
    assert worst_level(findings) == Level.OK
    assert {finding.name for finding in findings} == {"database", "migrations"}


@BOTH_DATABASES
def test_database_check_changes_nothing(database) -> None:
    before = Job.objects.count()
    run("database")
    assert Job.objects.count() == before
    assert connections["default"].get_autocommit()


def test_database_that_cannot_be_opened_is_a_finding_with_a_command(database, tmp_path) -> None:
    connections["default"].close()
    connections["default"].settings_dict["NAME"] = connections.settings["default"]["NAME"] = str(tmp_path / "no" / "db")
    findings = run("database")
    assert levels(findings, "database") == [Level.ERROR]
    assert "cannot be opened" in findings[0].what
    assert findings[0].why
    assert findings[0].command.startswith("ls -ld")


def test_database_that_another_program_locks_is_a_finding(file, monkeypatch) -> None:
    monkeypatch.setattr(database_check, "LOCK_PATIENCE_MILLISECONDS", 50)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        [finding, *_] = run("database")
    assert (finding.level, finding.command) == (Level.ERROR, f"fuser -v {file}")
    assert "locked by another program" in finding.what


def test_database_that_is_read_only_is_a_finding(file, monkeypatch) -> None:
    name = f"file:{file}?mode=ro"
    monkeypatch.setitem(connections.settings["default"], "NAME", name)
    monkeypatch.setitem(connections.settings["default"], "OPTIONS", {"uri": True, "init_command": "SELECT 1"})
    [finding, *_] = run("database")
    assert finding.level == Level.ERROR
    assert "cannot be written to" in finding.what


def test_file_that_is_no_database_is_a_finding(file) -> None:
    file.write_bytes(b"this is a letter, not a database" * 100)
    [finding, *_] = run("database")
    assert finding.level == Level.ERROR
    assert "is damaged" in finding.what


def test_full_disk_is_a_finding(file) -> None:
    [finding] = [database_check._explain("database or disk is full")]
    assert (finding.level, finding.command) == (Level.ERROR, f"df -h {file.parent}")


@pytest.mark.parametrize(("free", "level"), [(10 * 1024**2, Level.ERROR), (100 * 1024**2, Level.WARNING)])
def test_disk_that_fills_up_is_a_finding_before_it_is_full(file, monkeypatch, free, level) -> None:
    usage = database_check.shutil.disk_usage(file.parent)._replace(free=free)
    monkeypatch.setattr(database_check.shutil, "disk_usage", lambda _: usage)
    assert levels(run("database"), "database") == [level]


def test_database_without_a_write_ahead_log_is_a_warning(file, monkeypatch) -> None:
    with closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
    monkeypatch.setitem(connections.settings["default"], "OPTIONS", {"init_command": "PRAGMA journal_mode = DELETE"})
    [finding, *_] = run("database")
    assert (finding.level, "mode delete" in finding.what) == (Level.WARNING, True)


@pytest.mark.parametrize("database", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True)
def test_postgresql_that_takes_no_writes_is_a_finding(database, monkeypatch) -> None:
    monkeypatch.setitem(connections.settings["default"], "OPTIONS", {"options": "-c default_transaction_read_only=on"})
    [finding, *_] = run("database")
    assert finding.level == Level.ERROR
    assert "takes no writes" in finding.what


def test_postgresql_that_is_away_is_a_finding(database, monkeypatch) -> None:
    away = {"ENGINE": "django.db.backends.postgresql", "NAME": "db", "HOST": "127.0.0.1", "PORT": "1"}
    connections["default"].close()
    monkeypatch.delattr(connections._connections, "default")
    for key, value in away.items():
        monkeypatch.setitem(connections.settings["default"], key, value)
    findings = run("database")
    assert levels(findings, "database") == [Level.ERROR]
    assert levels(findings, "migrations") == [Level.ERROR]
    assert "cannot be used" in findings[0].what


@BOTH_DATABASES
def test_missing_migration_is_an_error_and_an_unknown_one_a_warning(database) -> None:
    newest = "SELECT MAX(name) FROM django_migrations WHERE app = 'workstate'"
    rename = "UPDATE django_migrations SET name = %s WHERE app = 'workstate' AND name = %s"
    with connections["default"].cursor() as cursor:
        cursor.execute(newest)
        [name] = cursor.fetchone()
        cursor.execute(rename, ["9999_future", name])
        findings = run("migrations")
        cursor.execute(rename, [name, "9999_future"])
    assert levels(findings, "migrations") == [Level.ERROR, Level.WARNING]
    assert findings[0].command == "python manage.py migrate"
    assert "workstate.9999_future" in findings[1].what


@BOTH_DATABASES
def test_nobody_running_is_an_error_for_worker_scheduler_and_canary(database) -> None:
    findings = run("worker", "scheduler")
    assert [(finding.name, finding.level) for finding in findings] == [
        ("worker", Level.ERROR),
        ("scheduler", Level.ERROR),
        ("queue canary", Level.ERROR),
    ]
    assert findings[0].command == "celery -A workstate worker --loglevel=info"


def test_live_processes_are_well(start_process) -> None:
    start_process(Process.Kind.SCHEDULER)
    start_process(Process.Kind.WORKER)
    findings = run("worker", "scheduler", patience=timedelta(milliseconds=50))
    assert levels(findings, "worker") == [Level.OK]
    assert levels(findings, "scheduler") == [Level.OK]


def test_queue_that_waits_for_nobody_is_a_warning(start_process, make_job) -> None:
    start_process(Process.Kind.WORKER, queues="default")
    make_job(1, queue="ai").save()
    findings = run("worker", patience=timedelta(milliseconds=50))
    assert levels(findings, "worker") == [Level.OK, Level.WARNING]
    assert findings[1].command == "celery -A workstate worker --queues=ai"


def test_canary_that_does_not_come_back_is_an_error(start_process) -> None:
    start_process(Process.Kind.WORKER)
    [finding] = run("queue", patience=timedelta(milliseconds=50))
    assert (finding.level, finding.what) == (Level.ERROR, "a job sent just now was not done after 0.05 s")


def test_canary_in_a_process_that_runs_tasks_itself_is_well(start_process, celery_eager) -> None:
    start_process(Process.Kind.WORKER)
    [finding] = run("queue")
    assert finding.level == Level.OK


@pytest.mark.parametrize(
    ("status", "level"),
    [
        (HTTPStatus.FORBIDDEN, Level.OK),
        (HTTPStatus.NOT_FOUND, Level.ERROR),
        (HTTPStatus.INTERNAL_SERVER_ERROR, Level.ERROR),
        (None, Level.ERROR),
    ],
)
def test_socket_is_well_when_it_refuses_strangers(status, level) -> None:
    with answering(status) as address:
        [finding] = run("web", web_address=address)
    assert finding.level == level
    assert address in finding.what


def test_web_that_is_away_is_an_error() -> None:
    [finding] = run("web", web_address="http://127.0.0.1:1")
    assert (finding.level, finding.command) == (Level.ERROR, "workstate up")


@contextmanager
def answering(status: HTTPStatus | None) -> Iterator[str]:
    """Serve a WebSocket that answers handshakes with that status, or accepts them."""

    def answer(connection, request):
        return connection.respond(status, "") if status else None

    with serve(lambda _: None, "127.0.0.1", 0, process_request=answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        server.shutdown()
        thread.join()


def test_versions_are_named_and_old_ones_are_findings(database, monkeypatch) -> None:
    [finding] = run("versions")
    assert finding.level == Level.OK
    monkeypatch.setattr(versions_check, "TESTED_CELERY", "9.9")
    monkeypatch.setattr(versions_check, "OLDEST_SQLITE", (9, 0, 0))
    assert [finding.level for finding in run("versions")] == [Level.OK, Level.WARNING, Level.ERROR]


def test_check_that_breaks_becomes_a_finding_and_the_others_run(database, monkeypatch) -> None:
    def broken(_: Context) -> Iterator[Finding]:
        raise ZeroDivisionError("what a day")
        yield

    monkeypatch.setitem(
        registry._checks, "broken", registry.Check(name="broken", tags=frozenset({"versions"}), ask=broken)
    )
    findings = run("versions")
    assert [finding.level for finding in findings] == [Level.OK, Level.ERROR]
    assert "ZeroDivisionError: what a day" in findings[1].what


def test_every_trouble_says_why_it_matters_and_what_to_do(database) -> None:
    for finding in run(*known_tags(), web_address="http://127.0.0.1:1"):
        assert finding.level == Level.OK or (finding.why and finding.command)


@BOTH_DATABASES
def test_history_that_is_not_pruned_is_a_warning(database) -> None:
    now = timezone.now()
    common = {"task": "a.b", "queue": "ai", "headers": "{}", "properties": "{}", "body": "", "state": "completed"}
    for task_id, age in (("young", timedelta(days=7, minutes=30)), ("old", timedelta(days=9))):
        Job.objects.create(task_id=task_id, enqueued_at=now, available_at=now, ended_at=now - age, **common)

    [finding] = run("retention")
    assert (finding.level, finding.command) == (Level.WARNING, "workstate prune")
    assert "completed jobs are kept for 168 hours, and the oldest ended 216 hours ago" in finding.what
    Job.objects.filter(task_id="old").delete()
    assert levels(run("retention"), "retention") == [Level.OK]
