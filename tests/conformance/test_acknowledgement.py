"""Acknowledgement: when a message is done with, and what a task may say about it."""

from __future__ import annotations

import pytest

from workbench.deployment import SOON, Deployment
from workbench.marks import RABBITMQ_OVER_POSTGRESQL, ledger_only
from workbench.waiting import wait_until


def test_task_that_ignores_rejects_or_fails_is_done_and_not_for_the_next_worker(deployment: Deployment) -> None:
    tasks = deployment.celery.tasks
    worker = deployment.start_worker(pool="solo")
    ignored = tasks.ignore.delay("done")
    tasks.reject.delay("done")
    tasks.fail_acknowledging_late.delay("done")
    deployment.wait_for_effects("done", 3)
    assert worker.stop() == 0
    assert not ignored.ready()
    deployment.launch_worker(pool="solo")
    assert tasks.add.delay(2, 3).get(**SOON) == 5
    assert len(deployment.effects("done")) == 3


@ledger_only
def test_rejected_task_is_a_dead_letter(standing: Deployment) -> None:
    task_id = standing.celery.tasks.reject.delay("dead letter").id
    wait_until(lambda: standing.celery.job(task_id)["state"] == "discarded")
    assert "reject" in standing.celery.job(task_id)["reason"]


def test_task_rejected_with_requeue_is_delivered_again(any_pool: Deployment) -> None:
    result = any_pool.celery.tasks.reject_once.delay("requeued")
    assert result.get(**SOON) == "accepted"
    assert [effect["redelivered"] for effect in any_pool.effects("requeued")] == [False, True]


def test_tasks_of_both_kinds_of_acknowledgement_run_once(standing: Deployment) -> None:
    tasks = standing.celery.tasks
    standing.open_gate("both kinds")
    for task in (tasks.hold_acknowledging_late, tasks.hold_acknowledging_early):
        task.delay("both kinds").get(**SOON)
    assert len(standing.effects("both kinds")) == 2


def test_warm_shutdown_finishes_what_runs_and_gives_back_what_waits(deployment: Deployment) -> None:
    worker = deployment.start_worker("--prefetch-multiplier", "4", concurrency=1)
    results = [deployment.celery.tasks.hold.delay(name) for name in ("running", "waiting", "waiting")]
    deployment.wait_for_effects("running")
    wait_until(lambda: len(deployment.celery.app.control.inspect([worker.node]).reserved()[worker.node]) == 2)
    worker.ask_to_stop()
    wait_until(lambda: "Warm shutdown" in worker.log())
    deployment.open_gate("running")
    assert worker.wait() == 0
    assert results[0].get(**SOON) == "running"
    assert not deployment.effects("waiting")
    deployment.open_gate("waiting")
    deployment.launch_worker()
    assert [result.get(**SOON) for result in results[1:]] == ["waiting", "waiting"]
    assert (len(deployment.effects("running")), len(deployment.effects("waiting"))) == (1, 2)


def test_cold_shutdown_gives_back_what_ran_with_late_acknowledgement(deployment: Deployment) -> None:
    worker = deployment.start_worker(concurrency=1)
    deployment.celery.tasks.hold_acknowledging_late.delay("interrupted")
    deployment.wait_for_effects("interrupted")
    worker.quit()
    deployment.open_gate("interrupted")
    deployment.launch_worker(pool="solo")
    deployment.wait_for_effects("interrupted done")
    assert len(deployment.effects("interrupted")) == 2


def test_cold_shutdown_starts_nothing_again_that_ran_with_early_acknowledgement(deployment: Deployment) -> None:
    worker = deployment.start_worker(concurrency=1)
    tasks = deployment.celery.tasks
    tasks.hold_acknowledging_early.delay("interrupted")
    deployment.wait_for_effects("interrupted")
    worker.quit()
    deployment.open_gate("interrupted")
    deployment.launch_worker(pool="solo")
    assert tasks.add.delay(2, 3).get(**SOON) == 5
    assert len(deployment.effects("interrupted")) == 1


@ledger_only
@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_cold_shutdown_waits_until_the_transaction_is_over_that_it_comes_into(
    deployment: Deployment, pool: str
) -> None:
    result = deployment.celery.tasks.add.delay(2, 3)
    worker = deployment.launch_worker("--include", "project.interrupted", pool=pool)
    [asked] = deployment.wait_for_effects("asked to stop")
    assert not asked["is_stopping"]
    worker.wait()
    assert deployment.celery.job(result.id)["state"] == "completed"


@pytest.mark.parametrize("lane", [RABBITMQ_OVER_POSTGRESQL], indirect=True)
def test_cold_shutdown_that_comes_as_the_worker_writes_to_rabbitmq_ends_it(deployment: Deployment) -> None:
    worker = deployment.start_worker("--include", "project.interrupted_writing")
    deployment.celery.tasks.add.delay(2, 3)
    worker.wait(timeout=60)
    assert "Cold shutdown" in worker.log()


def test_child_is_replaced_after_its_share_of_tasks(deployment: Deployment) -> None:
    deployment.launch_worker("--max-tasks-per-child", "2", concurrency=1)
    for _ in range(6):
        deployment.celery.tasks.tell.delay("child")
    effects = deployment.wait_for_effects("child", 6)
    assert len({effect["pid"] for effect in effects}) == 3
