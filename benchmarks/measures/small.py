"""How soon many small tasks that are enqueued together have all ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks import work
from benchmarks.measures.base import Figure, SystemMeasure
from benchmarks.measures.observation import wait_for_tasks

if TYPE_CHECKING:
    from benchmarks.sizes import Sizes
    from benchmarks.systems.base import System

RATE = "tasks/s"


class Small(SystemMeasure):
    """Enqueued, run and recorded, with the workers waiting for them."""

    title = "Small tasks in bulk, enqueue to end"
    method = (
        "{bulk:,} tasks by each system's best call for many, two slots idle and warm from {warm_up:,} others; the clock "
        "starts before the call and stops when all have run and are recorded as the system promises"
    )
    figures = (Figure(name=RATE),)

    def measure(self, system: System, sizes: Sizes) -> dict[str, float]:
        with system.workers() as workers:
            system.enqueue_bulk(sizes.warm_up)
            wait_for_tasks(workers, sizes.warm_up)
            system.verify(sizes.warm_up)
            start = time.perf_counter()
            work.reset_completed()
            system.enqueue_bulk(sizes.bulk)
            wait_for_tasks(workers, sizes.bulk)
            system.verify(sizes.warm_up + sizes.bulk)
            return {RATE: sizes.bulk / (time.perf_counter() - start)}
