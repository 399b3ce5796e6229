"""Projects differ: without time zones, in another one, with jobs in a database of their own, with other SQLite files."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

import pytest
from celery.result import AsyncResult
from django.core.management import call_command
from django.db import connections, transaction
from django.utils import timezone

from engine.fixtures import task_of
from engine.inline import InlineWorker
from engine.jobs import job_row, new_job, new_process
from real_databases import BOTH_DATABASES
from workstate.core.jobs.bulk import enqueue_many
from workstate.core.jobs.connections import ledger_alias
from workstate.core.jobs.models import Job
from workstate.core.jobs.progress import report_progress
from workstate.core.jobs.waiting import cancel_waiting, count_waiting, purge


def work():
    report_progress(1, 2)
    return "done"


@BOTH_DATABASES
def test_project_without_time_zones_delays_and_retries(settings, app):
    settings.USE_TZ = False

    def work(self):
        if not self.request.retries:
            raise self.retry(countdown=0.01)
        return "done"

    worker = InlineWorker(app)
    task = task_of(app, work, bind=True)
    later = task.apply_async(countdown=3600)
    result = task.delay()
    worker.drain()
    assert job_row(later.id).state == "scheduled"
    assert abs(job_row(later.id).available_at - timezone.now() - timedelta(hours=1)) < timedelta(minutes=1)
    assert worker.ledger.next_due_at() is not None
    Job.objects.filter(task_id=result.id).update(available_at=timezone.now() - timedelta(hours=1))
    worker.ledger.promote_due()
    worker.drain()
    worker.close()

    assert result.get(timeout=1) == "done"


@BOTH_DATABASES
def test_project_in_another_time_zone_keeps_the_same_moments(settings, app, worker, ledger):
    settings.TIME_ZONE = "Asia/Kolkata"
    due = timezone.now() + timedelta(hours=1)
    result = task_of(app, work).apply_async(eta=due)

    assert job_row(result.id).available_at == due
    assert ledger.next_due_at() == due
    process_id = ledger.register(new_process())
    assert ledger.expired_processes(overdue=timedelta()) == []
    assert ledger.renew(process_id, new_process())


class JobsElsewhere:
    """A router as Django's documentation shows it."""

    def db_for_read(self, model, **hints):
        return "jobs" if model._meta.app_label == "workstate" else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return (db == "jobs") == (app_label == "workstate")


@pytest.fixture
def jobs_elsewhere(database, sqlite_template, tmp_path, settings):
    """The core's tables in a database `jobs`; `default` has them as well, and nobody may use those."""
    name = tmp_path / "jobs.sqlite3"
    connections.settings["jobs"] = {**connections.settings["default"], "NAME": str(name)}
    settings.DATABASE_ROUTERS = [JobsElsewhere()]
    call_command("migrate", "workstate", database="jobs", verbosity=0)
    yield
    connections["jobs"].close()
    del connections["jobs"], connections.settings["jobs"]


def test_jobs_in_a_database_of_their_own_are_enqueued_run_and_read_there(jobs_elsewhere, app):
    worker = InlineWorker(app)
    task = task_of(app, work)
    result = task.delay()
    [many] = enqueue_many(task, [()])
    assert (ledger_alias(), worker.drain()) == ("jobs", 2)
    worker.close()

    assert result.get(timeout=1) == "done"
    assert AsyncResult(many, app=app).state == "SUCCESS"
    assert Job.objects.using("jobs").count() == 2
    assert Job.objects.using("default").count() == 0


def test_jobs_in_a_database_of_their_own_belong_to_a_transaction_there(jobs_elsewhere, app):
    with transaction.atomic(using="jobs"):
        task_of(app, work).delay()
        transaction.set_rollback(True, using="jobs")

    assert not Job.objects.exists()


def test_jobs_in_a_database_of_their_own_are_counted_cancelled_and_purged_there(jobs_elsewhere, app):
    task = task_of(app, work)
    first, _ = task.delay(), task.delay()

    assert count_waiting("celery") == 2
    assert cancel_waiting(first.id, "revoked")
    assert purge("celery") == 1


def test_second_sqlite_file_that_is_read_only_can_still_be_read(database, tmp_path):
    name = tmp_path / "reference.sqlite3"
    with sqlite3.connect(name) as reference:
        reference.execute("CREATE TABLE town (name TEXT)")
    reference.close()
    connections.settings["reference"] = {
        **connections.settings["default"],
        "NAME": f"file:{name}?mode=ro",
        "OPTIONS": {"uri": True},
    }
    try:
        with connections["reference"].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM town")
            assert cursor.fetchone() == (0,)
    finally:
        connections["reference"].close()
        del connections["reference"], connections.settings["reference"]


@BOTH_DATABASES
def test_job_row_shows_itself_by_task_and_id(ledger):
    ledger.insert([new_job("seven")])

    assert str(Job.objects.get()) == "work[seven]"
