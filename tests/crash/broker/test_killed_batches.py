"""A batch whose workers are killed ends once, with every job counted once."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from workbench.marks import few_lanes
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from workbench.deployment import Deployment

pytestmark = few_lanes

JOBS = 300
KILLS = 3


@pytest.mark.timeout(300)
def test_batch_ends_once_through_kills_of_its_workers(deployment: Deployment) -> None:
    batch_id = deployment.celery.tell_in_a_batch("member", JOBS, on_end="ended")
    for kill in range(KILLS):
        worker = deployment.start_worker("-l", "WARNING")
        deployment.wait_for_effects("member", 50 * kill + 1, timeout=60)
        os.killpg(worker.pid, signal.SIGKILL)
    deployment.start_worker("-l", "WARNING")

    deployment.wait_for_effects("ended", timeout=90)
    wait_until(lambda: set(deployment.celery.jobs_by_state()) == {"completed"}, timeout=60)
    assert deployment.celery.counts_of_batch(batch_id) == (JOBS, 0, 0, JOBS)
    assert deployment.celery.count_jobs() == JOBS + 1
