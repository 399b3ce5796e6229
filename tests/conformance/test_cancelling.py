"""Cancelling through the ledger: jobs that wait, jobs that run, and workers that die before they hear of it."""

from __future__ import annotations

import pytest

from workbench.deployment import SOON, Deployment
from workbench.marks import ledger_only
from workbench.waiting import wait_until

pytestmark = ledger_only


def wait_until_cancelled(deployment: Deployment, task_id: str, reason: str) -> None:
    wait_until(lambda: deployment.celery.job(task_id)["state"] == "cancelled", timeout=30)
    assert deployment.celery.job(task_id)["reason"] == reason


def test_running_job_that_looks_ends_by_itself(any_pool: Deployment) -> None:
    name = f"looking {any_pool.worker.pool}"
    result = any_pool.celery.tasks.report_until_cancelled.delay(name)
    any_pool.wait_for_effects(name)
    assert any_pool.celery.cancel(result.id, "withdrawn") == "requested"
    wait_until_cancelled(any_pool, result.id, "withdrawn")
    assert result.state == "REVOKED"
    assert any_pool.celery.tasks.add.delay(2, 3).get(**SOON) == 5


def test_running_job_that_does_not_look_is_ended(standing: Deployment) -> None:
    result = standing.celery.tasks.work_deaf.delay("deaf")
    standing.wait_for_effects("deaf")
    standing.celery.cancel(result.id, "withdrawn")
    wait_until_cancelled(standing, result.id, "withdrawn")
    assert standing.celery.tasks.add.delay(2, 3).get(**SOON) == 5
    assert len(standing.effects("deaf")) == 1


def test_job_that_waits_within_a_worker_is_cancelled(deployment: Deployment) -> None:
    deployment.start_worker(concurrency=1)
    deployment.celery.tasks.hold.delay("busy")
    deployment.wait_for_effects("busy")
    result = deployment.celery.tasks.tell.apply_async(("cancelled",), ignore_result=False)
    wait_until(lambda: deployment.celery.job(result.id)["state"] == "executing")  # prefetched
    deployment.celery.cancel(result.id, "withdrawn")
    wait_until_cancelled(deployment, result.id, "withdrawn")
    deployment.open_gate("busy")
    assert deployment.celery.tasks.add.delay(2, 3).get(**SOON) == 5
    assert not deployment.effects("cancelled")


@pytest.mark.parametrize("how", ["cancel", "revoke"])
def test_job_whose_worker_is_killed_before_it_hears_is_not_run_again(deployment: Deployment, how: str) -> None:
    worker = deployment.start_worker(pool="solo")  # which hears nothing while it works
    result = deployment.celery.tasks.work_deaf.delay("killed")
    deployment.wait_for_effects("killed")
    if how == "cancel":
        deployment.celery.cancel(result.id, "withdrawn")
    else:
        neighbour = deployment.start_worker("-Q", "elsewhere")
        result.revoke(terminate=True)
        wait_until(lambda: deployment.celery.job(result.id)["reason"] == "terminated")
        neighbour.stop()
    worker.kill()
    deployment.start_worker()
    wait_until_cancelled(deployment, result.id, "withdrawn" if how == "cancel" else "terminated")
    assert deployment.celery.tasks.add.delay(2, 3).get(**SOON) == 5
    assert len(deployment.effects("killed")) == 1
