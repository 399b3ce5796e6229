"""What Huey on Redis and Huey on SQLite have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from benchmarks import work
from benchmarks.systems.base import WORKERS, System, program

if TYPE_CHECKING:
    from huey import Huey


def add_tasks(huey: Huey) -> tuple[Any, Any]:
    """Register the counting task and the probe with an application of Huey; return both."""
    return huey.task(name="increment")(work.increment), huey.task(name="record_start")(work.record_start)


class HueySystem(System):
    """Huey's consumer with two processes; results off."""

    application: ClassVar[str]
    consumer_options: ClassVar[list[str]] = []
    increment: ClassVar[Any]
    record_start: ClassVar[Any]

    def worker_commands(self) -> list[list[str]]:
        options = ["--worker-type", "process", "--workers", str(WORKERS), "--quiet", *self.consumer_options]
        return [[program("huey_consumer"), self.application, *options]]

    def enqueue(self, count: int) -> None:
        for _ in range(count):
            self.increment()

    def enqueue_probe(self, sent_at: float) -> None:
        self.record_start(sent_at)
