"""Workstate behind a Redis of its own, which may be killed: the one that counts the tasks is another."""

from __future__ import annotations

import os

from benchmarks import places
from benchmarks.services import RedisServer

# The project's settings read it when the sibling is imported.
os.environ["BENCH_BROKER_URL"] = f"redis://127.0.0.1:{places.free_port()}"

from benchmarks.systems.workstate_postgresql import WorkstateOnPostgresql
from workstate.core.jobs.models import Job


class WorkstateApart(WorkstateOnPostgresql):
    """The full mode, its broker apart from the benchmark's own Redis."""

    label = "Workstate on PostgreSQL and Redis"
    broker = RedisServer(os.environ["BENCH_BROKER_URL"], places.directory())

    def start_services(self) -> None:
        self.broker.start()
        super().start_services()

    def stop_services(self) -> None:
        super().stop_services()
        self.broker.kill()

    def was_last_handed_over(self) -> bool:
        """Tell whether the job that was enqueued last was handed to Redis."""
        return Job.objects.order_by("-id").values_list("handed_over_at", flat=True)[0] is not None


system = WorkstateApart
