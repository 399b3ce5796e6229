"""What is counted, and how it adds up in the table."""

from __future__ import annotations

import os

import pytest
from celery.exceptions import Reject
from django.db import OperationalError

from engine.fixtures import task_of
from engine.inline import DroppingPool
from engine.jobs import EXPIRED, elsewhere, new_job
from real_databases import BOTH_DATABASES
from workstate.core.jobs.connections import private_connection
from workstate.core.jobs.ledger import ledger_on
from workstate.core.telemetry import subscribe, tallies, unsubscribe
from workstate.core.telemetry.catalogue import JobCompleted, JobDiscarded, JobRescued, JobRetried
from workstate.core.telemetry.models import MetricTotal
from workstate.core.worker.rescuer import Rescuer

pytestmark = BOTH_DATABASES


@pytest.fixture
def heard():
    events = []

    def hear(event):
        events.append(event)

    subscribe(hear, JobCompleted, JobDiscarded, JobRescued, JobRetried)
    yield events
    unsubscribe(hear)


def add(x, y):
    return x + y


def fail(message):
    raise LookupError(message)


def retry(self):
    self.retry(countdown=0, max_retries=1)


def reject():
    raise Reject("no")


def totals(ledger=None):
    """Write what was counted; returns what the table says, without run times."""
    tallies.write(ledger or ledger_on(private_connection("default")))
    rows = MetricTotal.objects.exclude(metric__startswith="task_runtime")
    return {(row.metric, row.task, row.detail): row.total for row in rows}


def test_every_step_of_a_task_is_counted_by_task_and_queue(app, worker):
    work = task_of(app, add)
    for _ in range(3):
        work.delay(1, 2)
    worker.drain()

    assert totals() == {
        ("task_received", "add", ""): 3,
        ("task_started", "add", ""): 3,
        ("task_succeeded", "add", ""): 3,
    }
    assert set(MetricTotal.objects.values_list("queue", flat=True)) == {"celery"}


def test_run_times_fall_into_buckets_and_sum_up(app, worker):
    work = task_of(app, add)
    work.delay(1, 2)
    worker.drain()
    totals()

    rows = MetricTotal.objects.filter(metric="task_runtime_bucket")
    assert sum(row.total for row in rows) == 1
    assert {row.detail for row in rows} <= set(tallies.BUCKET_NAMES)
    assert 0 < MetricTotal.objects.get(metric="task_runtime_sum").total < 10


def test_failure_is_counted_with_the_class_of_its_exception(app, worker, heard):
    task_of(app, fail).delay("no")
    worker.drain()

    assert totals()["task_failed", "fail", "LookupError"] == 1
    [event] = heard
    assert (event.name, event.task, event.reason) == ("job.discarded", "fail", "failed")


def test_retry_and_rejection_are_counted_as_such(app, worker):
    task_of(app, retry, bind=True).delay()
    task_of(app, reject, acks_late=True).delay()
    worker.drain(limit=10)

    counted = totals()
    assert counted["task_retried", "retry", ""] == 1
    assert counted["task_failed", "retry", "MaxRetriesExceededError"] == 1
    assert counted["task_rejected", "reject", ""] == 1


def test_job_that_loses_its_process_is_told_as_rescued_and_in_the_end_as_failed(app, worker, heard):
    task_of(app, add).delay(1, 2)
    worker.pool = DroppingPool()
    worker.drain(limit=10)

    counted = totals()
    assert counted["task_failed", "add", "WorkerLostError"] == 1
    assert counted["events", "", "job.rescued"] == 2
    assert counted["events", "", "pool_process.lost"] == 3
    assert [event.name for event in heard] == ["job.rescued", "job.rescued", "job.discarded"]


def test_jobs_of_a_lost_worker_are_told_one_by_one(app, worker, heard, ledger):
    process = ledger.register(elsewhere(lease=EXPIRED))
    ledger.insert([new_job("a"), new_job("b")])
    ledger.claim(process, ["celery"], 2)

    Rescuer("default").rescue(judges_leases=True)

    assert {event.task_id for event in heard} == {"a", "b"}
    assert totals()["events", "", "process.lost"] == 1


def test_each_success_is_told_to_who_asks(app, worker, heard):
    task_of(app, add).delay(1, 2)
    worker.drain()
    [event] = heard
    assert (event.name, event.task, event.queue) == ("job.completed", "add", "celery")
    assert event.runtime_seconds >= 0


def test_totals_of_all_processes_add_up(ledger):
    for _ in range(2):
        tallies.count_discarded("work", "celery", "builtins.ValueError")
        totals(ledger)
    assert totals(ledger) == {("task_failed", "work", "ValueError"): 2}


def test_what_can_not_be_written_is_kept(ledger, monkeypatch):
    tallies.count_discarded("work", "celery", "builtins.ValueError")
    with monkeypatch.context() as away:

        def refuse(*args):
            raise OperationalError("away")

        away.setattr(tallies, "add_to_totals", refuse)
        with pytest.raises(OperationalError):
            tallies.write(ledger)
    tallies.count_discarded("work", "celery", "builtins.ValueError")
    assert totals(ledger) == {("task_failed", "work", "ValueError"): 2}


def test_more_tallies_than_fit_into_a_statement_are_written_all_the_same(ledger):
    for number in range(1201):
        tallies.count_discarded(f"work{number}", "celery", "builtins.ValueError")
    assert len(totals(ledger)) == 1201


def test_nothing_counted_is_nothing_written(ledger, django_assert_num_queries):
    with django_assert_num_queries(0):
        tallies.write(ledger)


def test_child_counts_for_itself(database):
    tallies.count_discarded("work", "celery", "builtins.ValueError")
    child = os.fork()
    if child == 0:
        os._exit(len(tallies._counts))
    _, status = os.waitpid(child, 0)
    assert (os.waitstatus_to_exitcode(status), len(tallies._counts)) == (0, 1)


def test_worker_writes_its_tallies_with_its_lease(app, worker, monkeypatch):
    monkeypatch.setattr("workstate.core.worker.lease.tallies", tallies)
    task_of(app, add).delay(1, 2)
    worker.drain()

    worker.holdings.stop()

    assert MetricTotal.objects.get(metric="task_succeeded").total == 1
