"""Results: what `delay()` returns, and what can be asked of it."""

from __future__ import annotations

import pytest
from celery.exceptions import TimeoutError as CeleryTimeoutError

from workbench.deployment import SOON, Deployment
from workbench.remote import RemoteError
from workbench.waiting import wait_until


def test_get_returns_what_the_task_returned(any_pool: Deployment) -> None:
    assert any_pool.celery.tasks.add.delay(2, 3).get(**SOON) == 5


def test_get_raises_what_the_task_raised(any_pool: Deployment) -> None:
    with pytest.raises(ValueError, match="no such customer"):
        any_pool.celery.tasks.fail.delay("no such customer").get(**SOON)


def test_get_raises_an_exception_of_the_project_with_its_own_class(standing: Deployment) -> None:
    with pytest.raises(RemoteError) as caught:
        standing.celery.tasks.refuse.delay("card expired").get(**SOON)
    assert (caught.value.type_name, caught.value.args[1]) == ("PaymentRefusedError", "card expired")


def test_exception_of_a_model_is_caught_by_its_class(standing: Deployment) -> None:
    celery = standing.celery
    assert celery.raises_missing_note(celery.tasks.read_note.delay(0))


def test_exception_keeps_arguments_that_json_does_not_know(standing: Deployment) -> None:
    with pytest.raises(LookupError, match="00000000-0000-0000-0000-000000000007"):
        standing.celery.tasks.fail_about_an_object.delay().get(**SOON)


@pytest.mark.parametrize("message", ["NUL \0 inside", "a file's name \udc80"], ids=["NUL", "surrogate"])
def test_exception_whose_text_no_database_takes_ends_the_task_all_the_same(
    deployment: Deployment, message: str
) -> None:
    deployment.launch_worker()
    with pytest.raises(ValueError, match=r"inside|file"):
        deployment.celery.tasks.fail.delay(message).get(**SOON)
    assert deployment.celery.tasks.add.delay(2, 3).get(**SOON) == 5


def test_task_may_settle_its_own_state(standing: Deployment) -> None:
    with pytest.raises(ValueError, match="settled"):
        standing.celery.tasks.settle_its_own_failure.delay().get(**SOON)
    assert standing.celery.tasks.settle_its_own_success.delay().get(**SOON) == "settled"


def test_finished_task_is_ready_and_successful(standing: Deployment) -> None:
    result = standing.celery.tasks.add.delay(2, 3)
    result.get(**SOON)
    assert (result.ready(), result.successful(), result.failed()) == (True, True, False)
    assert (result.state, result.info, result.result) == ("SUCCESS", 5, 5)


def test_failed_task_keeps_its_exception_and_traceback(standing: Deployment) -> None:
    result = standing.celery.tasks.fail.delay("no such customer")
    result.get(propagate=False, **SOON)
    assert (result.ready(), result.successful(), result.failed()) == (True, False, True)
    assert (result.state, type(result.info)) == ("FAILURE", ValueError)
    assert "tasks.py" in result.traceback
    assert "ValueError: no such customer" in result.traceback


def test_get_without_propagation_returns_the_exception(standing: Deployment) -> None:
    error = standing.celery.tasks.fail.delay("no such customer").get(propagate=False, **SOON)
    assert isinstance(error, ValueError)


def test_task_that_nobody_ran_is_pending(standing: Deployment) -> None:
    result = standing.celery.tasks.add.apply_async((2, 3), queue="nobody's")
    assert (result.state, result.ready(), result.info) == ("PENDING", False, None)


def test_unknown_task_id_is_pending(standing: Deployment) -> None:
    assert standing.celery.AsyncResult("never enqueued").state == "PENDING"


def test_get_gives_up_at_its_timeout(standing: Deployment) -> None:
    with pytest.raises(CeleryTimeoutError):
        standing.celery.tasks.add.apply_async((2, 3), queue="nobody's").get(timeout=0.1, interval=0.01)


def test_running_task_is_started(standing: Deployment) -> None:
    result = standing.celery.tasks.hold.delay("started")
    standing.wait_for_effects("started")
    wait_until(lambda: result.state == "STARTED")
    standing.open_gate("started")
    assert result.get(**SOON) == "started"


def test_ignored_result_is_not_kept(any_pool: Deployment) -> None:
    result = any_pool.celery.tasks.tell.delay("ignored result")
    any_pool.wait_for_effects("ignored result")
    assert result.get(**SOON) is None
    assert any_pool.celery.AsyncResult(result.id).result is None


def test_result_can_be_ignored_at_the_call(standing: Deployment) -> None:
    result = standing.celery.tasks.add.apply_async((2, 3), ignore_result=True)
    standing.celery.tasks.add.delay(1, 1).get(**SOON)
    assert standing.celery.AsyncResult(result.id).result is None


def test_progress_is_seen_while_the_task_runs(any_pool: Deployment) -> None:
    result = any_pool.celery.tasks.report_progress.delay("progress")
    any_pool.wait_for_effects("progress")
    assert (result.state, result.info) == ("HALFWAY", {"done": 5, "total": 10})
    any_pool.open_gate("progress")
    assert result.get(**SOON) == "all"
    assert result.state == "SUCCESS"


def test_result_is_found_by_id_alone(standing: Deployment) -> None:
    task_id = standing.celery.tasks.add.delay(2, 3).id
    assert standing.celery.AsyncResult(task_id).get(**SOON) == 5


def test_forgotten_result_is_pending_again(standing: Deployment) -> None:
    result = standing.celery.tasks.add.delay(2, 3)
    result.get(**SOON)
    result.forget()
    assert standing.celery.AsyncResult(result.id).state == "PENDING"


def test_caller_may_choose_the_id(standing: Deployment) -> None:
    result = standing.celery.tasks.add.apply_async((2, 3), task_id="chosen-by-the-caller")
    assert (result.id, result.get(**SOON)) == ("chosen-by-the-caller", 5)


@pytest.mark.parametrize(
    "value",
    [None, True, 1.5, "", [], {"nested": [{"deep": None}]}, "grüße 👩‍🔧 שלום مرحبا", "quote ' \" \\ \n %s {}"],
    ids=repr,
)
def test_value_comes_back_as_it_went(standing: Deployment, value: object) -> None:
    assert standing.celery.tasks.echo.delay(value).get(**SOON) == value


def test_a_megabyte_comes_back_as_it_went(standing: Deployment) -> None:
    value = "é" * 1_000_000
    assert standing.celery.tasks.echo.delay(value).get(**SOON) == value


def test_apply_runs_in_the_process_of_the_caller(standing: Deployment) -> None:
    assert standing.celery.tasks.add.apply((2, 3)).get() == 5
