"""Watches the counter while workers drain a queue."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks import work

if TYPE_CHECKING:
    from benchmarks.processes import Processes

POLL_SECONDS = 0.01
STALL_SECONDS = 60
FIRST_COUNTED, LAST_COUNTED = 0.05, 0.95


class StalledError(Exception):
    """The workers stopped making progress before the queue was empty."""


def wait_for_first_task(workers: Processes) -> None:
    """Wait until the workers are up: one task has run."""
    _watch(workers, 1)


def wait_for_tasks(workers: Processes, count: int) -> None:
    """Wait until `count` tasks have run."""
    _watch(workers, count)


def drained_per_second(workers: Processes, count: int) -> float:
    """Wait until `count` tasks have run; return their rate between the first 5 % and the last 5 %.

    What is cut off are the start of the workers and the tail in which one of them is already out of work.
    """
    observed = _watch(workers, count)
    seconds = _time_of(LAST_COUNTED * count, observed) - _time_of(FIRST_COUNTED * count, observed)
    return (LAST_COUNTED - FIRST_COUNTED) * count / seconds


def _watch(workers: Processes, count: int) -> list[tuple[float, int]]:
    """Return (time, tasks done) at every poll that saw progress."""
    observed = [(time.perf_counter(), 0)]
    while (done := work.count_completed()) < count:
        now = time.perf_counter()
        if done > observed[-1][1]:
            observed.append((now, done))
        elif now - observed[-1][0] > STALL_SECONDS or not workers.all_run():
            raise StalledError(f"{done} of {count} tasks ran, then none: a worker ended, or {STALL_SECONDS} s passed")
        time.sleep(POLL_SECONDS)
    observed.append((time.perf_counter(), done))
    return observed


def _time_of(tasks: float, observed: list[tuple[float, int]]) -> float:
    """Return when that many tasks were done, interpolated between the polls before and after."""
    after = next(index for index, (_, done) in enumerate(observed) if done >= tasks)
    (early, fewer), (late, more) = observed[after - 1], observed[after]
    return early + (late - early) * (tasks - fewer) / (more - fewer)
