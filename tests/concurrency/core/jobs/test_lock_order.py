"""Who changes many jobs takes locks in the order in which workers take them, so neither ends in a deadlock."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

from engine.jobs import EXPIRED, FAILURE, closing, elsewhere, header_job, new_job, new_process, states
from workstate.core.jobs.cancellations import Cancelling, cancel_job, cancel_jobs
from workstate.core.jobs.discards import discard_jobs
from workstate.core.jobs.filters import JobFilter
from workstate.core.jobs.models import Batch, Chord, Job
from workstate.core.jobs.replays import replay_jobs
from workstate.core.jobs.states import State
from workstate.core.worker.rescuer import Rescuer

pytestmark = [
    pytest.mark.parametrize("database", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True),
    pytest.mark.timeout(300),
]


@pytest.fixture
def two_batches(database):
    """The ids of two batches, in the order in which whoever counts into both locks them."""
    return [Batch.objects.create(size=2, created_at=timezone.now()).id for _ in range(2)]


@pytest.fixture
def beside_whoever_counts_into_both(ledger, someone_waits, in_thread, two_batches):
    """Run a function that has to wait for somebody who counts into the first batch, then into the second."""

    def run(function):
        with transaction.atomic():
            ledger.count_batches([(two_batches[0], State.COMPLETED)])
            outcome = in_thread(function)
            someone_waits()
            ledger.count_batches([(two_batches[1], State.COMPLETED)])
        return outcome()

    return run


def ended_of_batches():
    return [batch.completed + batch.cancelled + batch.discarded for batch in Batch.objects.order_by("id")]


@pytest.mark.parametrize("end", ["cancelled", "lost"])
def test_worker_that_ends_jobs_in_several_ways_at_once_waits_for_whoever_counts_into_their_batches(
    ledger, worker, two_batches, beside_whoever_counts_into_both, end
):
    first, second = two_batches
    ledger.insert([new_job("ends otherwise", batch_id=first), new_job("is closed", batch_id=second)])
    holdings = worker.holdings
    holdings.on_pending = lambda: None
    otherwise, closed = worker.claim()
    holdings.complete(closed)
    if end == "cancelled":
        cancel_job(task_id="ends otherwise")
        holdings.release(otherwise)
    else:
        otherwise.is_started = True
        Job.objects.filter(task_id="ends otherwise").update(lost_attempts=2)
        otherwise.job = otherwise.job._replace(lost_attempts=2)
        holdings.return_lost(otherwise)

    beside_whoever_counts_into_both(holdings.flush)

    assert states() == {"ends otherwise": end.replace("lost", "discarded"), "is closed": "completed"}
    assert ended_of_batches() == [2, 2]
    assert not holdings.pending


def test_rescuer_of_several_jobs_waits_for_whoever_counts_into_their_batches(
    ledger, app, two_batches, beside_whoever_counts_into_both
):
    first, second = two_batches
    process = ledger.register(elsewhere(lease=EXPIRED))
    ledger.insert([new_job("older", batch_id=second), new_job("younger", batch_id=first)])
    ledger.claim(process, ("celery",), 2)
    for task_id in ("older", "younger"):
        cancel_job(task_id=task_id)

    assert beside_whoever_counts_into_both(lambda: Rescuer("default").rescue(judges_leases=True)) == 2
    assert states() == {"older": "cancelled", "younger": "cancelled"}
    assert ended_of_batches() == [2, 2]


def test_cancelling_waiting_and_running_jobs_of_a_batch_waits_for_the_worker_that_ends_one(
    ledger, someone_waits, in_thread
):
    batch = Batch.objects.create(size=2, created_at=timezone.now())
    process = ledger.register(new_process())
    ledger.insert([new_job("runs", batch_id=batch.id)])
    [running] = ledger.claim(process, ("celery",), 1)
    ledger.insert([new_job("waits", batch_id=batch.id)])

    with transaction.atomic():
        ledger.complete([closing(running, process)])
        cancelling = in_thread(lambda: cancel_jobs(task_ids=["waits", "runs"]))
        someone_waits()
        ledger.count_batches([(batch.id, State.COMPLETED)])

    counts = cancelling()
    assert (counts[Cancelling.CANCELLED], counts[Cancelling.TOO_LATE]) == (1, 1)
    assert states() == {"waits": "cancelled", "runs": "completed"}
    batch.refresh_from_db()
    assert (batch.completed, batch.cancelled, batch.is_ended) == (1, 1, True)


def test_replaying_jobs_of_a_batch_and_of_a_chord_waits_for_the_worker_that_ends_others_of_both(
    ledger, someone_waits, in_thread
):
    batch = Batch.objects.create(size=2, created_at=timezone.now())
    process = ledger.register(new_process())
    ledger.size_chord("chord", 2)
    ledger.insert([header_job("part", "chord"), new_job("member", batch_id=batch.id)])
    for job in ledger.claim(process, ("celery",), 2):
        chord_id = "chord" if job.task_id == "part" else None
        ledger.close([closing(job, process, State.DISCARDED, failure=FAILURE, chord_id=chord_id)])
    ledger.insert([header_job("other part", "chord")])

    with transaction.atomic():
        ledger.count_chord("chord", 1)
        replaying = in_thread(lambda: replay_jobs(jobs=JobFilter(dead_letters=True)))
        someone_waits()
        ledger.count_batches([(batch.id, State.COMPLETED)])

    assert replaying().replayed == 2
    batch.refresh_from_db()
    assert (batch.completed, batch.discarded, Chord.objects.get().completed) == (1, 0, 1)


def test_discarding_jobs_of_several_tasks_waits_for_whoever_cancels_them_by_age(ledger, someone_waits, in_thread):
    ledger.insert([new_job("older", task="z"), new_job("younger", task="a")])

    with transaction.atomic():
        cancel_job(task_id="older")
        discarding = in_thread(lambda: discard_jobs(jobs=JobFilter(task_ids=("older", "younger")), reason="test"))
        someone_waits()
        cancel_job(task_id="younger")

    assert discarding().left == 2
    assert states() == {"older": "cancelled", "younger": "cancelled"}
