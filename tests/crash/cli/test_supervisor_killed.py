"""Nothing outlives a supervisor, however it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supervised.watching import is_alive, pids_in, start_supervisor
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path


def test_killed_supervisor_leaves_no_child_and_no_pool_process(tmp_path: Path) -> None:
    process = start_supervisor(tmp_path, web="sleeper", stubborn="stubborn", worker="forker")
    pids = pids_in(process, 5)
    process.kill()
    assert wait_until(lambda: not any(is_alive(pid) for pid in pids), timeout=5)
