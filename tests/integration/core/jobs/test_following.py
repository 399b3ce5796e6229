"""A page that follows a job hears of its progress and of its end, in the transaction of each."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

from engine.fixtures import task_of
from engine.jobs import EXPIRED, claim_one, elsewhere
from real_databases import BOTH_DATABASES
from workstate.core import job, live
from workstate.core.jobs.connections import publishing_on
from workstate.core.jobs.discards import discard_jobs
from workstate.core.jobs.filters import JobFilter
from workstate.core.jobs.following import follow_job
from workstate.core.jobs.models import Job
from workstate.core.jobs.replays import replay_job, replay_jobs
from workstate.core.jobs.waiting import cancel_waiting
from workstate.core.live.authorisation import _authorisers, may_follow
from workstate.core.live.models import Event
from workstate.core.worker.rescuer import Rescuer

pytestmark = BOTH_DATABASES


def convert(pages):
    for page in range(1, pages + 1):
        job.report_progress(page, pages, "converting")
    return pages


def fail(pages):
    raise ValueError("no")


@pytest.fixture
def tasks(app):
    class Tasks:
        convert = task_of(app, convert)
        fail = task_of(app, fail)

    return Tasks


def close_and_fail(ledger, closing):
    with ledger.transaction(), publishing_on(ledger.connection):
        ledger.close([closing])
        raise ZeroDivisionError


def events_since(task_id, position):
    return [(event.type, event.data) for event in live.read_since(f"job:{task_id}", position).events]


def test_progress_and_end_of_a_followed_job_are_told_in_order(tasks, worker):
    result = tasks.convert.delay(2)
    position = follow_job(result.id)
    worker.drain()

    assert events_since(result.id, position) == [
        ("job.progressed", {"done": 1, "total": 2, "message": "converting"}),
        ("job.progressed", {"done": 2, "total": 2, "message": "converting"}),
        ("job.completed", {"error_type": None, "reason": None}),
    ]


def test_failure_is_told_with_its_error(tasks, worker):
    result = tasks.fail.delay(2)
    position = follow_job(result.id)
    worker.drain()

    assert events_since(result.id, position) == [
        ("job.discarded", {"error_type": "builtins.ValueError", "reason": "failed"})
    ]


def test_cancelling_is_told(tasks):
    result = tasks.convert.delay(2)
    position = follow_job(result.id)
    cancel_waiting(result.id, "not needed")

    assert events_since(result.id, position) == [("job.cancelled", {"error_type": None, "reason": "not needed"})]


def test_dead_letter_that_is_replayed_is_told(tasks, worker):
    result = tasks.fail.delay(2)
    position = follow_job(result.id)
    worker.drain()
    replay_job(task_id=result.id, reason="mended", by="ada")
    worker.drain()

    discarded = ("job.discarded", {"error_type": "builtins.ValueError", "reason": "failed"})
    assert events_since(result.id, position) == [
        discarded,
        ("job.replayed", {"by": "ada", "reason": "mended"}),
        discarded,
    ]


def test_waiting_job_that_is_given_up_by_hand_is_told(tasks):
    result = tasks.fail.delay(2)
    position = follow_job(result.id)
    discard_jobs(jobs=JobFilter(task_ids=(result.id,)), reason="not needed")

    [(kind, data)] = events_since(result.id, position)
    assert (kind, data["reason"]) == ("job.discarded", "not needed")


def test_job_that_is_discarded_because_its_worker_died_is_told(tasks, ledger):
    result = tasks.fail.delay(2)
    position = follow_job(result.id)
    claim_one(ledger, ledger.register(elsewhere(lease=EXPIRED)))
    Job.objects.update(lost_attempts=100, started_at=timezone.now())
    Rescuer("default").rescue(judges_leases=True)

    [(kind, data)] = events_since(result.id, position)
    assert (kind, data["reason"]) == ("job.discarded", "worker lost")


def test_what_somebody_does_to_many_jobs_is_told_once_to_those_who_operate(tasks, worker):
    results = [tasks.fail.delay(number) for number in range(3)]
    worker.drain()
    replay_jobs(jobs=JobFilter(dead_letters=True), reason="mended", by="ada")
    tasks.fail.delay(3)
    discard_jobs(jobs=JobFilter(task_ids=(results[0].id,)), reason="not needed", by="grace")
    discard_jobs(jobs=JobFilter(dead_letters=True), reason="seen", by="grace")
    replay_jobs(jobs=JobFilter(task="nobody's"))

    assert [(event.type, event.data) for event in Event.objects.filter(stream="operations").order_by("offset")] == [
        ("job.replayed", {"count": 3, "by": "ada", "reason": "mended"}),
        ("job.discarded", {"count": 1, "by": "grace", "reason": "not needed"}),
        ("job.dismissed", {"count": 1, "by": "grace", "reason": "seen"}),
    ]


def test_replay_that_is_undone_is_not_told(tasks, worker):
    result = tasks.fail.delay(2)
    worker.drain()
    with transaction.atomic():
        replay_job(task_id=result.id)
        transaction.set_rollback(True)

    assert not Event.objects.exists()


def test_job_that_nobody_follows_tells_nothing(tasks, worker):
    tasks.convert.delay(2)
    tasks.fail.delay(2)
    worker.drain()

    assert Event.objects.count() == 0


def test_job_that_is_followed_twice_is_told_once(tasks, worker):
    result = tasks.fail.delay(2)
    first, second = follow_job(result.id), follow_job(result.id)
    worker.drain()

    assert first == second
    assert len(events_since(result.id, first)) == 1


def test_end_that_is_undone_is_not_told(tasks, worker):
    result = tasks.convert.delay(0)
    position = follow_job(result.id)
    [message] = worker.claim(1)
    request = worker.receive(message)
    ledger = worker.ledger
    worker.holdings.on_pending = lambda: None
    request.execute_using_pool(worker.pool)
    with pytest.raises(ZeroDivisionError):
        close_and_fail(ledger, message.closing)
    assert events_since(result.id, position) == []
    worker.holdings.flush()
    assert [kind for kind, _ in events_since(result.id, position)] == ["job.completed"]


def test_nobody_may_follow_until_the_project_says_who(tasks, django_user_model, monkeypatch):
    result = tasks.convert.delay(2)
    user = django_user_model(pk=7)
    assert not may_follow(user, f"job:{result.id}")

    monkeypatch.setitem(_authorisers, "job", [lambda user, task_id: user.pk == 7 and task_id == result.id])
    assert may_follow(user, f"job:{result.id}")
    assert not may_follow(user, "job:another")
