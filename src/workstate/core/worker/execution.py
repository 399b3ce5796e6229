"""What a pool process does with a job: begin it, run it, and hand its outcome to the main process.

The main process closes many jobs in one commit, so nothing is written here, except that a job
notes its beginning when that is to be known: it may start only once, or its worker was lost before.
"""

from __future__ import annotations

from contextlib import suppress
from time import thread_time
from typing import TYPE_CHECKING, Any, NamedTuple

from celery import current_app
from celery.app import trace
from django.db import InterfaceError, OperationalError
from kombu.serialization import loads, prepare_accept_content

from workstate.core.jobs.connections import ledger_alias, private_connection
from workstate.core.jobs.execution import Execution
from workstate.core.jobs.ledger import ledger_on

if TYPE_CHECKING:
    from billiard.einfo import ExceptionInfo

    from workstate.core.jobs.records import Failure, Followers, NewJob, Token


class Outcome(NamedTuple):
    """What an attempt came to, as it travels from the pool to the main process."""

    token: Token
    result: str | None
    children: str | None
    failure: Failure | None
    successor: NewJob | None
    exception: ExceptionInfo | None
    representation: str | None
    """The return value as logs and events show it."""
    began: bool = True
    """False when the job was rescued before it began, so that it must not."""
    followers: Followers | None = None
    processor_seconds: float = 0.0
    """What its run used of a processor."""


class Beginning(NamedTuple):
    """What is to be noted when a job begins."""

    note: bool
    acknowledge: bool


class JobArguments(NamedTuple):
    """What a pool process needs to know of a job; the body is as it travelled."""

    task: str
    task_id: str
    request: dict[str, Any]
    body: str | bytes
    content_type: str
    content_encoding: str
    token: Token


def run_job(job: JobArguments, beginning: Beginning) -> tuple[bool, Outcome, float | None]:
    """Run a task's body through Celery's tracer; returns (failed, outcome, seconds) as the pool expects."""
    name, task_id, request, body, content_type, content_encoding, token = job
    if beginning.note and not _note_beginning(token, beginning):
        return False, _not_begun(token), None
    execution = Execution(task_id=task_id, token=token)
    task = current_app.tasks[name]
    accept = prepare_accept_content(current_app.conf.accept_content)
    args, kwargs, embed = loads(body, content_type, content_encoding, accept=accept)
    request.update(embed or {}, args=args, kwargs=kwargs, is_eager=False)
    used_before = thread_time()
    with execution.running():
        retval, info, seconds, representation = trace.trace_task(task, task_id, args, kwargs, request, app=current_app)
    outcome = Outcome(
        token=token,
        result=execution.result,
        children=execution.children,
        failure=execution.failure,
        successor=execution.successor,
        exception=retval if info else None,
        representation=representation,
        followers=execution.followers,
        processor_seconds=thread_time() - used_before,
    )
    return bool(info), outcome, seconds


def _note_beginning(token: Token, beginning: Beginning) -> bool:
    # The connection may have broken since the last job, so it is tried twice. What can't be noted must not
    # begin: the main process still holds it, finds that it does not run, and gives it back.
    for _ in range(2):
        ledger = ledger_on(private_connection(ledger_alias()))
        with suppress(OperationalError, InterfaceError):
            return ledger.mark_started(token, acknowledge=beginning.acknowledge)
    return False


def _not_begun(token: Token) -> Outcome:
    return Outcome(token, None, None, None, None, None, None, began=False)
