"""How long a task waits for an idle worker."""

from __future__ import annotations

import random
import statistics
import time
from typing import TYPE_CHECKING

from benchmarks import work
from benchmarks.measures.base import Figure, SystemMeasure

if TYPE_CHECKING:
    from benchmarks.sizes import Sizes
    from benchmarks.systems.base import System

MEDIAN, TAIL = "p50 ms", "p99 ms"
GAP_SECONDS = (0.01, 0.1)
WARM_UP = 10
SEED = 7
MILLISECONDS = 1000


class Latency(SystemMeasure):
    """One task at a time, at random moments."""

    title = "Idle latency, enqueue to start"
    method = (
        "{probes} tasks, one at a time after a random pause of 10 to 100 ms; the clock starts before the call that enqueues "
        "and is read first thing in the task"
    )
    figures = (Figure(name=MEDIAN, decimals=2), Figure(name=TAIL, decimals=2))

    def measure(self, system: System, sizes: Sizes) -> dict[str, float]:
        pauses = random.Random(SEED)
        with system.workers():
            for _ in range(WARM_UP):
                _probe(system, pauses)
            delays = [_probe(system, pauses) * MILLISECONDS for _ in range(sizes.probes)]
        return {MEDIAN: statistics.median(delays), TAIL: statistics.quantiles(delays, n=100)[98]}


def _probe(system: System, pauses: random.Random) -> float:
    time.sleep(pauses.uniform(*GAP_SECONDS))
    system.enqueue_probe(time.time())
    return work.wait_for_start_delay()
