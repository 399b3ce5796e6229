"""Revoking: tasks that wait, tasks that run, and whether the worker remembers."""

from __future__ import annotations

import pytest
from celery.exceptions import TaskRevokedError

from workbench.deployment import SOON, Deployment
from workbench.marks import ledger_only
from workbench.waiting import wait_until


def knows_as_revoked(deployment: Deployment, task_id: str) -> bool:
    node = deployment.worker.node
    return task_id in deployment.celery.app.control.inspect([node]).revoked()[node]


def test_revoked_task_that_waits_for_its_time_is_not_run(any_pool: Deployment) -> None:
    result = any_pool.celery.tasks.tell.apply_async(("revoked eta",), countdown=0.5, ignore_result=False)
    result.revoke()
    with pytest.raises(TaskRevokedError):
        result.get(**SOON)
    assert (result.state, any_pool.effects("revoked eta")) == ("REVOKED", [])


def test_revoked_task_behind_a_busy_worker_is_not_run(deployment: Deployment) -> None:
    tasks = deployment.celery.tasks
    deployment.start_worker(concurrency=1)
    tasks.hold.delay("busy")
    deployment.wait_for_effects("busy")
    result = tasks.tell.apply_async(("revoked",), ignore_result=False)
    result.revoke()
    wait_until(lambda: knows_as_revoked(deployment, result.id))
    deployment.open_gate("busy")
    with pytest.raises(TaskRevokedError):
        result.get(**SOON)
    assert not deployment.effects("revoked")


def test_running_task_is_left_alone_by_a_plain_revoke(standing: Deployment) -> None:
    result = standing.celery.tasks.hold.delay("plain revoke")
    standing.wait_for_effects("plain revoke")
    result.revoke()
    wait_until(lambda: knows_as_revoked(standing, result.id))
    standing.open_gate("plain revoke")
    assert result.get(**SOON) == "plain revoke"


def test_running_task_is_ended_by_a_revoke_that_terminates(standing: Deployment) -> None:
    result = standing.celery.tasks.hold.delay("terminated")
    standing.wait_for_effects("terminated")
    result.revoke(terminate=True)
    with pytest.raises(TaskRevokedError):
        result.get(**SOON)
    assert result.state == "REVOKED"
    assert standing.celery.tasks.add.delay(2, 3).get(**SOON) == 5
    standing.open_gate("terminated")
    assert not standing.effects("terminated done")


def test_worker_with_a_state_file_remembers_what_was_revoked(deployment: Deployment) -> None:
    remember = ("--statedb", str(deployment.directory / "worker.state"))
    first = deployment.start_worker(*remember, pool="solo")
    deployment.celery.app.control.revoke("revoked-before-the-restart")
    wait_until(lambda: knows_as_revoked(deployment, "revoked-before-the-restart"))
    assert first.stop() == 0
    result = deployment.celery.tasks.tell.apply_async(
        ("remembered",), task_id="revoked-before-the-restart", ignore_result=False
    )
    deployment.launch_worker(*remember, pool="solo")
    with pytest.raises(TaskRevokedError):
        result.get(**SOON)
    assert not deployment.effects("remembered")


@ledger_only
def test_revoked_job_is_cancelled_for_every_worker_to_come(deployment: Deployment) -> None:
    first = deployment.start_worker(pool="solo")
    result = deployment.celery.tasks.tell.apply_async(("cancelled",), countdown=3600)
    result.revoke()
    wait_until(lambda: deployment.celery.job(result.id)["state"] == "cancelled")
    first.stop()
    deployment.start_worker(pool="solo")
    assert deployment.celery.tasks.add.delay(2, 3).get(**SOON) == 5
    assert deployment.celery.job(result.id)["state"] == "cancelled"
