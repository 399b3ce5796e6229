"""The programs that make up Workstate, as commands for this Python."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workstate.web import serving

if TYPE_CHECKING:
    from collections.abc import Sequence

LIFELINE = "workstate.cli.supervisor.lifeline"
GRACE_SECONDS_FOR_REQUESTS = 2
# Half of the time that there is: on a busy machine a worker takes up to two seconds to give back what still runs,
# and as long to record what has just ended.
GRACE_SECONDS_FOR_TASKS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Something to keep running, and how it is asked to end: a signal after so many seconds."""

    name: str
    command: Sequence[str]
    stop_signals: Sequence[tuple[float, signal.Signals]] = field(default=((0.0, signal.SIGTERM),))


def module_program(name: str, module: str, *arguments: str) -> Program:
    """Return the program that runs a Python module under the lifeline."""
    return Program(name=name, command=(sys.executable, "-m", LIFELINE, module, *arguments))


def web(host: str, port: int) -> Program:
    """Return the web server: pages over HTTP, live events over WebSocket."""
    return module_program(
        "web",
        "uvicorn",
        "workstate.project.asgi:application",
        *("--host", host),
        *("--port", str(port)),
        *serving.as_arguments(),
        *("--timeout-graceful-shutdown", str(GRACE_SECONDS_FOR_REQUESTS)),
        "--no-access-log",
    )


def worker(processes: int) -> Program:
    """Return the Celery worker for all queues.

    It is first asked to finish what runs, then to give it back to the queue.
    """
    celery = module_program(
        "worker",
        "celery",
        "--quiet",
        *("-A", "workstate"),
        "worker",
        *("--concurrency", str(processes)),
        *("--loglevel", "info"),
        "--without-gossip",
        "--without-mingle",
    )
    return Program(
        name=celery.name,
        command=celery.command,
        stop_signals=((0.0, signal.SIGTERM), (GRACE_SECONDS_FOR_TASKS, signal.SIGQUIT)),
    )


def scheduler() -> Program:
    """Return the scheduler, which enqueues what is due."""
    return module_program("scheduler", "celery", "--quiet", "-A", "workstate", "beat", "--loglevel", "info")
