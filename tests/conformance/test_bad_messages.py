"""Bad input: tasks nobody knows, arguments that are not JSON, messages that are none."""

from __future__ import annotations

import pytest
from celery.exceptions import NotRegistered
from kombu.exceptions import EncodeError

from workbench.deployment import SOON, Deployment
from workbench.marks import ledger_only
from workbench.waiting import wait_until


def assert_worker_goes_on(deployment: Deployment) -> None:
    assert deployment.celery.tasks.add.delay(2, 3).get(**SOON) == 5


def test_unknown_task_fails_and_the_worker_goes_on(any_pool: Deployment) -> None:
    with pytest.raises(NotRegistered, match="no_such_task"):
        any_pool.celery.app.send_task("project.tasks.no_such_task").get(**SOON)
    assert_worker_goes_on(any_pool)


@ledger_only
def test_unknown_task_is_a_dead_letter_with_a_reason(standing: Deployment) -> None:
    task_id = standing.celery.app.send_task("project.tasks.no_such_task").id
    wait_until(lambda: standing.celery.job(task_id)["state"] == "discarded")
    job = standing.celery.job(task_id)
    assert "project.tasks.no_such_task" in f"{job['reason']} {job['error_message']}"
    assert job["reason"]


def test_arguments_that_are_not_json_are_refused_at_the_call(standing: Deployment) -> None:
    celery = standing.celery
    with pytest.raises(EncodeError):
        celery.tasks.echo.delay(celery.chain)
    assert_worker_goes_on(standing)


@ledger_only
def test_refused_call_writes_nothing(deployment: Deployment) -> None:
    celery = deployment.celery
    with pytest.raises(EncodeError):
        celery.tasks.echo.delay(celery.chain)
    assert celery.count_jobs() == 0


def test_wrong_number_of_arguments_is_refused_at_the_call(standing: Deployment) -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        standing.celery.tasks.add.delay(1)


def test_message_whose_body_is_not_json_does_not_stop_the_worker(standing: Deployment) -> None:
    standing.celery.put_raw_message(
        b"{this is not JSON", {"id": "bad-body", "task": "project.tasks.add", "lang": "py", "argsrepr": "()"}
    )
    assert_worker_goes_on(standing)


def test_message_without_headers_does_not_stop_the_worker(standing: Deployment) -> None:
    standing.celery.put_raw_message(b'{"hello": "worker"}', {})
    assert_worker_goes_on(standing)


def test_message_of_another_content_type_does_not_stop_the_worker(standing: Deployment) -> None:
    standing.celery.put_raw_message(
        b"pickled", {"id": "pickled", "task": "project.tasks.add"}, content_type="application/x-python-serialize"
    )
    assert_worker_goes_on(standing)


@ledger_only
@pytest.mark.parametrize("column", ["headers", "properties", "body"])
def test_malformed_row_is_a_dead_letter_with_a_reason(deployment: Deployment, column: str) -> None:
    task_id = deployment.celery.tasks.add.delay(1, 1).id
    deployment.celery.spoil_job(task_id, column)
    deployment.launch_worker(pool="solo")
    assert_worker_goes_on(deployment)
    wait_until(lambda: deployment.celery.job(task_id)["state"] == "discarded")
    assert deployment.celery.job(task_id)["reason"]
