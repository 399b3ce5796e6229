"""Whatever text people give as a reason or a name, the act itself is done."""

from __future__ import annotations

import pytest

from engine.fixtures import task_of
from engine.jobs import claim_one, job_row, new_job, new_process, states
from real_databases import BOTH_DATABASES
from workstate.core.jobs.batch_progress import cancel_batch
from workstate.core.jobs.batches import create_batch
from workstate.core.jobs.cancellations import Cancelling, cancel_job
from workstate.core.jobs.discards import discard_jobs
from workstate.core.jobs.filters import JobFilter
from workstate.core.jobs.history import Intervention
from workstate.core.jobs.models import Batch, QueuePause
from workstate.core.jobs.pauses import pause_queue, resume_queue
from workstate.core.jobs.replays import replay_job
from workstate.core.jobs.steering import CancelRequested

pytestmark = [
    BOTH_DATABASES,
    pytest.mark.parametrize(
        ("text", "stored"),
        [("long " * 60, ("long " * 60)[:255]), ("a\0b", "a\\x00b"), ("a\ud800b", "a\\ud800b"), ("🦉", "🦉")],
        ids=["long", "NUL", "surrogate", "astral"],
    ),
]


def test_reason_and_name_of_a_cancel(ledger, text, stored):
    ledger.insert([new_job("waits")])
    assert cancel_job(task_id="waits", reason=text, by=text) is Cancelling.CANCELLED

    act = Intervention.objects.get()
    assert (job_row("waits").reason, act.reason, act.by) == (stored, stored, stored)


def test_reason_to_cancel_what_runs(ledger, text, stored):
    ledger.insert([new_job("runs")])
    claim_one(ledger, ledger.register(new_process()))
    assert cancel_job(task_id="runs", reason=text) is Cancelling.REQUESTED
    assert job_row("runs").reason == stored


def test_reason_of_a_discard_and_of_its_replay(ledger, text, stored):
    ledger.insert([new_job("waits")])
    discard_jobs(jobs=JobFilter(task_ids=("waits",)), reason=text, by=text)
    assert job_row("waits").reason == stored

    replay_job(task_id="waits", reason=text, by=text)
    assert states() == {"waits": "available"}
    assert set(Intervention.objects.values_list("reason", "by")) == {(stored, stored)}


def test_reason_that_a_task_gives(app, worker, text, stored):
    def stop():
        raise CancelRequested(text)

    stopped = task_of(app, stop).delay()
    worker.drain()
    job = job_row(stopped.id)
    assert (job.state, job.reason) == ("cancelled", stored)


def test_reason_of_a_pause(database, text, stored):
    pause_queue(queue="celery", by=text, reason=text)
    pause = QueuePause.objects.get()
    assert (pause.paused_by, pause.reason) == (stored, stored)
    assert resume_queue(queue="celery", by=text)


def test_reason_of_a_cancelled_batch(app, text, stored):
    batch = create_batch()
    cancel_batch(batch_id=batch.id, reason=text, by="test")
    assert Batch.objects.get().reason.startswith(stored[:200])
