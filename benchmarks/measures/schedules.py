"""What a look at the schedules costs when there are many and few are due."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from benchmarks import systems
from benchmarks.measures.base import Figure, SystemMeasure
from benchmarks.systems.base import VoidSampleError

if TYPE_CHECKING:
    from benchmarks.sizes import Sizes
    from benchmarks.systems.base import System
    from workstate.core.schedules.models import Schedule

MEDIAN, WORST, EMPTY = "ms a tick", "ms, worst tick", "ms, nothing due"
START = datetime(2030, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
INSERTED_AT_ONCE = 2_000


class Schedules(SystemMeasure):
    """Ticks of the scheduler's own enqueuer, each with as many due times."""

    title = "Schedules"
    method = (
        "{schedules:,} schedules of which {schedules_due:,} are due every minute; a tick enqueues their jobs, records "
        "their runs and works out when they are due next; {schedule_ticks} ticks, then one with nothing due. "
        "No worker running. Not asked of the peers: none keeps its schedules in a database beside its queue"
    )
    figures = (Figure(name=MEDIAN, decimals=1), Figure(name=WORST, decimals=1), Figure(name=EMPTY, decimals=2))
    systems: ClassVar[tuple[str, ...]] = systems.WORKSTATE

    def measure(self, system: System, sizes: Sizes) -> dict[str, float]:
        _make_schedules(sizes)
        # Late: these need the system's settings.
        from benchmarks.systems.workstate_celery import app
        from workstate.core.schedules.celery_enqueue import CeleryEnqueue
        from workstate.core.schedules.enqueuer import ScheduleEnqueuer

        enqueuer = ScheduleEnqueuer(CeleryEnqueue(app))
        _milliseconds_of_tick(enqueuer, START, expected=sizes.schedules_due)  # connects, and reads what it needs
        ticks = [
            _milliseconds_of_tick(enqueuer, START + number * MINUTE, expected=sizes.schedules_due)
            for number in range(1, sizes.schedule_ticks + 1)
        ]
        nothing_due = START + sizes.schedule_ticks * MINUTE
        empty = _milliseconds_of_tick(enqueuer, nothing_due, expected=0)
        _verify(sizes)
        return {MEDIAN: statistics.median(ticks), WORST: max(ticks), EMPTY: empty}


def _make_schedules(sizes: Sizes) -> None:
    from workstate.core.schedules.models import Schedule

    rows = (_schedule(number, is_due=number < sizes.schedules_due) for number in range(sizes.schedules))
    Schedule.objects.bulk_create(rows, batch_size=INSERTED_AT_ONCE)


def _schedule(number: int, *, is_due: bool) -> Schedule:
    from workstate.core.schedules.models import Schedule

    return Schedule(
        name=f"schedule {number}",
        task="benchmarks.systems.celery_tasks.increment",
        timing={"every_seconds": 60} if is_due else {"crontab": "0 3 1 1 *"},
        starts_at=START,
        next_run_at=START if is_due else START + timedelta(days=365) + number * timedelta(seconds=1),
    )


def _milliseconds_of_tick(enqueuer: object, now: datetime, *, expected: int) -> float:
    began = time.perf_counter()
    done = enqueuer.tick(now)
    milliseconds = (time.perf_counter() - began) * 1000
    if done.enqueued != expected:
        raise VoidSampleError(f"a tick enqueued {done.enqueued} of {expected} jobs")
    return milliseconds


def _verify(sizes: Sizes) -> None:
    from workstate.core.jobs.models import Job
    from workstate.core.schedules.models import ScheduleRun

    expected = sizes.schedules_due * (sizes.schedule_ticks + 1)
    found = {Job.objects.count(), ScheduleRun.objects.filter(outcome="enqueued").count()}
    if found != {expected}:
        raise VoidSampleError(f"{expected} due times came, and there are {found} jobs and runs")
