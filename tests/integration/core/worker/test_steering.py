"""How a task steers its job: by its policy, and by what it raises."""

from __future__ import annotations

from datetime import timedelta

import pytest
from celery.app.task import Task
from celery.exceptions import Ignore, Reject
from django.utils import timezone

from engine.fixtures import task_of
from engine.jobs import job_row
from real_databases import BOTH_DATABASES
from workstate.core.jobs.history import Attempt
from workstate.core.jobs.models import Job
from workstate.core.jobs.retries import Jitter, RetryPolicy, RetryPolicyError
from workstate.core.jobs.steering import CancelRequested, FinalError, RetryRequested

pytestmark = BOTH_DATABASES

AT_ONCE = {"first": timedelta(microseconds=1), "longest": timedelta(microseconds=1)}
MINUTE = timedelta(minutes=1)


def raising(error):
    def work():
        raise error

    return work


def run(app, worker, body, **options):
    result = task_of(app, body, **options).delay()
    worker.drain()
    return job_row(result.id)


def run_until_it_ends(worker, task_id):
    while not job_row(task_id).has_ended:
        worker.ledger.promote_due()
        worker.drain()
    return job_row(task_id)


def test_job_waits_for_as_long_as_its_policy_says(app, worker):
    policy = RetryPolicy(first=MINUTE, jitter=Jitter.NONE)
    before = timezone.now()
    row = run(app, worker, raising(ConnectionError("away")), retries=policy)

    assert row.state == "retryable"
    assert before + MINUTE <= row.available_at <= timezone.now() + MINUTE


def test_job_that_fails_at_every_try_ends_as_a_dead_letter_with_all_its_attempts(app, worker):
    result = task_of(app, raising(ConnectionError("away")), retries=RetryPolicy(max_retries=2, **AT_ONCE)).delay()
    row = run_until_it_ends(worker, result.id)

    assert (row.state, row.attempt, row.error_type) == ("discarded", 3, "builtins.ConnectionError")
    assert Attempt.objects.filter(job_id=row.id, error_type="builtins.ConnectionError").count() == 3
    assert "in work" in row.traceback
    assert row.fingerprint


def test_policy_without_a_maximum_goes_on(app, worker):
    result = task_of(app, raising(ConnectionError("away")), retries=RetryPolicy(max_retries=None, **AT_ONCE)).delay()
    for _ in range(12):
        worker.ledger.promote_due()
        worker.drain(1)

    assert job_row(result.id).attempt >= 5
    assert not job_row(result.id).has_ended


@pytest.mark.parametrize("error", [ValueError("no"), FinalError("no such customer")])
def test_error_that_the_policy_does_not_name_is_final(app, worker, error):
    row = run(app, worker, raising(error), retries=RetryPolicy(on=(ConnectionError, FinalError)))

    assert (row.state, row.attempt) == ("discarded", 1)


@pytest.mark.parametrize(
    ("error", "state"), [(Ignore(), "completed"), (Reject("no", requeue=False), "discarded")], ids=["Ignore", "Reject"]
)
def test_policy_leaves_alone_what_is_no_error(app, worker, error, state):
    assert run(app, worker, raising(error), retries=RetryPolicy()).state == state


def test_final_error_is_final_for_autoretry_too(app, worker):
    row = run(app, worker, raising(FinalError("no such customer")), autoretry_for=(Exception,))

    assert (row.state, row.error_type) == ("discarded", "workstate.core.jobs.steering.FinalError")


# --- RetryRequested -------------------------------------------------------------------------------


def test_task_asks_for_another_try_when_it_likes(app, worker):
    before = timezone.now()
    row = run(app, worker, raising(RetryRequested("closed", after=timedelta(hours=1))))

    assert row.state == "retryable"
    assert row.available_at >= before + timedelta(hours=1)
    assert row.error_type == "workstate.core.jobs.steering.RetryRequested"


def test_task_that_does_not_say_when_is_tried_after_the_delay_of_its_policy(app, worker):
    before = timezone.now()
    row = run(app, worker, raising(RetryRequested("closed")), retries=RetryPolicy(first=MINUTE, jitter=Jitter.NONE))

    assert before + MINUTE <= row.available_at <= timezone.now() + MINUTE


def test_asked_for_retries_are_counted(app, worker):
    body = raising(RetryRequested("closed", after=timedelta()))
    row = run(app, worker, body, max_retries=2)

    assert (row.state, row.attempt) == ("discarded", 3)
    assert "closed" in row.error_message


def test_request_tells_the_error_that_it_was_raised_from(app, worker):
    def work():
        try:
            raise TimeoutError("no answer")  # noqa: TRY301  the shape that a task has
        except TimeoutError as error:
            raise RetryRequested(after=timedelta(hours=1)) from error

    row = run(app, worker, work)

    assert (row.state, row.error_type) == ("retryable", "builtins.TimeoutError")


def test_bound_task_is_steered_too(app, worker):
    def work(self):
        if not self.request.retries:
            raise RetryRequested(after=timedelta())
        return self.request.retries

    assert run(app, worker, work, bind=True).result == "1"


def test_task_of_a_class_is_steered_by_its_own_policy(app, worker):
    class Parent(Task):
        name = "parent"

        def run(self):
            raise ConnectionError("away")

    class Child(Parent):
        name = "child"
        retries = RetryPolicy(first=MINUTE)

    parent, child = app.register_task(Parent()), app.register_task(Child())
    results = [parent.delay(), child.delay()]
    worker.drain()

    assert [job_row(result.id).state for result in results] == ["discarded", "retryable"]


def test_task_that_is_called_as_a_function_raises_its_error(app):
    with pytest.raises(ConnectionError):
        task_of(app, raising(ConnectionError("away")), retries=RetryPolicy())()


def test_task_keeps_its_signature(app):
    def work(order_id, *, urgent=False):
        return order_id

    with pytest.raises(TypeError, match="order_id"):
        task_of(app, work, retries=RetryPolicy()).delay()
    assert not Job.objects.exists()


# --- CancelRequested ------------------------------------------------------------------------------


def test_task_cancels_its_own_job(app, worker):
    row = run(app, worker, raising(CancelRequested("the order was withdrawn")))

    assert (row.state, row.reason) == ("cancelled", "the order was withdrawn")


@pytest.mark.parametrize("options", [{"retries": RetryPolicy()}, {"autoretry_for": (Exception,)}], ids=list)
def test_own_cancelling_is_not_retried(app, worker, options):
    assert run(app, worker, raising(CancelRequested()), **options).state == "cancelled"


# --- declarations ---------------------------------------------------------------------------------


def test_task_with_two_declarations_is_refused(app):
    with pytest.raises(RetryPolicyError, match="both"):
        task_of(app, raising(ValueError()), retries=RetryPolicy(), autoretry_for=(ValueError,))


def test_declaration_that_is_no_policy_is_refused(app):
    with pytest.raises(RetryPolicyError, match="must be a RetryPolicy"):
        task_of(app, raising(ValueError()), retries=3)
