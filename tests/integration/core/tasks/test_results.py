"""Results of Django tasks: what the framework promises of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from engine.django_tasks import (
    OwnError,
    TaskResultDoesNotExist,
    TaskResultMismatch,
    add,
    add_later,
    describe,
    echo,
    fail,
    framework,
    return_an_object,
    send_mail,
)
from engine.fixtures import task_of
from engine.inline import DroppingPool, InlinePool
from real_databases import BOTH_DATABASES
from workstate.core.jobs.models import Job
from workstate.core.jobs.waiting import cancel_waiting

pytestmark = BOTH_DATABASES
Status = framework.TaskResultStatus


def total(numbers):
    return sum(numbers)


def test_enqueued_task_is_ready_and_has_nothing_to_return(app):
    result = add.enqueue(2, y=3)

    assert (result.status, result.is_finished, result.attempts) == (Status.READY, False, 0)
    assert (result.args, result.kwargs, result.backend) == ([2], {"y": 3}, "default")
    assert (result.started_at, result.last_attempted_at, result.finished_at) == (None, None, None)
    assert abs(timezone.now() - result.enqueued_at) < timedelta(minutes=1)
    with pytest.raises(ValueError, match="not finished"):
        _ = result.return_value


def test_result_is_found_again_by_its_id(app):
    result = add.enqueue(2, y=3)

    again = add.get_result(result.id)

    assert (again.id, again.task, again.status) == (result.id, result.task, result.status)
    assert (again.args, again.kwargs, again.backend) == ([2], {"y": 3}, "default")
    assert abs(again.enqueued_at - result.enqueued_at) < timedelta(minutes=1)


def test_refreshed_result_of_a_task_that_ran_has_its_return_value(worker):
    result = add.enqueue(2, 3)
    worker.drain()

    result.refresh()

    assert (result.status, result.return_value, result.is_finished) == (Status.SUCCESSFUL, 5, True)
    assert result.enqueued_at <= result.started_at == result.last_attempted_at <= result.finished_at
    assert (result.attempts, result.worker_ids, result.errors) == (1, [worker.holdings._lease._describe().name], [])


def test_task_that_returns_none_is_told_from_one_that_has_not_finished(worker):
    result = echo.enqueue(None)
    worker.drain()

    assert echo.get_result(result.id).return_value is None


def test_failed_task_has_its_error(worker):
    result = fail.enqueue("no such customer")
    worker.drain()

    result.refresh()

    assert (result.status, result.attempts) == (Status.FAILED, 1)
    [error] = result.errors
    assert error.exception_class is OwnError
    assert "raise OwnError(message)" in error.traceback
    assert "no such customer" in error.traceback
    with pytest.raises(ValueError, match="Task failed"):
        _ = result.return_value


def test_return_value_that_is_not_json_fails_the_task(worker):
    result = return_an_object.enqueue()
    worker.drain()

    result.refresh()

    assert result.status == Status.FAILED
    assert [error.exception_class for error in result.errors] == [TypeError]


def test_arguments_and_return_values_are_what_json_makes_of_them(worker):
    result = echo.enqueue(("a", b"b", {"c": (1, 2)}))
    assert result.args == [["a", "b", {"c": [1, 2]}]]
    worker.drain()

    result.refresh()

    assert result.return_value == ["a", "b", {"c": [1, 2]}]


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, timezone.now(), b"\xff"], ids=["object", "set", "datetime", "bytes"]
)
def test_argument_that_is_not_json_is_refused_and_nothing_is_enqueued(app, value):
    with pytest.raises((TypeError, ValueError)):
        echo.enqueue(value)
    assert Job.objects.count() == 0


def test_coroutine_runs_to_its_end(worker):
    result = add_later.enqueue(2, 3)
    worker.drain()

    assert add_later.get_result(result.id).return_value == 5


def test_context_tells_a_task_of_its_own_attempt(worker):
    result = describe.using(priority=-3, backend="other", queue_name="celery").enqueue("hello")
    worker.drain()

    told = describe.get_result(result.id).return_value

    assert (told["word"], told["id"], told["attempt"], told["status"]) == ("hello", result.id, 1, "RUNNING")
    assert (told["priority"], told["queue"], told["backend"]) == (-3, "celery", "other")
    assert told["enqueued"] == result.enqueued_at.isoformat()
    assert told["workers"] == ["inline"]


def test_result_keeps_how_the_task_was_enqueued(app):
    due = timezone.now() + timedelta(hours=1)
    result = send_mail.using(priority=-20, run_after=due, backend="other", queue_name="later").enqueue()

    task = framework.task_backends["default"].get_result(result.id).task

    assert (task.priority, task.run_after, task.backend, task.queue_name) == (-20, due, "other", "later")
    assert task.func is send_mail.func


def test_result_of_a_task_that_waited_for_its_time_says_when_it_was_due_no_more(app):
    result = add.using(run_after=timezone.now() - timedelta(hours=1)).enqueue(1)

    assert add.get_result(result.id).status == Status.READY


def test_unknown_id_has_no_result(app):
    with pytest.raises(TaskResultDoesNotExist):
        add.get_result("no-such-id")


def test_job_of_celery_has_no_result_of_the_framework(app):
    job = task_of(app, total).delay([1])
    with pytest.raises(TaskResultDoesNotExist):
        framework.default_task_backend.get_result(job.id)


def test_result_of_another_task_is_a_mismatch(app):
    result = add.enqueue(1)
    with pytest.raises(TaskResultMismatch):
        echo.get_result(result.id)


def test_cancelled_job_has_failed(app):
    result = add.enqueue(1)
    assert cancel_waiting(result.id, "revoked")

    result.refresh()

    assert (result.status, result.attempts) == (Status.FAILED, 0)
    assert [error.exception_class.__name__ for error in result.errors] == ["TaskRevokedError"]


def test_job_that_was_given_up_has_failed(worker):
    worker.pool = DroppingPool()
    result = add.enqueue(1)
    worker.drain(limit=10)

    result.refresh()

    assert result.status == Status.FAILED
    assert "WorkerLostError" in {error.exception_class.__name__ for error in result.errors}


def test_job_that_is_running_says_so(worker):
    result = add.enqueue(1)
    worker.claim(1)

    result.refresh()

    assert (result.status, result.attempts, result.finished_at) == (Status.RUNNING, 1, None)


def test_attempts_whose_worker_died_are_counted_and_their_errors_kept(worker):
    result = describe.enqueue("again")
    worker.pool = DroppingPool()
    worker.drain(limit=1)
    worker.pool = InlinePool()
    worker.drain(limit=1)

    result.refresh()

    assert (result.attempts, result.return_value["attempt"]) == (2, 2)
    assert result.started_at < result.last_attempted_at
    assert [error.exception_class.__name__ for error in result.errors] == ["WorkerLostError"]


async def test_asynchronous_names_do_the_same(app):
    result = await add.aenqueue(2, 3)

    again = await add.aget_result(result.id)
    await result.arefresh()

    assert (again.id, result.status) == (result.id, Status.READY)
