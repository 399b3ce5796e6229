"""What becomes of tasks that run when everything is told to end."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from supervised.naps import BEGINS, nap
from supervised.watching import SUPPORT
from workbench.processes import Process
from workbench.waiting import wait_until
from workstate.core.jobs.models import Job
from workstate.core.jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def supervisor(database, tmp_path: Path) -> Iterator[Process]:
    """The product's worker under its supervisor, on the test's database."""
    environment = database.environment() | {"PYTHONPATH": str(SUPPORT), "WORKSTATE_DATA": str(tmp_path)}
    command = [sys.executable, "-m", "supervised.run_worker"]
    process = Process("supervisor", command, environment=environment, directory=tmp_path)
    yield process
    process.end_group()


def end_while_it_runs(supervisor: Process) -> None:
    wait_until(lambda: BEGINS in supervisor.log(), timeout=60)
    os.kill(supervisor.pid, signal.SIGINT)
    assert supervisor.wait(timeout=30) == 0


def test_long_task_is_given_back_to_the_queue(supervisor: Process) -> None:
    task_id = nap.delay(60).id
    end_while_it_runs(supervisor)
    job = Job.objects.get(task_id=task_id)
    assert (job.state, job.lost_attempts) == (State.AVAILABLE, 0)


def test_short_task_is_finished(supervisor: Process) -> None:
    task_id = nap.delay(0.5).id
    end_while_it_runs(supervisor)
    assert Job.objects.get(task_id=task_id).state == State.COMPLETED
