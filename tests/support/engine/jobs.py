"""Jobs and processes as tests need them, and what the ledger says of them."""

from __future__ import annotations

import itertools
import os
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from kombu.utils.json import dumps

from workstate.core.jobs.models import Job
from workstate.core.jobs.records import ClaimedJob, Closing, Failure, NewJob, NewProcess, Token
from workstate.core.jobs.states import State
from workstate.core.worker.machine import process_start, this_machine

if TYPE_CHECKING:
    from workstate.core.jobs.ledger import Ledger

_numbers = itertools.count(1)
HOUR = timedelta(hours=1)


def new_job(task_id: str = "", **fields: Any) -> NewJob:
    """A job that is ready to run, of a task named `work`."""
    task_id = task_id or f"job-{next(_numbers)}"
    headers = {"id": task_id, "task": "work"}
    defaults: dict[str, Any] = {
        "task": "work",
        "queue": "celery",
        "headers": dumps(headers),
        "properties": dumps({"content_type": "application/json", "content_encoding": "utf-8"}),
        "body": dumps([[], {}, {}]),
    }
    return NewJob(task_id=task_id, **defaults | fields)


def header_job(task_id: str, chord_id: str, body: dict[str, Any] | None = None, **fields: Any) -> NewJob:
    """A job of a chord's header."""
    return new_job(
        task_id,
        chord_id=chord_id,
        headers=dumps({"id": task_id, "task": "work", "group": chord_id}),
        body=dumps(
            [[], {}, {"chord": body or {"task": "sum", "args": [], "options": {"task_id": f"{chord_id}-body"}}}]
        ),
        **fields,
    )


def new_process(name: str = "celery@test", **fields: Any) -> NewProcess:
    """A worker that lives: its pid is this process's own."""
    pid = os.getpid()
    defaults: dict[str, Any] = {
        "kind": "worker",
        "name": name,
        "machine": this_machine(),
        "pid": pid,
        "pid_started": process_start(pid),
    }
    return NewProcess(**defaults | fields)


def elsewhere(name: str = "celery@elsewhere", **fields: Any) -> NewProcess:
    """A worker on another machine: only its lease tells whether it lives."""
    return new_process(name, **{"machine": "elsewhere", "pid": 1, "pid_started": "1"} | fields)


EXPIRED = timedelta(seconds=-1)
"""As a lease: it has run out already."""


def claim_one(ledger: Ledger, process_id: int, *queues: str) -> ClaimedJob:
    """Claim the next job; fail when there is none."""
    [job] = ledger.claim(process_id, queues or ("celery",), 1)
    return job


def token_of(job: ClaimedJob, process_id: int) -> Token:
    return Token(job.id, process_id, job.attempt)


def closing(job: ClaimedJob, process_id: int, state: State = State.COMPLETED, **fields: Any) -> Closing:
    """The end of a claimed job."""
    moment: datetime = timezone.now()
    return Closing(
        job_id=job.id,
        process_id=process_id,
        attempt=job.attempt,
        state=state,
        **{"started_at": moment, "ended_at": moment} | fields,
    )


FAILURE = Failure(type="builtins.ValueError", message='["no"]', traceback="Traceback …")


def job_row(task_id: str) -> Job:
    return Job.objects.get(task_id=task_id)


def states() -> dict[str, str]:
    """The state of every job, by task id."""
    return dict(Job.objects.values_list("task_id", "state"))
