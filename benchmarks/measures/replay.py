"""How fast dead letters are made to run again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from benchmarks import systems
from benchmarks.measures.base import Figure, SystemMeasure
from benchmarks.systems.base import VoidSampleError

if TYPE_CHECKING:
    from benchmarks.sizes import Sizes
    from benchmarks.systems.base import System

RATE = "jobs/s"


class Replay(SystemMeasure):
    """All dead letters by one call."""

    title = "Replay of dead letters"
    method = (
        "{dead_letters:,} dead letters of one cause, replayed by replay_jobs() as `workstate jobs replay` does, each with "
        "an entry in its history; no worker running. Not asked of the peers: none keeps dead letters to replay"
    )
    figures = (Figure(name=RATE),)
    systems: ClassVar[tuple[str, ...]] = systems.WORKSTATE

    def measure(self, system: System, sizes: Sizes) -> dict[str, float]:
        # Late: these need the system's settings.
        from django.utils import timezone

        from workstate.core.jobs.filters import JobFilter
        from workstate.core.jobs.models import Job
        from workstate.core.jobs.replays import replay_jobs
        from workstate.core.jobs.states import State

        system.enqueue_bulk(sizes.dead_letters)
        Job.objects.update(
            state=State.DISCARDED,
            lane=Job.Lane.DATABASE,
            handed_over_at=None,
            ended_at=timezone.now(),
            attempt=1,
            error_type="builtins.ValueError",
            fingerprint="one cause",
        )
        start = time.perf_counter()
        replayed = replay_jobs(jobs=JobFilter(dead_letters=True), reason="benchmark").replayed
        seconds = time.perf_counter() - start
        waiting = Job.objects.filter(state=State.AVAILABLE).count()
        if {replayed, waiting} != {sizes.dead_letters}:
            raise VoidSampleError(f"of {sizes.dead_letters} jobs {replayed} were replayed and {waiting} wait")
        return {RATE: replayed / seconds}
