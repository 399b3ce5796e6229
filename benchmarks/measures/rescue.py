"""How soon a job runs again whose worker was killed."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, ClassVar

import psutil

from benchmarks import systems, work
from benchmarks.measures.base import Figure, SystemMeasure

if TYPE_CHECKING:
    from benchmarks.sizes import Sizes
    from benchmarks.systems.base import System

MEDIAN, WORST = "s, median", "s, worst"


class Rescue(SystemMeasure):
    """kill -9 of a worker and its children, again and again."""

    title = "Rescue"
    method = (
        "two workers that are up; the one that runs a task is killed with its children (SIGKILL), and a new one takes its place; "
        "seconds from the kill until the task has started again, {kills} times. "
        "Not asked of the peers: what a killed worker of theirs held is lost, or comes back after minutes to an hour"
    )
    figures = (Figure(name=MEDIAN, decimals=2), Figure(name=WORST, decimals=2))
    systems: ClassVar[tuple[str, ...]] = systems.WORKSTATE

    def measure(self, system: System, sizes: Sizes) -> dict[str, float]:
        with system.workers() as first, system.workers("more_workers") as second:
            seconds = []
            for _ in range(sizes.kills):
                system.wait_for_workers(2)
                system.enqueue_holding()
                holder = work.wait_for_holder()
                struck = next(workers for workers in (first, second) if workers.running[0].pid == holder)
                _kill(holder)
                killed_at = time.time()
                seconds.append(work.wait_for_second_start() - killed_at)
                struck.start_again()
        return {MEDIAN: statistics.median(seconds), WORST: max(seconds)}


def _kill(pid: int) -> None:
    parent = psutil.Process(pid)
    for process in [*parent.children(recursive=True), parent]:
        process.kill()
