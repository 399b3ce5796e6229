"""A limit that is pruned while somebody enqueues a job of it still holds that job."""

from __future__ import annotations

import pytest
from django.db import transaction

from engine.fixtures import task_of
from engine.jobs import new_process
from workstate.core.jobs.connections import ledger_alias
from workstate.core.jobs.ledger import ledger_on
from workstate.core.jobs.limits import LimitedTo
from workstate.core.jobs.models import Job, Limit
from workstate.core.retention import Pruner

pytestmark = [
    pytest.mark.parametrize("database", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True),
    pytest.mark.timeout(300),
]


@pytest.fixture
def limited(app):
    def work():
        """One at a time."""

    task = task_of(app, work, limit=LimitedTo(concurrency=1, key=lambda: "organisation:1"))
    Limit.objects.create(key="organisation:1", concurrency=1)
    return task


def count_admitted():
    return Job.objects.filter(state="available", lane="database").count()


def test_limit_whose_next_job_is_not_committed_yet_is_left(limited):
    with transaction.atomic():
        limited.delay()
        limited.delay()
        assert Pruner(ledger_alias()).prune().rows["limits"] == 0

    assert (Limit.objects.count(), count_admitted()) == (1, 1)


def test_who_enqueues_while_a_limit_is_pruned_declares_it_anew(limited, connect, in_thread, someone_waits):
    pruning = ledger_on(connect())
    with pruning.transaction():
        assert pruning.prune_limits(["organisation:1"]) == 1
        enqueueing = in_thread(lambda: [limited.delay().id for _ in range(2)])
        someone_waits()

    assert len(enqueueing()) == 2
    assert (Limit.objects.count(), count_admitted()) == (1, 1)


def test_limit_with_a_job_that_was_committed_while_the_pruner_looked_is_left(limited, connect):
    pruning = ledger_on(connect())
    keys = pruning.find_idle_limits("", 10)
    limited.delay()
    limited.delay()

    with pruning.transaction():
        assert (keys, pruning.prune_limits(keys)) == (["organisation:1"], 0)
    process = pruning.register(new_process())
    assert len(pruning.claim(process, ("celery",), 10)) == 1
