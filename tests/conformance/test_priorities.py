"""Under load an urgent job overtakes all that no worker has claimed; what is claimed is bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workbench.marks import embedded_only
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from workbench.deployment import Deployment

pytestmark = [embedded_only, pytest.mark.timeout(300)]

BACKLOG = 3000
PREFETCH = 4
PROCESSES = 2
LOOKAHEAD = 32 * PROCESSES
"""What a worker claims beyond its prefetch limit while jobs are short (`bundles.LARGEST` a process)."""


def overtaken(deployment: Deployment, *, before: str) -> int:
    """Return how many of the backlog were begun after the urgent job was enqueued and before it began."""
    names = [effect["name"] for effect in deployment.effects()]
    return names.index("urgent") - names.index(before) - 1


def test_urgent_job_overtakes_a_backlog_of_short_jobs_in_bundles(deployment: Deployment) -> None:
    deployment.start_worker("--prefetch-multiplier", str(PREFETCH), concurrency=PROCESSES)
    deployment.celery.enqueue_backlog("short", BACKLOG)
    deployment.wait_for_effects("short", 200, timeout=60)
    deployment.celery.tell_urgently()
    deployment.wait_for_effects("urgent", timeout=60)
    deployment.wait_for_effects("short", BACKLOG, timeout=60)
    wait_until(lambda: deployment.celery.jobs_by_state() == {"completed": BACKLOG + 1})

    # What was in hand, and at most as much again that ended while the commit was on its way.
    assert overtaken(deployment, before="enqueued urgent") <= 2 * (PREFETCH * PROCESSES + LOOKAHEAD)


def test_urgent_job_waits_only_for_what_a_busy_worker_has_claimed(deployment: Deployment) -> None:
    tasks = deployment.celery.tasks
    deployment.start_worker("--prefetch-multiplier", "2", concurrency=1)
    for _ in range(30):
        tasks.hold.delay("gate")
    deployment.wait_for_effects("gate")
    wait_until(lambda: deployment.celery.jobs_by_state() == {"executing": 2, "available": 28})
    deployment.celery.tell_urgently()
    deployment.open_gate("gate")
    deployment.wait_for_effects("gate done", 30, timeout=60)

    names = [effect["name"] for effect in deployment.effects() if effect["name"] in {"gate", "urgent"}]
    assert names.index("urgent") <= 3


def test_urgent_limited_job_is_admitted_before_the_backlog_of_its_key(deployment: Deployment) -> None:
    tasks = deployment.celery.tasks
    for _ in range(20):
        tasks.use_a_place.delay(1)
    tasks.use_a_place.apply_async((1,), {"seconds": 0.021}, priority=-1)
    deployment.start_worker()
    wait_until(lambda: deployment.celery.jobs_by_state() == {"completed": 21}, timeout=60)

    order = deployment.celery.arguments_by_claim()
    assert {"seconds": 0.021} in order[:3]
