"""Retries: asked for by the task, or by its declaration."""

from __future__ import annotations

import pytest
from celery.exceptions import MaxRetriesExceededError

from workbench.deployment import SOON, Deployment
from workbench.marks import ledger_only
from workbench.waiting import wait_until


def test_task_that_retries_succeeds_in_the_end(any_pool: Deployment) -> None:
    result = any_pool.celery.tasks.succeed_at_the_third_try.delay("third try")
    assert result.get(**SOON) == 2
    assert [effect["retries"] for effect in any_pool.effects("third try")] == [0, 1, 2]


def test_retry_waits_for_its_countdown(standing: Deployment) -> None:
    standing.celery.tasks.succeed_at_the_third_try.delay("spaced").get(**SOON)
    first, second, third = standing.effects("spaced")
    assert second["at"] - first["at"] >= 0.05
    assert third["at"] - second["at"] >= 0.05


def test_task_between_two_tries_says_retry(standing: Deployment) -> None:
    result = standing.celery.tasks.retry_later.delay("later")
    wait_until(lambda: result.state == "RETRY")
    assert isinstance(result.info, ConnectionError)
    result.revoke()


def test_progress_of_a_try_does_not_hide_that_it_is_retried(standing: Deployment) -> None:
    result = standing.celery.tasks.report_progress_and_retry_later.delay()
    wait_until(lambda: result.state == "RETRY")
    result.revoke()


def test_success_after_a_retry_shows_no_traceback(standing: Deployment) -> None:
    result = standing.celery.tasks.succeed_at_the_third_try.delay("no traceback")
    result.get(**SOON)
    assert (result.state, result.traceback) == ("SUCCESS", None)


def test_retries_end_at_their_maximum(standing: Deployment) -> None:
    with pytest.raises(MaxRetriesExceededError):
        standing.celery.tasks.retry_in_vain.delay("in vain").get(**SOON)
    assert [effect["retries"] for effect in standing.effects("in vain")] == [0, 1]


def test_last_retry_raises_its_cause(standing: Deployment) -> None:
    with pytest.raises(ConnectionError, match="unreachable"):
        standing.celery.tasks.retry_for_a_cause.delay().get(**SOON)


def test_declared_errors_are_retried(any_pool: Deployment) -> None:
    with pytest.raises(ConnectionError, match="unreachable"):
        any_pool.celery.tasks.fail_to_connect.delay("declared").get(**SOON)
    effects = any_pool.effects("declared")
    assert [effect["retries"] for effect in effects] == [0, 1, 2]


def test_backoff_spaces_the_tries(standing: Deployment) -> None:
    with pytest.raises(ConnectionError, match="unreachable"):
        standing.celery.tasks.fail_to_connect_and_back_off.delay("backoff").get(**SOON)
    first, second = standing.effects("backoff")
    assert second["at"] - first["at"] >= 1


def test_other_errors_are_not_retried(standing: Deployment) -> None:
    with pytest.raises(ValueError, match="final"):
        standing.celery.tasks.fail.delay("final").get(**SOON)


def test_retry_without_throwing_goes_on_and_runs_again(standing: Deployment) -> None:
    result = standing.celery.tasks.retry_and_go_on.delay("went on")
    effects = standing.wait_for_effects("went on", 2)
    assert [effect["retries"] for effect in effects] == [0, 1]
    wait_until(lambda: result.state == "SUCCESS")


def test_backoff_stops_growing_at_its_maximum(standing: Deployment) -> None:
    with pytest.raises(ConnectionError, match="unreachable"):
        standing.celery.tasks.fail_to_connect_with_a_cap.delay("capped").get(**SOON)
    moments = [effect["at"] for effect in standing.effects("capped")]
    assert len(moments) == 4
    assert moments[3] - moments[0] < 6  # without the cap at least 1 + 2 + 4 seconds


def test_backoff_with_jitter_tries_as_often(standing: Deployment) -> None:
    with pytest.raises(ConnectionError, match="unreachable"):
        standing.celery.tasks.fail_to_connect_with_jitter.delay("jitter").get(**SOON)
    assert len(standing.effects("jitter")) == 3


def test_error_that_is_ruled_out_is_not_retried(standing: Deployment) -> None:
    with pytest.raises(FileNotFoundError):
        standing.celery.tasks.fail_to_find.delay("ruled out").get(**SOON)
    assert len(standing.effects("ruled out")) == 1


@ledger_only
def test_policy_tries_as_often_as_it_says(any_pool: Deployment) -> None:
    with pytest.raises(ConnectionError, match="unreachable"):
        any_pool.celery.tasks.fail_to_connect_by_policy.delay("by policy").get(**SOON)
    assert len(any_pool.effects("by policy")) == 3


@ledger_only
def test_final_error_ends_the_job_at_once(any_pool: Deployment) -> None:
    result = any_pool.celery.tasks.refuse_for_good.delay("for good")
    wait_until(lambda: result.state == "FAILURE")
    assert len(any_pool.effects("for good")) == 1


@ledger_only
def test_task_that_asks_for_another_try_gets_it(any_pool: Deployment) -> None:
    assert any_pool.celery.tasks.ask_for_another_try.delay("once more").get(**SOON) == 1
    first, second = any_pool.effects("once more")
    assert second["at"] - first["at"] >= 0.05
