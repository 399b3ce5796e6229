"""Whether a long queue slows the workers down or makes them grow."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from benchmarks import systems, work
from benchmarks.measures.base import Figure, SystemMeasure
from benchmarks.measures.observation import drained_per_second, wait_for_first_task

if TYPE_CHECKING:
    from benchmarks.processes import Processes
    from benchmarks.sizes import Sizes
    from benchmarks.systems.base import System

SMALL, LARGE, RATIO = "tasks/s, short queue", "tasks/s, long queue", "long ÷ short"
PSS_BEGIN, PSS_END = "PSS MB, begin", "PSS MB, end"
RSS_BEGIN, RSS_END = "RSS MB, begin", "RSS MB, end"


class Backlog(SystemMeasure):
    """A thousand waiting jobs against a million."""

    title = "Backlog"
    method = (
        "short: {small_backlog:,} jobs arrive at once and are drained, {small_backlog_rounds} rounds; "
        "long: {large_backlog:,} wait and the first {large_backlog_drained:,} "
        "are drained; memory of the workers after the first task and at the end of the long one. "
        "Not asked of the peers: a million of theirs would take longer to enqueue than all else to measure"
    )
    figures = (
        Figure(name=SMALL),
        Figure(name=LARGE),
        Figure(name=RATIO, decimals=2),
        Figure(name=PSS_BEGIN, decimals=1),
        Figure(name=PSS_END, decimals=1),
        Figure(name=RSS_BEGIN, decimals=1),
        Figure(name=RSS_END, decimals=1),
    )
    systems: ClassVar[tuple[str, ...]] = systems.WORKSTATE

    def measure(self, system: System, sizes: Sizes) -> dict[str, float]:
        small = self._drain_small(system, sizes)
        large, memory = self._drain_large(system, sizes)
        return {SMALL: small, LARGE: large, RATIO: large / small, **memory}

    def _drain_small(self, system: System, sizes: Sizes) -> float:
        with system.workers() as workers:
            _drain_round(workers, system, sizes.small_backlog)  # starts the workers
            seconds = [
                sizes.small_backlog / _drain_round(workers, system, sizes.small_backlog)
                for _ in range(sizes.small_backlog_rounds)
            ]
        system.verify(sizes.small_backlog * (sizes.small_backlog_rounds + 1))
        return sizes.small_backlog * len(seconds) / sum(seconds)

    def _drain_large(self, system: System, sizes: Sizes) -> tuple[float, dict[str, float]]:
        system.enqueue_bulk(sizes.large_backlog)
        work.reset_completed()
        with system.workers() as workers:
            wait_for_first_task(workers)
            before = _memory(workers, PSS_BEGIN, RSS_BEGIN)
            rate = drained_per_second(workers, sizes.large_backlog_drained)
            after = _memory(workers, PSS_END, RSS_END)
        system.verify(work.count_completed() + sizes.small_backlog * (sizes.small_backlog_rounds + 1))
        return rate, {**before, **after}


def _drain_round(workers: Processes, system: System, count: int) -> float:
    work.reset_completed()
    system.enqueue_bulk(count)
    return drained_per_second(workers, count)


def _memory(workers: Processes, pss: str, rss: str) -> dict[str, float]:
    return {pss: workers.memory_megabytes(), rss: workers.resident_megabytes()}
