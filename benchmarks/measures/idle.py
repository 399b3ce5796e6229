"""What workers cost while there is nothing to do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks import work
from benchmarks.measures.base import Figure, SystemMeasure

if TYPE_CHECKING:
    from benchmarks.sizes import Sizes
    from benchmarks.systems.base import System

PROCESSOR, MEMORY = "% of a core", "PSS MB"


class Idle(SystemMeasure):
    """Workers without work."""

    title = "Idle workers"
    method = "processor time and memory (PSS) of the two slots and their parents for {idle_seconds} s after one task; servers not counted"
    figures = (Figure(name=PROCESSOR, decimals=2), Figure(name=MEMORY, decimals=1))

    def measure(self, system: System, sizes: Sizes) -> dict[str, float]:
        with system.workers() as workers:
            system.enqueue_probe(time.time())
            work.wait_for_start_delay()
            time.sleep(sizes.settle_seconds)
            used, started = workers.cpu_seconds(), time.perf_counter()
            time.sleep(sizes.idle_seconds)
            share = (workers.cpu_seconds() - used) / (time.perf_counter() - started)
            return {PROCESSOR: 100 * share, MEMORY: workers.memory_megabytes()}
