"""What is due together is enqueued together: a handful of statements, and nobody suffers from another's fault."""

from datetime import UTC, datetime, timedelta

import pytest
from celery import current_app, signals
from django.db import connection
from django.test.utils import CaptureQueriesContext

from real_databases import BOTH_DATABASES
from workstate.core.health.tasks import canary
from workstate.core.jobs.models import Job
from workstate.core.jobs.unique import Unique
from workstate.core.schedules.celery_enqueue import CeleryEnqueue
from workstate.core.schedules.enqueuer import ScheduleEnqueuer, Tick
from workstate.core.schedules.models import Schedule, ScheduleRun
from workstate.core.schedules.services import run_now

pytestmark = [BOTH_DATABASES, pytest.mark.usefixtures("database")]

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TOO_LARGE_FOR_ANY_COLUMN = 10**30


@pytest.fixture
def enqueuer():
    enqueue = CeleryEnqueue(current_app)
    yield ScheduleEnqueuer(enqueue)
    enqueue.close()


def make_schedules(count, **fields):
    defaults = {"task": "workstate.core.health.tasks.canary", "args": ["song"], "timing": {"every_seconds": 60}}
    Schedule.objects.bulk_create(
        Schedule(
            name=f"{fields.get('task', 'schedule')} {number}",
            **defaults | {"starts_at": NOON, "next_run_at": NOON} | fields,
        )
        for number in range(count)
    )


def test_a_tick_takes_as_many_statements_for_fifty_schedules_as_for_five(enqueuer):
    make_schedules(5)
    enqueuer.tick(NOON)
    with CaptureQueriesContext(connection) as five:
        enqueuer.tick(NOON + MINUTE)
    make_schedules(45, task="another")
    with CaptureQueriesContext(connection) as fifty:
        assert enqueuer.tick(NOON + 2 * MINUTE).enqueued == 50

    assert len(fifty) == len(five)


def test_due_time_whose_unique_job_has_not_ended_is_a_duplicate_of_it(enqueuer, monkeypatch):
    monkeypatch.setattr(canary, "unique", Unique(), raising=False)
    make_schedules(1)
    make_schedules(1, task="another")
    assert enqueuer.tick(NOON) == Tick(enqueued=2, schedules=2)
    [holder] = Job.objects.filter(task=canary.name)

    assert enqueuer.tick(NOON + MINUTE) == Tick(enqueued=1, duplicates=1, schedules=2)
    runs = ScheduleRun.objects.filter(schedule__task=canary.name).order_by("due_at")
    assert [(run.outcome, run.task_id) for run in runs] == [
        ("enqueued", holder.task_id),
        ("duplicate", holder.task_id),
    ]
    run = run_now(Schedule.objects.get(task=canary.name))
    assert (run.outcome, run.task_id, run.is_manual) == ("duplicate", holder.task_id, True)


def test_duplicate_is_told_also_when_schedules_are_enqueued_one_by_one(enqueuer, monkeypatch):
    monkeypatch.setattr(canary, "unique", Unique(), raising=False)
    canary.delay("song")
    make_schedules(1)
    make_schedules(1, task="too large", options={"priority": TOO_LARGE_FOR_ANY_COLUMN})

    assert enqueuer.tick(NOON) == Tick(duplicates=1, refused=1, schedules=2)


def test_jobs_runs_and_next_due_times_agree(enqueuer):
    make_schedules(20)
    make_schedules(5, task="catches up", catch_up="run_all", starts_at=NOON - 3 * MINUTE, next_run_at=NOON - 3 * MINUTE)

    assert enqueuer.tick(NOON) == Tick(enqueued=40, schedules=25)
    assert set(Schedule.objects.values_list("next_run_at", flat=True)) == {NOON + MINUTE}
    runs = dict(ScheduleRun.objects.values_list("task_id", "outcome"))
    assert set(runs.values()) == {"enqueued"}
    assert sorted(runs) == sorted(Job.objects.values_list("task_id", flat=True))
    assert set(Job.objects.filter(task="catches up").values_list("state", flat=True)) == {"available"}


def test_a_job_that_the_database_refuses_is_refused_alone(enqueuer):
    make_schedules(3)
    make_schedules(1, task="broken", options={"priority": TOO_LARGE_FOR_ANY_COLUMN})

    assert enqueuer.tick(NOON) == Tick(enqueued=3, refused=1, schedules=4)
    assert Job.objects.count() == 3
    broken = Schedule.objects.get(task="broken")
    assert broken.problem
    assert broken.next_run_at == NOON + MINUTE
    assert list(broken.runs.values_list("outcome", "reason", "task_id")) == [("refused", broken.problem, "")]


def test_a_due_time_that_is_refused_after_its_publish_leaves_no_job():
    def fail_late(schedule, due_at):
        task_id = CeleryEnqueue(current_app)(schedule, due_at)
        if schedule.task == "broken":
            raise ValueError("not after all")
        return task_id

    make_schedules(2)
    make_schedules(1, task="broken")

    assert ScheduleEnqueuer(fail_late).tick(NOON) == Tick(enqueued=2, refused=1, schedules=3)
    assert not Job.objects.filter(task="broken").exists()


def test_a_signal_handler_that_breaks_the_transaction_harms_its_own_schedule_only(enqueuer):
    def query_nonsense(sender, **kwargs):
        if sender == "broken":
            with connection.cursor() as cursor:
                cursor.execute("SELECT nonsense FROM workstate_schedule")

    make_schedules(2)
    make_schedules(1, task="broken")
    signals.before_task_publish.connect(query_nonsense)
    try:
        done = enqueuer.tick(NOON)
    finally:
        signals.before_task_publish.disconnect(query_nonsense)

    # Celery swallows what a handler raises. SQLite's transaction goes on after it, PostgreSQL's does not.
    refused = int(connection.vendor == "postgresql")
    assert done == Tick(enqueued=3 - refused, refused=refused, schedules=3)
    assert Job.objects.count() == 3 - refused


def test_a_batch_whose_schedule_was_moved_under_it_leaves_that_one_out(enqueuer, monkeypatch):
    make_schedules(3)
    read = type(Schedule.objects.all()).locked_for_enqueuing

    def move_one_unseen(due):
        rows = list(read(due)[:100])
        Schedule.objects.filter(pk=rows[0].pk).update(next_run_at=NOON + 5 * MINUTE)
        return rows

    monkeypatch.setattr(type(Schedule.objects.all()), "locked_for_enqueuing", move_one_unseen)

    assert enqueuer.tick(NOON) == Tick(enqueued=2, lost=1, schedules=3)
    assert sorted(Schedule.objects.values_list("next_run_at", flat=True)) == [NOON + MINUTE] * 2 + [NOON + 5 * MINUTE]
