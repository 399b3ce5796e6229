"""What follows on a job (the next of its chain, its callbacks) is enqueued by the closing that counts, or not at all."""

from __future__ import annotations

import pytest
from celery import chain, chord
from django.db import OperationalError

from engine.fixtures import task_of
from engine.jobs import job_row, states
from real_databases import BOTH_DATABASES
from workstate.core.jobs import insertion
from workstate.core.jobs.models import Chord, Job
from workstate.core.jobs.states import State

pytestmark = BOTH_DATABASES


def one():
    return 1


def add(x, y):
    return x + y


def total(numbers):
    return sum(numbers)


@pytest.fixture
def tasks(app):
    class Tasks:
        one = task_of(app, one)
        add = task_of(app, add)
        total = task_of(app, total)

    return Tasks


@pytest.fixture
def started(worker):
    """Run a job's body, and let its closing wait."""

    def start():
        worker.holdings.on_pending = lambda: None
        [message] = worker.claim()
        worker.receive(message).execute_using_pool(worker.pool)
        return message

    return start


def test_next_of_a_chain_is_enqueued_with_the_closing_and_not_before(tasks, worker, started):
    result = chain(tasks.one.s(), tasks.add.s(2)).apply_async()
    started()
    assert states() == {result.parent.id: State.EXECUTING}

    worker.holdings.flush()
    assert states() == {result.parent.id: State.COMPLETED, result.id: State.AVAILABLE}

    worker.drain()
    assert result.get(timeout=1) == 3


def test_job_that_ends_while_the_database_is_away_is_not_failed_for_its_chain(tasks, worker, started, monkeypatch):
    result = chain(tasks.one.s(), tasks.add.s(2)).apply_async()
    with monkeypatch.context() as patches:
        patches.setattr(insertion, "insert", _refuse)
        started()
        with pytest.raises(OperationalError):
            worker.holdings.flush()
    worker.holdings.flush()
    worker.drain()

    assert result.get(timeout=1) == 3
    assert job_row(result.parent.id).attempt == 1


def test_nothing_follows_on_an_attempt_that_no_longer_counts(tasks, worker, started):
    result = chain(tasks.one.s(), tasks.add.s(2)).apply_async()
    message = started()
    Job.objects.filter(id=message.job.id).update(state=State.AVAILABLE, process_id=None)  # as the rescuer does
    worker.holdings.flush()
    assert states() == {result.parent.id: State.AVAILABLE}

    worker.drain()
    assert result.get(timeout=1) == 3
    assert Job.objects.count() == 2


def test_callbacks_are_enqueued_with_the_closing(tasks, worker, started):
    result = tasks.one.apply_async(link=[tasks.add.s(10), tasks.add.s(20)])
    started()
    assert Job.objects.count() == 1

    worker.holdings.flush()
    worker.drain()
    assert [child.get(timeout=1) for child in result.children] == [[11, 21]]


def test_chord_that_follows_is_counted_and_its_body_runs_once(tasks, worker, started):
    result = chain(tasks.one.s(), chord([tasks.add.s(1), tasks.add.s(2)], tasks.total.s())).apply_async()
    started()
    assert (Job.objects.count(), Chord.objects.count()) == (1, 0)

    worker.holdings.flush()
    assert Chord.objects.get().size == 2
    worker.drain()
    assert result.get(timeout=1) == 5
    assert Job.objects.count() == 4


def test_when_one_of_the_callbacks_can_not_be_sent_none_is(tasks, worker):
    result = tasks.one.apply_async(link=[tasks.add.s(10)], add_to_parent=False)
    row = job_row(result.id)
    row.body = row.body.replace('"chain": null', '"chain": [{"task": "unroutable", "options": {"queue": 7}}]')
    row.save()
    worker.drain()

    assert states() == {result.id: State.DISCARDED}


def _refuse(*_):
    raise OperationalError("the database is away")
