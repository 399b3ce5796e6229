"""Tells the chain and the errbacks of a job that it ended, when no worker of its own can.

    transaction that ends the job ──leaves a notice──▶ after its commit: tell ──▶ drop the notice

Whoever dies in between leaves the notice behind; a rescuer takes it over after `PATIENCE`. So
followers are told at least once, and an errback may be called twice.
"""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from billiard.exceptions import WorkerLostError
from celery import current_app
from celery.app.task import Context
from django.db import InterfaceError, OperationalError

if TYPE_CHECKING:
    from workstate.core.jobs.ledger import Ledger

logger = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=60)
"""How long telling may take before somebody else is trusted to do it."""


def tell_followers(ledger: Ledger, job_id: int) -> None:
    """Fail the rest of a job's chain and call its errbacks, and drop its notice.

    Runs after the commit: an errback may be any function of the project. One that raises is logged,
    and not called again.

    Raises django.db.OperationalError when the database is away; then the notice stays.
    """
    rows = ledger.query(
        "SELECT headers, body, error_message, reason FROM workstate_job WHERE id = %s AND state = 'discarded'", [job_id]
    )
    if rows:
        _tell(job_id, *rows[0])
    ledger.drop_notice(job_id)


def tell_followers_left_behind(ledger: Ledger) -> None:
    """Tell the followers of jobs whose notices were left behind by processes that died."""
    for job_id in ledger.take_notices(PATIENCE):
        tell_followers(ledger, job_id)


def _tell(job_id: int, headers: str, body: str, message: str | None, reason: str | None) -> None:
    try:
        args, kwargs, embedded = json.loads(body)
        request = Context({**json.loads(headers), **embedded}, args=args, kwargs=kwargs)
        backend: Any = current_app.backend
        backend.fail_followers(request, WorkerLostError(*(json.loads(message) if message else [reason])))
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        # An errback is the project's own code; whatever it raises, the next job's followers are to be told.
        logger.exception("Those who wait for job %s could not be told that it ended.", job_id)
