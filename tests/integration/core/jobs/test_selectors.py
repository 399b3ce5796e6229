"""Jobs are found by what a person knows of them, page by page, and quickly among many."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from engine.jobs import new_job
from real_databases import BOTH_DATABASES
from workstate.core.jobs.errors import JobNotFoundError
from workstate.core.jobs.filters import JobFilter
from workstate.core.jobs.models import Job
from workstate.core.jobs.selectors import (
    GROUPS,
    Position,
    count_jobs,
    find_job,
    get_job,
    list_groups,
    list_jobs,
)
from workstate.core.jobs.states import State

pytestmark = BOTH_DATABASES

NOW = timezone.now()
HOUR = timedelta(hours=1)
ROWS = 3000
DEAD_LETTERS = JobFilter(dead_letters=True)


def row(task_id, state=State.DISCARDED, **fields):
    defaults = {
        "task": "work",
        "queue": "celery",
        "headers": "{}",
        "properties": "{}",
        "body": "[]",
        "enqueued_at": NOW,
        "available_at": NOW,
        "ended_at": NOW if state in {State.DISCARDED, State.COMPLETED} else None,
        "fingerprint": "print" if state is State.DISCARDED else None,
    }
    return Job(task_id=task_id, state=state, **defaults | fields)


def ids(jobs):
    return {job.task_id for job in list_jobs(jobs).jobs}


@pytest.fixture
def some(database):
    Job.objects.bulk_create(
        [
            row("dead", error_type="builtins.ValueError", error_message='["Customer 7"]', queue="mail"),
            row("old", task="pay", ended_at=NOW - HOUR, enqueued_at=NOW - HOUR, fingerprint="other"),
            row("dismissed", dismissed_at=NOW),
            row("waiting", State.AVAILABLE, body='[["hello"], {}, {}]'),
        ]
    )


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({}, {"dead", "old", "dismissed", "waiting"}),
        ({"dead_letters": True}, {"dead", "old"}),
        ({"states": frozenset({State.AVAILABLE})}, {"waiting"}),
        ({"task": "pay"}, {"old"}),
        ({"queue": "mail"}, {"dead"}),
        ({"error_type": "ValueError"}, {"dead"}),
        ({"error_type": "builtins.ValueError"}, {"dead"}),
        ({"error_type": "Error"}, set()),
        ({"fingerprint": "other"}, {"old"}),
        ({"text": "customer"}, {"dead"}),
        ({"text": "HELLO"}, {"waiting"}),
        ({"since": NOW - HOUR / 2}, {"dead", "dismissed", "waiting"}),
        ({"until": NOW - HOUR / 2, "dead_letters": True}, {"old"}),
        ({"task_ids": ("old", "nobody")}, {"old"}),
    ],
    ids=lambda names: " ".join(sorted(names)) or "nothing",
)
def test_jobs_are_chosen_by_all_conditions(some, conditions, found):
    assert ids(JobFilter(**conditions)) == found
    assert count_jobs(JobFilter(**conditions)) == len(found)


@pytest.mark.parametrize("jobs", [DEAD_LETTERS, JobFilter()], ids=["dead letters", "all"])
def test_pages_hold_every_job_once(database, jobs):
    Job.objects.bulk_create([row(str(number), ended_at=NOW + HOUR * (number // 3)) for number in range(10)])
    found, position = [], None
    while True:
        page = list_jobs(jobs, after=position, limit=3)
        found += [job.task_id for job in page.jobs]
        if page.next is None:
            break
        position = Position.parse(str(page.next))

    assert found == [str(number) for number in reversed(range(10))]


def test_job_is_got_or_not(ledger):
    ledger.insert([new_job("job")])

    assert get_job("job") == find_job("job")
    assert find_job("nobody") is None
    with pytest.raises(JobNotFoundError):
        get_job("nobody")


def test_dead_letters_are_grouped_by_their_cause(some):
    Job.objects.bulk_create([row("newer", ended_at=NOW + HOUR, error_message=json.dumps(["Customer 8"]))])

    first, second = list_groups()
    assert (first.fingerprint, first.count, first.first_at, first.last_at) == ("print", 2, NOW, NOW + HOUR)
    assert first.sample.task_id == "newer"
    assert (second.fingerprint, second.count, second.sample.task_id) == ("other", 1, "old")
    assert [group.fingerprint for group in list_groups(limit=1)] == ["print"]


# --- plans ----------------------------------------------------------------------------------------


@pytest.fixture
def many(database):
    """Much history and many dead letters, of fifty causes."""
    Job.objects.bulk_create(
        [
            *(row(f"completed-{number}", State.COMPLETED) for number in range(ROWS)),
            *(
                row(f"dead-{number}", fingerprint=f"print-{number % 50}", ended_at=NOW + timedelta(seconds=number))
                for number in range(ROWS)
            ),
        ]
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE" if connection.vendor == "sqlite" else "VACUUM ANALYZE workstate_job")


def plan_of(sql, params):
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}", params)
        return "\n".join(str(line) for line in cursor.fetchall())


def page_plan(jobs, after=None):
    chosen = jobs.choose().order_by("-ended_at", "-id")
    if after is not None:
        chosen = chosen.filter(ended_at__lte=after).exclude(ended_at=after, id__gte=1)
    return plan_of(*chosen[:51].query.sql_with_params())


def test_groups_are_counted_in_their_index(many):
    plan = plan_of(GROUPS, [50])

    assert "workstate_job_dead" in plan
    assert "SCAN workstate_job\n" not in plan


@pytest.mark.parametrize("after", [None, NOW + timedelta(seconds=100)])
@pytest.mark.parametrize(
    ("conditions", "index"),
    [
        ({}, "workstate_job_dead_by_time"),
        ({"fingerprint": "print-7"}, "workstate_job_dead_letters"),
    ],
    ids=["all", "one cause"],
)
def test_page_of_dead_letters_is_read_in_the_order_of_an_index(many, conditions, index, after):
    plan = page_plan(JobFilter(dead_letters=True, **conditions), after)

    assert index in plan or "workstate_job_ended" in plan
    assert "Seq Scan" not in plan
