"""How fast a program enqueues many tasks at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measures.base import Figure, SystemMeasure
from benchmarks.measures.enqueue import calls_per_second

if TYPE_CHECKING:
    from benchmarks.sizes import Sizes
    from benchmarks.systems.base import System

RATE = "tasks/s"


class Bulk(SystemMeasure):
    """Many tasks by the best call for many."""

    title = "Enqueue in bulk"
    method = (
        "{bulk:,} tasks, no worker running, by each system's best call for many: enqueue_many (Workstate, RQ), "
        "batch_defer (Procrastinate), a loop where there is none (Celery, Dramatiq, Huey, whose map() is a loop)"
    )
    figures = (Figure(name=RATE),)

    def measure(self, system: System, sizes: Sizes) -> dict[str, float]:
        system.enqueue(1)  # connects
        return {RATE: calls_per_second(system.enqueue_bulk, sizes.bulk)}
