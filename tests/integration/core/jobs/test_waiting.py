"""The way out for jobs that nobody has claimed."""

from __future__ import annotations

import pytest
from django.utils import timezone

from engine.jobs import HOUR, claim_one, job_row, new_job, new_process, states
from real_databases import BOTH_DATABASES
from workstate.core.jobs import waiting
from workstate.core.jobs.models import Job
from workstate.core.jobs.waiting import cancel_waiting, count_waiting, purge

pytestmark = BOTH_DATABASES


@pytest.fixture
def jobs(ledger):
    """One running, one available, one for later, one that waits for its retry, one of another queue."""
    ledger.insert([new_job("running")])
    claim_one(ledger, ledger.register(new_process()))
    ledger.insert(
        [
            new_job("available"),
            new_job("later", available_at=timezone.now() + HOUR),
            new_job("retried", available_at=timezone.now() + HOUR),
            new_job("elsewhere", queue="other"),
        ]
    )
    Job.objects.filter(task_id="retried").update(state="retryable")


def test_purge_cancels_what_waits_in_a_queue_and_keeps_its_rows(jobs):
    assert purge("celery") == 3
    assert states() == {
        "running": "executing",
        "available": "cancelled",
        "later": "cancelled",
        "retried": "cancelled",
        "elsewhere": "available",
    }
    assert (job_row("later").reason, job_row("later").ended_at is None) == ("purged", False)


def test_purge_of_many_goes_in_batches(ledger, monkeypatch):
    monkeypatch.setattr(waiting, "PURGE_BATCH", 3)
    ledger.insert([new_job() for _ in range(10)])

    assert purge("celery") == 10
    assert purge("celery") == 0


def test_jobs_that_could_start_now_are_counted(jobs):
    assert (count_waiting("celery"), count_waiting("other"), count_waiting("none")) == (1, 1, 0)


@pytest.mark.parametrize("task_id", ["available", "later", "retried"])
def test_waiting_job_is_cancelled_once(jobs, task_id):
    assert cancel_waiting(task_id, "revoked")
    assert not cancel_waiting(task_id, "again")
    assert (job_row(task_id).state, job_row(task_id).reason) == ("cancelled", "revoked")


@pytest.mark.parametrize("task_id", ["running", "unknown"])
def test_job_that_runs_or_is_not_known_is_left_alone(jobs, task_id):
    assert not cancel_waiting(task_id, "revoked")
    assert states()["running"] == "executing"
