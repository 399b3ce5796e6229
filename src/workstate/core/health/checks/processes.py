"""Whether somebody runs the jobs and somebody enqueues what is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from celery import current_app
from django.db import Error as DatabaseError

from workstate.core.health import selectors
from workstate.core.health.findings import Finding, Level, not_looked_at
from workstate.core.health.registry import Context, check
from workstate.core.jobs.models import Process

if TYPE_CHECKING:
    from collections.abc import Iterator

PING_SECONDS = 2.0
WHO_RUNS = "who runs is written in the database"


@check("worker")
def worker(context: Context) -> Iterator[Finding]:
    """Look for a worker that renews its lease and, when deep, ping every worker."""
    try:
        workers = selectors.list_live_processes(Process.Kind.WORKER)
        unserved = selectors.list_unserved_queues(workers)
    except DatabaseError as error:
        yield not_looked_at("worker", error, WHO_RUNS)
        return
    if not workers:
        yield Finding(
            Level.ERROR,
            "worker",
            "no worker is running",
            "background work is kept, but nobody runs it",
            f"celery -A {current_app.main} worker --loglevel=info",
        )
        return
    slots = sum(process.concurrency for process in workers)
    yield Finding(Level.OK, "worker", f"{len(workers)} running, {slots} tasks at a time")
    if unserved:
        names = ",".join(unserved)
        yield Finding(
            Level.WARNING,
            "worker",
            f"jobs wait in {names}, and no worker takes from there",
            "they wait until a worker does",
            f"celery -A {current_app.main} worker --queues={names}",
        )
    if context.is_deep:
        yield _ping(expected=len(workers))


@check("scheduler")
def scheduler(_context: Context) -> Iterator[Finding]:
    """Look for a scheduler that renews its lease."""
    try:
        schedulers = selectors.list_live_processes(Process.Kind.SCHEDULER)
    except DatabaseError as error:
        yield not_looked_at("scheduler", error, WHO_RUNS)
        return
    if schedulers:
        yield Finding(Level.OK, "scheduler", f"{len(schedulers)} running")
        return
    yield Finding(
        Level.ERROR,
        "scheduler",
        "no scheduler is running",
        "nothing that is planned for a time will start",
        f"celery -A {current_app.main} beat --loglevel=info",
    )


def _ping(*, expected: int) -> Finding:
    answers = current_app.control.ping(timeout=PING_SECONDS) or []
    if len(answers) >= expected:
        return Finding(Level.OK, "worker", f"{len(answers)} answered a ping")
    return Finding(
        Level.WARNING,
        "worker",
        f"{len(answers)} of {expected} answered a ping within {PING_SECONDS:g} s",
        "a worker that does not answer cannot be inspected, and tasks cannot be revoked there",
        f"celery -A {current_app.main} inspect ping",
    )
