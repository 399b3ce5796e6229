"""Shows a scheduler among the processes, as long as it ticks."""

from __future__ import annotations

import os
import time

from celery.utils.nodenames import default_nodename, host_format
from django.db import connections

from workstate.core.jobs.connections import ledger_alias
from workstate.core.jobs.ledger import Ledger, ledger_on
from workstate.core.jobs.models import Process
from workstate.core.jobs.records import NewProcess
from workstate.core.telemetry import tallies
from workstate.core.worker.machine import process_start, this_machine

NODE_NAME = "celerybeat@%h"
RENEW_SECONDS = 3.0


class SchedulerPresence:
    """The lease of this scheduler. It is renewed by the ticks themselves: one that hangs does not look alive."""

    def __init__(self) -> None:
        self._process_id: int | None = None
        self._renewed_at = float("-inf")

    def renew(self) -> None:
        """Take the lease, or keep it, if that was not done just now."""
        if time.monotonic() - self._renewed_at < RENEW_SECONDS:
            return
        ledger = _ledger()
        if self._process_id is None or not ledger.renew(self._process_id, _this_process()):
            self._process_id = ledger.register(_this_process())
        tallies.write(ledger)
        self._renewed_at = time.monotonic()

    def end(self) -> None:
        """Give the lease back; does nothing a second time."""
        process_id, self._process_id = self._process_id, None
        if process_id is not None:
            ledger = _ledger()
            ledger.end_process(process_id, "stopped")
            tallies.write(ledger)


def _ledger() -> Ledger:
    return ledger_on(connections[ledger_alias()])


def _this_process() -> NewProcess:
    return NewProcess(
        kind=Process.Kind.SCHEDULER,
        name=host_format(default_nodename(NODE_NAME)),
        machine=this_machine(),
        pid=os.getpid(),
        pid_started=process_start(os.getpid()),
    )
