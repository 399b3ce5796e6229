"""How this process appears among the workers."""

from __future__ import annotations

import os
import socket
from typing import Any

from workstate.core.jobs.models import Process
from workstate.core.jobs.records import NewProcess
from workstate.core.worker.machine import process_start, this_machine

_worker: Any = None


def introduce(worker: Any) -> None:
    """Let this process appear as the given Celery WorkController."""
    global _worker  # noqa: PLW0603  a process has one worker; the lease's thread describes it
    _worker = worker


def describe_process() -> NewProcess:
    """Describe this process as it is now."""
    pid = os.getpid()
    return NewProcess(
        kind=Process.Kind.WORKER,
        name=_worker.hostname if _worker else f"consumer@{socket.gethostname()}",
        machine=this_machine(),
        pid=pid,
        pid_started=process_start(pid),
        queues=tuple(sorted(_worker.app.amqp.queues.consume_from)) if _worker else (),
        concurrency=_worker.concurrency if _worker else 0,
    )
