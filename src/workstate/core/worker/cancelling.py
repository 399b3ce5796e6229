"""A worker's ear for jobs that are to be cancelled while it holds them.

    somebody asks ──▶ it waits here: ended at once
                 └──▶ it runs: it may notice itself ──`GRACE_SECONDS`──▶ its pool process is ended (SIGTERM)

Threads and the solo pool can't end what runs; there a job is cancelled when it notices.
"""

from __future__ import annotations

import logging
from time import monotonic
from typing import Any

from celery import bootsteps
from celery.worker import state as worker_state
from django.db import Error as DatabaseError

from workstate.core.broker.holdings import Holdings
from workstate.core.worker.request import LedgerRequest

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often the ledger is asked while jobs are held; a worker that holds none asks nothing."""
GRACE_SECONDS = 5.0
"""How long a running job has to notice that it is to be cancelled before it is ended."""


class CancelStep(bootsteps.StartStopStep):
    """Asks the ledger, now and then, which of the held jobs are to be cancelled."""

    requires = ("celery.worker.components:Pool", "celery.worker.components:Timer")

    def start(self, parent: Any) -> None:
        """Begin to ask."""
        ear = CancelEar(parent)
        self._timer = parent.timer.call_repeatedly(LOOK_SECONDS, ear.listen)

    def stop(self, parent: Any) -> None:
        """Ask no more."""
        self._timer.cancel()


class CancelEar:
    """Ends the jobs of one worker that are to be cancelled."""

    def __init__(self, controller: Any) -> None:
        self._controller = controller
        self._heard_at: dict[str, float] = {}

    def listen(self) -> None:
        """Look once, and end what is to be ended."""
        if not worker_state.requests:
            self._heard_at.clear()
            return
        try:
            for holdings in Holdings.all_of_process():
                self._hear(holdings)
        except DatabaseError as error:  # the lease's thread tells of the outage; this asks again
            logger.debug("The ledger could not be asked what is to be cancelled: %s", error)

    def _hear(self, holdings: Holdings) -> None:
        requests = holdings.cancel_requests()
        self._heard_at = {wanted.task_id: self._heard_at.get(wanted.task_id, monotonic()) for wanted in requests}
        for wanted in requests:
            request = worker_state.requests.get(wanted.task_id)
            if isinstance(request, LedgerRequest) and request.held.token == wanted.token:
                has_had_its_time = monotonic() - self._heard_at[wanted.task_id] >= GRACE_SECONDS
                request.end_as_cancelled(wanted.reason, self._controller.pool if has_had_its_time else None)
