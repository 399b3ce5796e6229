"""Short runs of the fault suite, so that it stays alive and every change is struck a little; `make chaos` runs long ones."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest

from documents import REPOSITORY

JOBS, FAULTS, MINUTES = 1500, 12, 5
EXIT_SERVER_MISSING = 2
LONGEST_SECONDS = 45 * 60
"""Far more than a run takes on a busy machine: what hangs in it says so by itself before that."""


@pytest.mark.timeout(LONGEST_SECONDS)
@pytest.mark.parametrize("lane", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_every_job_ends_once_whatever_strikes(lane):
    options = {"lane": lane, "seed": random.randrange(10**6), "jobs": JOBS, "faults": FAULTS, "minutes": MINUTES}
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "chaos",
            *(word for name, value in options.items() for word in (f"--{name}", str(value))),
        ],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY / "tests" / "support")},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode == EXIT_SERVER_MISSING and not os.environ.get("CI"):
        pytest.skip(run.stderr)
    assert run.returncode == 0, run.stdout + run.stderr
