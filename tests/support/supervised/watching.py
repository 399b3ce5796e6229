"""Starts supervisors for a test and watches what their children say."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import psutil

from workbench.processes import Process
from workbench.waiting import wait_until

SUPPORT = Path(__file__).parents[1]


def start_supervisor(directory: Path, **modules: str) -> Process:
    """Supervise modules of this package, each under the name of its keyword."""
    command = [sys.executable, "-m", "supervised.run"]
    command += [f"{name}=supervised.{module}" for name, module in modules.items()]
    environment = os.environ | {"PYTHONPATH": str(SUPPORT)}
    return Process("supervisor", command, environment=environment, directory=directory)


def pids_in(process: Process, count: int) -> list[int]:
    """Wait until so many children have told their pids, and return them."""
    wait_until(lambda: len(_pids(process)) >= count)
    return _pids(process)


def _pids(process: Process) -> list[int]:
    return [int(pid) for pid in re.findall(r"(?:pid|parent) (\d+)$", process.log(), re.MULTILINE)]


def is_alive(pid: int) -> bool:
    """Whether the process still runs; one that nobody has reaped does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
