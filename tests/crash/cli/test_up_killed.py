"""A supervisor that is killed takes web, worker, its pool and the scheduler along, and the next start works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

from supervised.installation import Installation
from supervised.watching import is_alive
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path


def test_killed_supervisor_leaves_nothing_behind_and_can_be_started_again(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    first = installation.up("first")
    installation.wait_ready(first)
    supervisor = psutil.Process(first.pid)
    pool = wait_until(lambda: [pid for child in supervisor.children() for pid in child.children()], timeout=60)
    processes = supervisor.children(recursive=True)
    assert set(pool) <= set(processes)

    first.kill()
    wait_until(lambda: not any(is_alive(process.pid) for process in processes), timeout=30)

    second = installation.up("second")
    installation.wait_ready(second)
    assert second.stop() == 0
