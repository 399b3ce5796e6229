"""How fast two workers empty a queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measures.base import Figure, SystemMeasure
from benchmarks.measures.observation import drained_per_second

if TYPE_CHECKING:
    from benchmarks.sizes import Sizes
    from benchmarks.systems.base import System

RATE = "tasks/s"


class Drain(SystemMeasure):
    """A full queue, then the workers."""

    title = "Drain"
    method = (
        "{drained:,} tasks are enqueued, then the workers start; the rate is taken between the first 5 % and the last 5 % "
        "of the tasks, by the counter that they increment"
    )
    figures = (Figure(name=RATE),)

    def measure(self, system: System, sizes: Sizes) -> dict[str, float]:
        system.enqueue_bulk(sizes.drained)
        with system.workers() as workers:
            rate = drained_per_second(workers, sizes.drained)
            system.verify(sizes.drained)
        return {RATE: rate}
