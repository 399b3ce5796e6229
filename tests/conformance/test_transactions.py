"""Transactions: a job exists if and only if the transaction that enqueued it commits."""

from __future__ import annotations

from contextlib import suppress

import pytest

from workbench.deployment import SOON, Deployment
from workbench.marks import ledger_only

pytestmark = ledger_only


class ChangedMyMindError(Exception):
    """Ends a transaction without committing."""


def test_task_of_a_committed_transaction_sees_its_rows(any_pool: Deployment) -> None:
    celery = any_pool.celery
    with celery.transaction.atomic():
        note = celery.Note.objects.create(text="committed together")
        result = celery.tasks.read_note.delay(note.pk)
    assert result.get(**SOON) == "committed together"


def test_task_of_a_rolled_back_transaction_never_runs(standing: Deployment) -> None:
    celery = standing.celery
    with suppress(ChangedMyMindError), celery.transaction.atomic():
        result = celery.tasks.tell.delay("rolled back")
        raise ChangedMyMindError
    assert celery.tasks.add.delay(2, 3).get(**SOON) == 5
    assert not standing.effects("rolled back")
    assert not celery.has_job(result.id)


def test_task_does_not_run_before_the_commit(standing: Deployment) -> None:
    celery = standing.celery
    with celery.transaction.atomic():
        result = celery.tasks.tell.delay("not before the commit")
        about_to_commit_at = celery.now()
    (effect,) = standing.wait_for_effects("not before the commit")
    assert effect["at"] > about_to_commit_at
    assert celery.has_job(result.id)


def test_task_of_a_rolled_back_savepoint_never_runs(standing: Deployment) -> None:
    celery = standing.celery
    with celery.transaction.atomic():
        kept = celery.tasks.add.delay(2, 3)
        with suppress(ChangedMyMindError), celery.transaction.atomic():
            dropped = celery.tasks.tell.delay("rolled back savepoint")
            raise ChangedMyMindError
    assert kept.get(**SOON) == 5
    assert not celery.has_job(dropped.id)
    assert not standing.effects("rolled back savepoint")


def test_whole_canvas_of_a_rolled_back_transaction_never_runs(standing: Deployment) -> None:
    celery, tasks = standing.celery, standing.celery.tasks
    with suppress(ChangedMyMindError), celery.transaction.atomic():
        celery.chord([tasks.tell.si("rolled back chord") for _ in range(3)])(tasks.tell.si("rolled back body"))
        raise ChangedMyMindError
    assert celery.tasks.add.delay(2, 3).get(**SOON) == 5
    assert not standing.effects("rolled back chord")


def test_task_enqueued_in_a_task_runs(standing: Deployment) -> None:
    standing.celery.tasks.enqueue_another.delay("from a task").get(**SOON)
    standing.wait_for_effects("from a task")


def test_task_that_rolls_back_drops_what_it_enqueued(standing: Deployment) -> None:
    with pytest.raises(ValueError, match="rolled back in a task"):
        standing.celery.tasks.enqueue_and_roll_back.delay("rolled back in a task").get(**SOON)
    assert standing.celery.tasks.add.delay(2, 3).get(**SOON) == 5
    assert not standing.effects("rolled back in a task")
