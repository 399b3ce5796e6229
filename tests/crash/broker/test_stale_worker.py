"""A worker that was stopped beyond its lease and wakes up: it can't close what was rescued from it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from workbench.deployment import SOON
from workbench.marks import few_lanes
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from workbench.deployment import Deployment
    from workbench.processes import Worker

pytestmark = [few_lanes, pytest.mark.timeout(300)]

RESCUE_SECONDS = 60


@pytest.fixture
def stopped(deployment: Deployment) -> Worker:
    """A worker that runs one job, then was stopped until its lease was over."""
    deployment.celery.endings.watch()
    worker = deployment.start_worker("-Q", "celery,of_the_first", concurrency=1)
    deployment.celery.tasks.hold_each_run.apply_async(("held",), task_id="the-job")
    deployment.wait_for_effects("held")
    worker.send(signal.SIGSTOP)
    deployment.celery.expire_lease(worker.node)
    return worker


def let_another_worker_rescue(deployment: Deployment) -> tuple[int, int]:
    """Start a second worker; returns the pids in which the first and the second attempt run."""
    deployment.launch_worker("-Q", "celery", concurrency=1)
    first, second = deployment.wait_for_effects("held", 2, timeout=RESCUE_SECONDS)
    return first["pid"], second["pid"]


def wake_up(deployment: Deployment, stale: Worker) -> None:
    """Continue the stale worker and wait until it has gone through what it had."""
    stale.send(signal.SIGCONT)
    answer = deployment.celery.tasks.add.apply_async((2, 3), queue="of_the_first")
    assert answer.get(timeout=RESCUE_SECONDS, interval=0.01) == 5


def test_stale_worker_does_not_close_the_newer_attempt(deployment: Deployment, stopped: Worker) -> None:
    first, second = let_another_worker_rescue(deployment)
    deployment.open_gate(f"held {first}")
    deployment.wait_for_effects("held done")
    wake_up(deployment, stopped)
    job = deployment.celery.job("the-job")
    assert (job["state"], job["attempt"]) == ("executing", 2)
    deployment.open_gate(f"held {second}")
    assert deployment.celery.AsyncResult("the-job").get(**SOON) == second


def test_job_that_the_newer_attempt_has_closed_stays_closed(deployment: Deployment, stopped: Worker) -> None:
    first, second = let_another_worker_rescue(deployment)
    deployment.open_gate(f"held {second}")
    assert deployment.celery.AsyncResult("the-job").get(**SOON) == second
    deployment.open_gate(f"held {first}")
    deployment.wait_for_effects("held done", 2)
    wake_up(deployment, stopped)
    assert deployment.celery.AsyncResult("the-job").get(**SOON) == second
    endings = [task_id for task_id, _ in deployment.celery.endings.noted()]
    assert endings.count("the-job") == 1


def test_stale_worker_takes_a_new_lease_and_goes_on(deployment: Deployment, stopped: Worker) -> None:
    pids = let_another_worker_rescue(deployment)
    for pid in pids:
        deployment.open_gate(f"held {pid}")
    wake_up(deployment, stopped)
    wait_until(lambda: "new lease" in stopped.log())
    assert stopped.stop() == 0
