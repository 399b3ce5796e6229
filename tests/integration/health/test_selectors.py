"""What `workstate status` and the checks read, on both databases."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from real_databases import BOTH_DATABASES
from workstate.core.health import selectors
from workstate.core.jobs.models import Job, Process
from workstate.core.jobs.states import State
from workstate.core.schedules.models import Schedule

pytestmark = BOTH_DATABASES

ROWS = 2_000


def test_empty_ledger_has_nothing_to_show(database) -> None:
    assert selectors.list_queues() == []
    assert selectors.count_planned() == 0
    assert selectors.count_dead_letters() == 0
    assert selectors.list_dead_letters(5) == []
    assert selectors.list_live_processes(Process.Kind.WORKER) == []
    assert selectors.list_schedules() == []


def test_queue_tells_what_waits_what_runs_and_since_when(make_job) -> None:
    since = timezone.now() - timedelta(hours=1)
    Job.objects.bulk_create(
        [
            make_job(1, queue="ai", available_at=since),
            make_job(2, queue="ai"),
            make_job(3, State.EXECUTING, queue="ai"),
            make_job(4, State.EXECUTING, queue="default"),
            make_job(5, State.COMPLETED, queue="old"),
            make_job(6, queue="ai", lane="limited", limit_key="organisation"),
            make_job(7, queue="full", lane="limited", limit_key="organisation"),
        ]
    )
    assert [
        (queue.name, queue.waiting, queue.limited, queue.running, queue.oldest_since)
        for queue in selectors.list_queues()
    ] == [
        ("ai", 2, 1, 1, since),
        ("default", 0, 0, 1, None),
        ("full", 0, 1, 0, None),
    ]


def test_planned_jobs_are_those_that_wait_for_their_time(make_job) -> None:
    Job.objects.bulk_create([make_job(1, State.SCHEDULED), make_job(2, State.RETRYABLE), make_job(3)])
    assert selectors.count_planned() == 2


def test_dead_letters_come_newest_first_with_their_error(make_job) -> None:
    now = timezone.now()
    Job.objects.bulk_create(
        [
            make_job(
                1, State.DISCARDED, error_type="ValueError", error_message="no", ended_at=now - timedelta(hours=1)
            ),
            make_job(2, State.DISCARDED, reason="worker lost", ended_at=now),
            make_job(3, State.CANCELLED),
        ]
    )
    assert selectors.count_dead_letters() == 2
    assert [letter.error for letter in selectors.list_dead_letters(5)] == ["worker lost", "ValueError: no"]
    assert len(selectors.list_dead_letters(1)) == 1


def test_only_processes_that_renew_their_lease_are_alive(start_process) -> None:
    alive = start_process(Process.Kind.WORKER)
    start_process(Process.Kind.WORKER, lease=timedelta(seconds=-1))
    start_process(Process.Kind.WORKER, ended_at=timezone.now())
    start_process(Process.Kind.SCHEDULER)
    assert selectors.list_live_processes(Process.Kind.WORKER) == [alive]


def test_queue_that_no_worker_takes_from_is_unserved(make_job, start_process) -> None:
    Job.objects.bulk_create([make_job(1, queue="ai"), make_job(2, queue="default")])
    worker = start_process(Process.Kind.WORKER, queues="default,email_queue")
    assert selectors.list_unserved_queues([worker]) == ["ai"]


def test_schedules_that_are_on_come_in_the_order_of_their_times(database) -> None:
    now = timezone.now()
    for name, minutes, is_enabled in [("later", 2, True), ("soon", 1, True), ("off", 0, False)]:
        Schedule.objects.create(
            name=name,
            task="work",
            timing={"every_seconds": 60},
            starts_at=now,
            next_run_at=now + timedelta(minutes=minutes),
            is_enabled=is_enabled,
        )
    assert [schedule.name for schedule in selectors.list_schedules()] == ["soon", "later"]


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        (selectors.WAITING_BY_QUEUE, "workstate_job_claim"),
        (selectors.LIMITED_BY_QUEUE, "workstate_job_limited"),
        (selectors.RUNNING_BY_QUEUE, "workstate_job_held"),
        (selectors.PLANNED, "workstate_job_due"),
    ],
)
def test_counts_read_a_partial_index_however_many_rows_there_are(make_job, sql, index) -> None:
    fill(make_job)
    assert index in plan_of(sql, [])


def test_dead_letters_read_their_own_indexes(make_job) -> None:
    fill(make_job)
    for query in (Job.objects.dead_letters(), Job.objects.dead_letters().order_by("-ended_at")[:5]):
        plan = plan_of(*query.query.sql_with_params())
        assert "workstate_job_dead" in plan or "workstate_job_ended" in plan


def fill(make_job) -> None:
    """Let nearly all rows be completed ones, as after a year."""
    Job.objects.bulk_create(
        [
            *(make_job(number, State.COMPLETED) for number in range(ROWS)),
            *(
                make_job(number, state)
                for state in (State.AVAILABLE, State.SCHEDULED, State.DISCARDED)
                for number in range(9)
            ),
            make_job(1, State.EXECUTING),
        ]
    )
    with connection.cursor() as cursor:
        # With what other tests have left behind the partial indexes would look larger than they are.
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE workstate_job")


def plan_of(sql, parameters) -> str:
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}", parameters)
        return json.dumps(cursor.fetchall())
