"""How fast a program enqueues, one call at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.measures.base import Figure, SystemMeasure

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.sizes import Sizes
    from benchmarks.systems.base import System

EACH = "calls/s"
TOGETHER = "calls/s, 100 a transaction"


class Enqueue(SystemMeasure):
    """delay() in a loop."""

    title = "Enqueue one by one"
    method = (
        "delay() or its like {enqueued:,} times, no worker running; a transaction for each call where the system has them, "
        "and once more with a hundred calls in each, compared with the baseline's single calls"
    )
    figures = (Figure(name=EACH), Figure(name=TOGETHER, against=EACH))

    def measure(self, system: System, sizes: Sizes) -> dict[str, float]:
        system.enqueue(1)  # connects
        figures = {EACH: calls_per_second(system.enqueue, sizes.enqueued)}
        if system.supports_transactions:
            figures[TOGETHER] = calls_per_second(system.enqueue_in_transactions, sizes.enqueued)
        return figures


def calls_per_second(enqueue: Callable[[int], None], count: int) -> float:
    """Enqueue `count` tasks; return how many a second that was."""
    start = time.perf_counter()
    enqueue(count)
    return count / (time.perf_counter() - start)
