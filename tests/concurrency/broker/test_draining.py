"""Many processes at one ledger: each job runs once, whoever claims it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from workbench.marks import few_lanes
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from workbench.deployment import Deployment

pytestmark = few_lanes

ENQUEUERS = 4
JOBS_EACH = 1250
JOBS = ENQUEUERS * JOBS_EACH


def enqueue(deployment: Deployment, enqueuer: int) -> None:
    first = str(enqueuer * JOBS_EACH)
    deployment.start(f"enqueuer{enqueuer}", sys.executable, "-m", "project.enqueue", "drained", first, str(JOBS_EACH))


@pytest.mark.timeout(300)
def test_two_workers_drain_what_four_processes_enqueue_and_run_each_job_once(deployment: Deployment) -> None:
    deployment.celery.endings.watch()
    for _ in range(2):
        deployment.launch_worker("-l", "WARNING")
    for enqueuer in range(ENQUEUERS):
        enqueue(deployment, enqueuer)
    wait_until(lambda: deployment.celery.jobs_by_state() == {"completed": JOBS}, timeout=60)
    assert sorted(effect["number"] for effect in deployment.effects("drained")) == list(range(JOBS))
    endings = deployment.celery.endings.noted()
    assert (len(endings), len(set(endings))) == (JOBS, JOBS)


def test_worker_without_prefetching_leaves_work_to_the_other(deployment: Deployment) -> None:
    prefetch_nothing = ("--prefetch-multiplier", "1")
    workers = [deployment.launch_worker(*prefetch_nothing, pool="solo", concurrency=1) for _ in range(2)]
    for worker in workers:
        worker.wait_ready()
    for _ in range(2):
        deployment.celery.tasks.hold.delay("shared")
    effects = deployment.wait_for_effects("shared", 2)
    assert {effect["pid"] for effect in effects} == {worker.pid for worker in workers}
    deployment.open_gate("shared")


def test_revoked_and_claimed_at_once_a_job_ends_once(deployment: Deployment) -> None:
    celery = deployment.celery
    celery.endings.watch()
    deployment.start_worker()
    results = [celery.tasks.tell.delay("raced") for _ in range(50)]
    celery.app.control.revoke([result.id for result in results])
    wait_until(lambda: len(celery.endings.noted()) >= len(results))
    endings = celery.endings.noted()
    assert {task_id for task_id, _ in endings} == {result.id for result in results}
    assert len(endings) == len(results)
    completed = [task_id for task_id, state in endings if state == "completed"]
    assert len(deployment.effects("raced")) == len(completed)
