"""Whether a job that is enqueued now is run and its result comes back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from celery import current_app
from celery.exceptions import TimeoutError as ResultTimeoutError
from django.db import Error as DatabaseError
from kombu.exceptions import OperationalError

from workstate.core.health import selectors
from workstate.core.health.findings import Finding, Level
from workstate.core.health.registry import Context, check
from workstate.core.health.tasks import canary
from workstate.core.jobs.models import Process

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "queue canary"
SONG = "tweet"


@check("worker", "queue")
def queue_canary(context: Context) -> Iterator[Finding]:
    """Send a job through the queue and wait for its answer."""
    try:
        if not selectors.list_live_processes(Process.Kind.WORKER):
            yield _problem("not sent: no worker is running", f"celery -A {current_app.main} worker --loglevel=info")
            return
        seconds = _sing(context.patience.total_seconds())
    except (DatabaseError, OperationalError) as error:
        yield _problem(f"not sent: {str(error).strip()}", "workstate doctor --only database")
    except ResultTimeoutError:
        yield _problem(
            f"a job sent just now was not done after {context.patience.total_seconds():g} s",
            f"celery -A {current_app.main} inspect active",
        )
    else:
        yield Finding(Level.OK, NAME, f"a job went through in {seconds * 1000:.0f} ms")


def _sing(patience_seconds: float) -> float:
    """Return how long the job took; it expires with our patience, so that nothing is left in the queue."""
    began_at = time.monotonic()
    result = canary.apply_async(args=(SONG,), expires=patience_seconds)
    result.get(timeout=patience_seconds)
    return time.monotonic() - began_at


def _problem(what: str, command: str) -> Finding:
    return Finding(Level.ERROR, NAME, what, "work that people ask for now would wait as well", command)
