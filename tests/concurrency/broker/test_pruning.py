"""History is pruned while workers run: in portions, and nobody who works is kept waiting or loses anything."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from workbench.marks import embedded_only
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from workbench.deployment import Deployment

pytestmark = embedded_only

HISTORY = 100_000
JOBS = 2_000
LARGEST_PORTION = 1_000
PRUNE = (sys.executable, "-m", "workstate.cli", "prune", "--json")


@pytest.mark.timeout(400)
def test_a_hundred_thousand_old_rows_go_while_workers_work(deployment: Deployment) -> None:
    celery = deployment.celery
    celery.fill_history(HISTORY)
    for _ in range(2):
        deployment.launch_worker("-l", "WARNING")
    deployment.start("enqueuer", sys.executable, "-m", "project.enqueue", "worked", "0", str(JOBS))
    deployment.wait_for_effects("worked", 1, timeout=60)

    pruned = subprocess.run(
        PRUNE, env=deployment.environment, cwd=deployment.directory, capture_output=True, text=True, check=False
    )
    assert pruned.returncode == 0, pruned.stderr
    report = json.loads(pruned.stdout)

    assert 0 < report["largest_portion_rows"] <= LARGEST_PORTION
    assert report["portions"] >= report["rows"]["completed jobs"] / LARGEST_PORTION
    wait_until(lambda: celery.jobs_by_state() == {"completed": JOBS}, timeout=120)
    assert sorted(effect["number"] for effect in deployment.effects("worked")) == list(range(JOBS))
