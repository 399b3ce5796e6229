"""What real workers count, and where it adds up."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from workbench.marks import embedded_only
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from workbench.deployment import Deployment

pytestmark = embedded_only  # who carries a job does not matter to who counts

TELL = "project.tasks.tell"
JOBS = 40
PATIENCE_SECONDS = 40.0


def test_tasks_of_a_running_worker_are_counted_within_seconds(deployment: Deployment) -> None:
    deployment.start_worker()
    for number in range(JOBS):
        deployment.celery.tasks.tell.delay(f"job {number}")
    wait_until(lambda: deployment.celery.metric_totals(TELL).get("task_succeeded") == JOBS, timeout=PATIENCE_SECONDS)
    totals = deployment.celery.metric_totals(TELL)
    assert (totals["task_received"], totals["task_started"]) == (JOBS, JOBS)
    assert totals["task_runtime_sum"] > 0


def test_counts_of_two_workers_add_up_and_outlive_them(deployment: Deployment) -> None:
    for _ in range(2):
        worker = deployment.start_worker()
        deployment.celery.tasks.fail.delay("no")
        wait_until(lambda: set(deployment.celery.jobs_by_state()) == {"discarded"}, timeout=PATIENCE_SECONDS)
        worker.stop()
    assert deployment.celery.metric_totals("project.tasks.fail")["task_failed"] == 2


def test_killed_worker_is_told_by_who_rescues(deployment: Deployment) -> None:
    lost = deployment.start_worker(concurrency=1)
    deployment.celery.tasks.hold_acknowledging_late.delay("gate")
    deployment.wait_for_effects("gate")
    lost.send(signal.SIGKILL)
    deployment.start_worker(concurrency=1)
    deployment.open_gate("gate")
    wait_until(lambda: deployment.celery.event_total("process.lost") == 1, timeout=PATIENCE_SECONDS)
    assert deployment.celery.event_total("job.rescued") == 1
