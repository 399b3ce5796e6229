"""Schedules of a deployment under test, and processes that do nothing but enqueue what is due."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from workbench.deployment import Deployment
    from workbench.processes import Process

SCHEDULER = "workstate.core.schedules.scheduler:LedgerScheduler"
MINUTES_MISSED = 240
START = datetime(2020, 1, 1, tzinfo=UTC)


class Schedules:
    """What a test does to the schedules of a deployment, and reads of them."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment

    def module(self, name: str) -> Any:
        """A module of the client process, used as if it were here."""
        return self.deployment.celery._link.ask(importlib.import_module, name)

    def create(self, name: str, **fields: Any) -> None:
        """Store a schedule through the service."""
        defaults = {"task": "project.tasks.tell", "args": [name]}
        self.module("workstate.core.schedules.services").create_schedule(name=name, **defaults | fields)

    def create_with_missed_runs(self, count: int) -> None:
        """Store schedules that each missed the due times of four hours and then end; all are to be caught up."""
        for number in range(count):
            self.create(f"schedule {number}", timing={"every_seconds": 60}, catch_up="run_all")
        end = START + timedelta(minutes=MINUTES_MISSED)
        self.table("Schedule").update(
            timing={"rrule": f"FREQ=MINUTELY;UNTIL={end:%Y%m%dT%H%M%SZ}"},
            starts_at=START,
            next_run_at=START + timedelta(minutes=1),
        )

    def table(self, model: str) -> Any:
        """The rows of a model of the core."""
        return self.deployment.celery.apps.get_model("workstate", model).objects.all()

    def runs(self) -> list[tuple[str, datetime, str, str]]:
        """Schedule, due time, outcome and task id of every run."""
        rows = self.table("ScheduleRun").values_list("schedule__name", "due_at", "outcome", "task_id")
        return [tuple(row) for row in rows]

    def task_ids(self) -> list[str]:
        """The ids of all jobs."""
        return list(self.table("Job").values_list("task_id", flat=True))

    def assert_each_missed_run_was_enqueued_once(self, count: int) -> None:
        """Each due time of `create_with_missed_runs` has one run, and each run one job."""
        runs = self.runs()
        expected = {START + timedelta(minutes=number) for number in range(1, MINUTES_MISSED + 1)}
        for number in range(count):
            due_times = Counter(due_at for name, due_at, _, _ in runs if name == f"schedule {number}")
            assert due_times == Counter(expected)
        assert {outcome for _, _, outcome, _ in runs} == {"enqueued"}
        assert Counter(task_id for *_, task_id in runs) == Counter(self.task_ids())


def launch_ticker(deployment: Deployment, ready: Path) -> Process:
    """Start a process that ticks without a pause; it makes the file when it begins."""
    return deployment.start(ready.name, sys.executable, "-m", "schedulebench", str(ready))


def launch_beat(deployment: Deployment, name: str) -> Process:
    """Start `celery beat` with the ledger's scheduler."""
    return deployment.start(
        name, sys.executable, "-m", "celery", "-A", "project", "beat", "-S", SCHEDULER, "-l", "INFO"
    )


def tick_for_ever(ready: Path) -> None:
    """Enqueue what is due, two schedules to a transaction, until the process is killed."""
    import django

    django.setup()
    from django.utils import timezone

    from project.celery import app
    from workstate.core.schedules.celery_enqueue import CeleryEnqueue
    from workstate.core.schedules.enqueuer import ScheduleEnqueuer

    enqueuer = ScheduleEnqueuer(CeleryEnqueue(app), batch_size=2)
    ready.touch()
    while True:
        enqueuer.tick(timezone.now())


if __name__ == "__main__":
    from pathlib import Path

    tick_for_ever(Path(sys.argv[1]))
