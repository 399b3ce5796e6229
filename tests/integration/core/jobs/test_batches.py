"""Batches as a project uses them: added to, ended, followed by their callbacks, cancelled, waited for."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from celery import chain, chord, group
from celery.result import AsyncResult
from django.db import transaction

from engine.fixtures import task_of
from engine.inline import DroppingPool, InlinePool
from engine.jobs import states
from real_databases import BOTH_DATABASES
from workstate.core.jobs.batch_progress import (
    cancel_batch,
    follow_batch,
    get_batch,
    list_batches,
    list_failed_jobs,
    list_jobs,
    wait_for_batch,
)
from workstate.core.jobs.batches import create_batch, current_batch, find_open_batch, open_batch
from workstate.core.jobs.errors import BatchEndedError, BatchSealedError, NotASingleJobError
from workstate.core.jobs.models import Batch, Job
from workstate.core.jobs.waiting import cancel_waiting, purge
from workstate.core.live import read_since

pytestmark = BOTH_DATABASES

called = []


@pytest.fixture(autouse=True)
def nothing_called():
    called.clear()


def echo(value):
    return value


def fail(value):
    raise ValueError("no")


def note(*args):
    called.append(args)


def spread(value):
    batch = current_batch()
    batch.add(echo_task(), (value,))
    batch.add_many(echo_task(), [(value,), (value,)])


def echo_task():
    from celery import current_app

    return current_app.tasks["echo"]


@pytest.fixture
def tasks(app):
    class Tasks:
        echo = task_of(app, echo)
        fail = task_of(app, fail)
        note = task_of(app, note)
        spread = task_of(app, spread)

    return Tasks


def test_batch_and_its_jobs_and_its_callbacks(tasks, worker):
    with open_batch(name="numbers", on_end=tasks.note.s("end"), on_success=tasks.note.si("success")) as batch:
        single = batch.add(tasks.echo, (1,), priority=3)
        signed = batch.add(tasks.echo.s(2))
        many = batch.add_many(tasks.echo, [(3,), (4,)])

    assert [job.task_id for job in list_jobs(batch.id)] == [single.id, signed.id, *many]
    assert (get_batch(batch.id).size, get_batch(batch.id).ended) == (4, 0)
    worker.drain()
    assert called == [(batch.id, "end"), ("success",)]
    assert (get_batch(batch.id).completed, get_batch(batch.id).is_ended) == (4, True)
    assert single.get(timeout=1) == 1
    assert wait_for_batch(batch.id, timedelta(seconds=1)).name == "numbers"


def test_arguments_are_positional_or_by_keyword(tasks, worker):
    with open_batch() as batch:
        single = batch.add(tasks.echo, (), {"value": 1})
        many = batch.add_many(tasks.echo, [(2,), {"value": 3}])
    worker.drain()

    assert [AsyncResult(task_id).get(timeout=1) for task_id in (single.id, *many)] == [1, 2, 3]


def test_batch_belongs_to_the_callers_transaction(tasks):
    with transaction.atomic():
        with open_batch() as batch:
            batch.add(tasks.echo, (1,))
        transaction.set_rollback(True)

    assert (Batch.objects.count(), Job.objects.count()) == (0, 0)


def test_partial_failure_is_visible_and_is_no_success(tasks, worker):
    with open_batch(on_end=tasks.note.s("end"), on_success=tasks.note.s("success")) as batch:
        batch.add_many(tasks.echo, [(1,), (2,)])
        failing = batch.add(tasks.fail, (3,))
    worker.drain()

    assert called == [(batch.id, "end")]
    counted = get_batch(batch.id)
    assert (counted.completed, counted.discarded, counted.cancelled) == (2, 1, 0)
    [failed] = list_failed_jobs(batch.id)
    assert (failed.task_id, failed.error_type, failed.error_message) == (failing.id, "builtins.ValueError", '["no"]')
    assert list_failed_jobs(batch.id, after_id=failed.id) == []


def test_batch_without_jobs_ends_at_once(tasks, worker):
    with open_batch(on_end=tasks.note.s("end"), on_success=tasks.note.s("success")) as batch:
        pass

    assert get_batch(batch.id).is_ended
    worker.drain()
    assert sorted(called) == [(batch.id, "end"), (batch.id, "success")]


def test_batch_filled_in_several_transactions_ends_only_after_it_was_sealed(tasks, worker):
    batch = create_batch(on_end=tasks.note.s())
    batch.add(tasks.echo, (1,))
    worker.drain()
    assert not get_batch(batch.id).is_ended

    find_open_batch(batch.id).add(tasks.echo, (2,))
    batch.seal()
    batch.seal()
    assert find_open_batch(batch.id) is None
    worker.drain()
    assert called == [(batch.id,)]


def test_sealed_batch_grows_only_from_within(tasks, worker):
    with open_batch(on_end=tasks.note.s()) as batch:
        batch.add(tasks.spread, (1,))
    with pytest.raises(BatchSealedError, match=f"batch {batch.id}"):
        batch.add(tasks.echo, (2,))
    assert Job.objects.count() == 1

    worker.drain()
    assert called == [(batch.id,)]
    assert (get_batch(batch.id).completed, get_batch(batch.id).size) == (4, 4)
    with pytest.raises(BatchEndedError):
        batch.add_many(tasks.echo, [(2,)])
    assert current_batch() is None


def test_what_is_several_jobs_is_refused(tasks):
    one = tasks.echo.s(1)
    with open_batch() as batch:
        for several in (chain(one, one), group(one, one), chord([one, one], one), tasks.echo.chunks([(1,)], 1)):
            with pytest.raises(NotASingleJobError):
                batch.add(several)
    assert Job.objects.count() == 0


def test_job_whose_worker_dies_each_time_is_counted(tasks, worker):
    with open_batch(on_end=tasks.note.s()) as batch:
        batch.add(tasks.echo, (1,))
    worker.pool = DroppingPool()
    for _ in range(3):
        worker.run(*worker.claim(1))
    worker.pool = InlinePool()
    worker.drain()

    assert get_batch(batch.id).discarded == 1
    assert called == [(batch.id,)]


def test_job_that_can_not_be_read_is_counted(tasks, worker):
    with open_batch(on_end=tasks.note.s()) as batch:
        result = batch.add(tasks.echo, (1,))
    Job.objects.filter(task_id=result.id).update(headers="not JSON")
    worker.drain()
    worker.drain()

    assert get_batch(batch.id).discarded == 1
    assert called == [(batch.id,)]


def test_cancelled_and_purged_jobs_are_counted(tasks, worker):
    with open_batch(on_end=tasks.note.s().set(queue="other")) as batch:
        first = batch.add(tasks.echo, (1,))
        batch.add_many(tasks.echo, [(2,), (3,)])
    cancel_waiting(first.id, "not needed")
    purge("celery")

    assert get_batch(batch.id).cancelled == 3
    assert Job.objects.filter(task="note", state="available").count() == 1


def test_cancelling_a_batch_cancels_what_waits_and_lets_nothing_more_join(tasks, worker):
    batch = create_batch(on_end=tasks.note.s())
    batch.add_many(tasks.echo, [(number,) for number in range(3)])
    [claimed] = worker.claim(1)

    assert cancel_batch(batch_id=batch.id, reason="wrong month", by="ada") == 2
    assert cancel_batch(batch_id=batch.id, reason="again", by="ada") == 0
    with pytest.raises(BatchEndedError):
        batch.add(tasks.echo, (4,))
    assert not get_batch(batch.id).is_ended
    worker.run(claimed)
    worker.drain()
    assert called == [(batch.id,)]
    ended = get_batch(batch.id)
    assert (ended.completed, ended.cancelled, ended.reason) == (1, 2, "wrong month (by ada)")
    assert {job.reason for job in list_failed_jobs(batch.id)} == {"wrong month (by ada)"}


def test_cancelling_that_died_on_the_way_is_done_by_the_next(tasks, ledger):
    batch = create_batch()
    batch.add(tasks.echo, (1,))
    with transaction.atomic():
        ledger.cancel_batch(batch.id, "wrong month")

    assert cancel_batch(batch_id=batch.id, reason="again", by="ada") == 1
    ended = get_batch(batch.id)
    assert (ended.cancelled, ended.is_ended, ended.reason) == (1, True, "wrong month")


def test_waiting_for_a_batch_takes_no_longer_than_told(tasks, worker):
    with open_batch() as batch:
        batch.add(tasks.echo, (1,))

    with pytest.raises(TimeoutError, match="0 of 1 jobs"):
        wait_for_batch(batch.id, timedelta(seconds=0.05))


def test_callback_that_can_not_be_enqueued_holds_nobody_up(tasks, worker, caplog):
    with open_batch(
        on_end=tasks.note.s().set(exchange="nobody", routing_key="nobody"), on_success=tasks.note.s("success")
    ) as batch:
        batch.add(tasks.echo, (1,))
    worker.drain()

    assert get_batch(batch.id).is_ended
    assert called == [(batch.id, "success")]
    assert f"A callback of batch {batch.id} can't be enqueued" in caplog.text


def test_progress_of_a_followed_batch_is_told_by_whole_percents(tasks, worker):
    with open_batch() as batch:
        batch.add_many(tasks.echo, [(number,) for number in range(4)])
    stream = f"batch:{batch.id}"
    before = follow_batch(batch.id)
    worker.drain()

    events = read_since(stream, before).events
    assert [event.type for event in events] == ["batch.progressed"] * 4 + ["batch.ended"]
    assert events[0].data == {"completed": 1, "discarded": 0, "cancelled": 0, "size": 4}


def test_batch_that_nobody_follows_tells_nothing(tasks, worker):
    with open_batch() as batch:
        batch.add(tasks.echo, (1,))
    worker.drain()

    assert read_since(f"batch:{batch.id}", None).position.offset == 0


def test_eager_tasks_are_counted(app, tasks):
    app.conf.task_always_eager = True
    with open_batch(on_end=tasks.note.s()) as batch:
        assert batch.add(tasks.echo, (1,)).get() == 1
        batch.add_many(tasks.fail, [{"value": 2}])

    assert called == [(batch.id,)]
    assert (get_batch(batch.id).completed, get_batch(batch.id).discarded) == (1, 1)


def test_newest_batches_come_first(tasks):
    ids = [create_batch(name=str(number)).id for number in range(3)]

    assert [batch.id for batch in list_batches(limit=2)] == [ids[2], ids[1]]
    assert [batch.id for batch in list_batches(before_id=ids[1])] == [ids[0]]


def test_sealing_waits_for_a_transaction_that_adds(tasks, database):
    batch = create_batch()
    joined, may_commit = threading.Event(), threading.Event()

    def add():
        from django.db import connection

        try:
            with transaction.atomic():
                batch.add(tasks.echo, (1,))
                joined.set()
                may_commit.wait(10)
        finally:
            connection.close()

    adding = threading.Thread(target=add)
    adding.start()
    assert joined.wait(10)
    releasing = threading.Timer(0.2, may_commit.set)
    releasing.start()
    batch.seal()
    adding.join()

    assert get_batch(batch.id).size == 1
    assert set(states().values()) == {"available"}
