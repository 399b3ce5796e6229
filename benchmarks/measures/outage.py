"""How soon jobs run when the outside broker is killed, and are carried by it again when it is back."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, ClassVar

from benchmarks import work
from benchmarks.measures.base import Figure, SystemMeasure
from benchmarks.systems.base import VoidSampleError

if TYPE_CHECKING:
    from benchmarks.sizes import Sizes
    from benchmarks.systems.workstate_apart import WorkstateApart

OVER_MEDIAN, OVER_WORST = "s to fail over, median", "worst"
BACK_MEDIAN, BACK_WORST = "s to fail back, median", "worst of them"
PATIENCE_SECONDS = 60
POLL_SECONDS = 0.02


class Outage(SystemMeasure):
    """Redis killed and started again, again and again."""

    title = "Outage of Redis"
    method = (
        "Redis is killed (SIGKILL) and a job is enqueued: seconds from the kill until it has started, through the "
        "database. Redis is started again, empty: seconds from its first answer until a job has started "
        "that Redis carried. {outages} times. Not asked of the peers: without Redis none of theirs runs"
    )
    figures = (
        Figure(name=OVER_MEDIAN, decimals=2),
        Figure(name=OVER_WORST, decimals=2),
        Figure(name=BACK_MEDIAN, decimals=2),
        Figure(name=BACK_WORST, decimals=2),
    )
    systems: ClassVar[tuple[str, ...]] = ("workstate_apart",)

    def measure(self, system: WorkstateApart, sizes: Sizes) -> dict[str, float]:
        over, back = [], []
        with system.workers():
            _wait_until_carried(system)
            for _ in range(sizes.outages):
                over.append(_seconds_to_fail_over(system))
                back.append(_seconds_to_fail_back(system))
        return {
            OVER_MEDIAN: statistics.median(over),
            OVER_WORST: max(over),
            BACK_MEDIAN: statistics.median(back),
            BACK_WORST: max(back),
        }


def _seconds_to_fail_over(system: WorkstateApart) -> float:
    system.broker.kill()
    system.enqueue_probe(time.time())
    return work.wait_for_start_delay()


def _seconds_to_fail_back(system: WorkstateApart) -> float:
    system.broker.start()
    answered_at = time.time()
    _wait_until_carried(system)
    return time.time() - answered_at


def _wait_until_carried(system: WorkstateApart) -> None:
    """Enqueue probes until Redis has carried one to a worker that waits for it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        has_consumer = system.broker.has_consumer()
        if has_consumer:
            system.enqueue_probe(time.time())
            work.wait_for_start_delay()
            if system.was_last_handed_over():
                return
        time.sleep(POLL_SECONDS)
    raise VoidSampleError(f"Redis carried no job within {PATIENCE_SECONDS} s")
