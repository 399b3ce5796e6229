"""The counters of a batch: each job counts once, however it ends, and the batch ends when all have."""

from __future__ import annotations

import random
import threading

import pytest

from engine.jobs import FAILURE, closing, header_job, new_job, new_process
from real_databases import BOTH_DATABASES
from workstate.core.jobs.ledger import ledger_on
from workstate.core.jobs.models import Batch, Chord, Job
from workstate.core.jobs.records import FinishedBatch
from workstate.core.jobs.states import State

pytestmark = BOTH_DATABASES


@pytest.fixture
def process(ledger):
    return ledger.register(new_process())


def fill(ledger, process, count, *, sealed=True):
    """Make a batch of claimed jobs."""
    batch_id = ledger.create_batch("test", None, None)
    ledger.insert([new_job(f"{batch_id}-{number}", batch_id=batch_id) for number in range(count)])
    if sealed:
        assert ledger.seal_batch(batch_id) == []
    return batch_id, ledger.claim(process, ("celery",), count)


def close(ledger, process, *jobs, **fields):
    return ledger.close([closing(job, process, **fields) for job in jobs])


def counts(batch_id):
    batch = Batch.objects.get(id=batch_id)
    return (batch.completed, batch.discarded, batch.cancelled, batch.size)


def test_batch_ends_with_its_last_job_whichever_way_that_ends(ledger, process):
    batch_id, jobs = fill(ledger, process, 3)

    assert close(ledger, process, jobs[0]) == []
    assert close(ledger, process, jobs[1], state=State.DISCARDED, failure=FAILURE) == []
    assert close(ledger, process, jobs[2], state=State.CANCELLED, reason="not needed") == [
        FinishedBatch(batch_id, is_first_end=True, has_succeeded=False)
    ]
    assert counts(batch_id) == (1, 1, 1, 3)
    assert Batch.objects.get().ended_at is not None


def test_all_completed_is_a_success(ledger, process):
    batch_id, jobs = fill(ledger, process, 3)

    assert close(ledger, process, *jobs) == [FinishedBatch(batch_id, is_first_end=True, has_succeeded=True)]


def test_batch_that_is_not_sealed_does_not_end(ledger, process):
    batch_id, jobs = fill(ledger, process, 2, sealed=False)

    assert close(ledger, process, *jobs) == []
    assert counts(batch_id) == (2, 0, 0, None)
    assert ledger.seal_batch(batch_id) == [FinishedBatch(batch_id, is_first_end=True, has_succeeded=True)]
    assert ledger.seal_batch(batch_id) == []


def test_job_that_its_mate_added_holds_the_batch_open(ledger, process):
    batch_id, jobs = fill(ledger, process, 1)
    ledger.insert([new_job("late", batch_id=batch_id)])

    assert close(ledger, process, *jobs) == []
    assert counts(batch_id) == (1, 0, 0, 2)
    [late] = ledger.claim(process, ("celery",), 1)
    assert close(ledger, process, late) == [FinishedBatch(batch_id, is_first_end=True, has_succeeded=True)]


def test_retry_and_stale_closing_do_not_count(ledger, process):
    batch_id, jobs = fill(ledger, process, 2)
    close(ledger, process, jobs[0], state=State.AVAILABLE, successor=new_job(f"{batch_id}-0"))
    assert close(ledger, process, jobs[0], jobs[0]) == []
    assert counts(batch_id) == (0, 0, 0, 2)

    [again] = ledger.claim(process, ("celery",), 1)
    assert len(close(ledger, process, again, jobs[1])) == 1
    assert counts(batch_id) == (2, 0, 0, 2)


def test_job_that_is_replayed_opens_the_batch_again_and_success_may_come_later(ledger, process):
    batch_id, jobs = fill(ledger, process, 2)
    [first] = close(ledger, process, *jobs, state=State.DISCARDED, failure=FAILURE)
    assert first == FinishedBatch(batch_id, is_first_end=True, has_succeeded=False)

    Job.objects.filter(state="discarded").update(state="available", ended_at=None)
    ledger.uncount_batches([(batch_id, State.DISCARDED)] * 2)
    assert counts(batch_id) == (0, 0, 0, 2)
    assert Batch.objects.get().ended_at is None

    again = ledger.claim(process, ("celery",), 2)
    assert close(ledger, process, *again) == [FinishedBatch(batch_id, is_first_end=False, has_succeeded=True)]
    assert counts(batch_id) == (2, 0, 0, 2)


def test_batch_that_nobody_counted_is_found_and_ended(ledger, process):
    batch_id, jobs = fill(ledger, process, 2)
    close(ledger, process, jobs[0])
    assert ledger.batches_overlooked() == []

    Job.objects.filter(task_id=f"{batch_id}-1").delete()
    assert ledger.batches_overlooked() == [batch_id]
    assert ledger.end_overlooked_batches() == [FinishedBatch(batch_id, is_first_end=True, has_succeeded=True)]
    assert counts(batch_id) == (1, 0, 0, 1)


def test_counts_are_undone_with_their_transaction(ledger, process, connect):
    batch_id, jobs = fill(ledger, process, 2)
    other = ledger_on(connect())
    with pytest.raises(ZeroDivisionError), other.transaction():
        close(other, process, *jobs) and 1 / 0

    assert counts(batch_id) == (0, 0, 0, 2)
    assert len(close(ledger, process, *jobs)) == 1


def test_many_closers_of_many_batches_and_chords_neither_lose_a_count_nor_stand_in_each_others_way(
    ledger, process, connect
):
    batches, each, closers = 5, 60, 4
    ids = [ledger.create_batch("", None, None) for _ in range(batches)]
    ledger.insert(
        [
            header_job(f"{batch_id}-{number}", f"chord-{number % 3}", batch_id=batch_id)
            for batch_id in ids
            for number in range(each)
        ]
    )
    for batch_id in ids:
        ledger.seal_batch(batch_id)
    jobs = ledger.claim(process, ("celery",), batches * each)
    random.Random(1).shuffle(jobs)
    gate = threading.Barrier(closers)
    finished, errors = [], []

    def close_share(connection, share):
        connection.inc_thread_sharing()
        mine = ledger_on(connection)
        gate.wait()
        try:
            for start in range(0, len(share), 7):
                part = [
                    closing(job, process, chord_id=f"chord-{int(job.task_id.split('-')[1]) % 3}")
                    for job in share[start : start + 7]
                ]
                with mine.transaction():
                    finished.extend(mine.close(part))
        except BaseException as error:  # noqa: BLE001  for the main thread
            errors.append(error)

    threads = [threading.Thread(target=close_share, args=(connect(), jobs[n::closers])) for n in range(closers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert sorted(finished) == [FinishedBatch(batch_id, is_first_end=True, has_succeeded=True) for batch_id in ids]
    assert {counts(batch_id) for batch_id in ids} == {(each, 0, 0, each)}
    assert sum(Chord.objects.values_list("completed", flat=True)) == batches * each


def test_counting_goes_on_while_a_transaction_that_adds_is_open(ledger, process, connect):
    batch_id, jobs = fill(ledger, process, 2, sealed=False)
    if ledger.connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    adding = ledger_on(connect())
    with adding.transaction():
        assert adding.join_batch(batch_id) == (True, False)
        ledger.execute("SET lock_timeout = '5s'")
        close(ledger, process, *jobs)
        adding.insert([new_job("added", batch_id=batch_id)])
    assert counts(batch_id) == (2, 0, 0, None)
    assert ledger.seal_batch(batch_id) == []
    assert counts(batch_id) == (2, 0, 0, 3)
