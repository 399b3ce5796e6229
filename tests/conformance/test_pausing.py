"""A paused queue stands still for every worker, and goes on where it stood."""

from __future__ import annotations

from workbench.deployment import SOON, Deployment
from workbench.marks import ledger_only
from workbench.waiting import wait_until

pytestmark = ledger_only


def test_pause_holds_for_two_workers_and_what_runs_goes_on(deployment: Deployment) -> None:
    tasks = deployment.celery.tasks
    running = [tasks.hold.delay("running") for _ in range(2)]
    for _ in range(2):
        deployment.start_worker("-Q", "celery,other", "--prefetch-multiplier", "1", concurrency=1)
    deployment.wait_for_effects("running", 2)

    deployment.celery.pause_queue(queue="celery", by="ada", reason="a test")
    waiting = [tasks.add.delay(1, 1) for _ in range(5)]
    deployment.open_gate("running")
    for result in running:
        result.get(**SOON)
    assert tasks.add.apply_async((2, 3), queue="other").get(**SOON) == 5
    assert [result.state for result in waiting] == ["PENDING"] * 5

    assert deployment.celery.resume_queue(queue="celery", by="ada")
    assert [result.get(**SOON) for result in waiting] == [2] * 5


def test_jobs_that_a_busy_worker_holds_go_back_when_their_queue_is_paused(deployment: Deployment) -> None:
    tasks = deployment.celery.tasks
    deployment.start_worker(concurrency=1)
    tasks.hold.delay("busy")
    deployment.wait_for_effects("busy")
    for _ in range(2):
        tasks.add.delay(1, 1)
    wait_until(lambda: deployment.celery.jobs_by_state() == {"executing": 3})

    deployment.celery.pause_queue(queue="celery", by="ada")
    wait_until(lambda: deployment.celery.jobs_by_state() == {"executing": 1, "available": 2})
    deployment.open_gate("busy")
    wait_until(lambda: deployment.celery.jobs_by_state() == {"completed": 1, "available": 2})
