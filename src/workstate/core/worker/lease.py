"""The lease of this process, kept by a thread of its own so that a busy main thread does not lose it."""

from __future__ import annotations

import math
import threading
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any

from django.db import Error as DatabaseError
from django.db import connections

from workstate.core.external.sweeper import CallSweeper
from workstate.core.jobs.connections import close_private_connections, private_connection
from workstate.core.jobs.ledger import Ledger, ledger_on
from workstate.core.telemetry import emit, tallies
from workstate.core.telemetry.catalogue import DatabaseLost, DatabaseReturned, LeaseFailed, LeaseLost
from workstate.core.worker.overlooked import Overlooked
from workstate.core.worker.rescuer import Rescuer

if TYPE_CHECKING:
    from collections.abc import Callable

    from workstate.core.jobs.records import NewProcess

LEASE = timedelta(seconds=15)
RENEW_SECONDS = 3.0
LONGEST_GAP_SECONDS = 2 * RENEW_SECONDS
"""Between two renewals; a longer one was an outage."""


class LeaseKeeper:
    """Registers a process, renews its lease, and rescues the jobs of processes that lost theirs.

    `describe` is asked before each renewal, so that queues and concurrency shown are the present ones.
    """

    def __init__(self, alias: str, describe: Callable[[], NewProcess]) -> None:
        self._alias = alias
        self._describe = describe
        self._process_id: int | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="workstate-lease", daemon=True)
        self._in_outage = False
        self._renewed_at = -math.inf
        self._renewing_since = 0.0

    @property
    def process_id(self) -> int:
        """The id that claims name; it changes when the lease was lost."""
        if self._process_id is None:
            self._process_id = self._ledger().register(self._describe())
        return self._process_id

    def start(self) -> None:
        """Take the lease and keep it."""
        _ = self.process_id
        self._thread.start()

    def stop(self, reason: str) -> None:
        """Give the lease back."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=RENEW_SECONDS)
        if self._process_id is not None:
            self._ledger().end_process(self._process_id, reason)
            tallies.write(self._ledger())

    def _ledger(self) -> Ledger:
        return ledger_on(private_connection(self._alias))

    def _run(self) -> None:
        rescuer, overlooked, sweeper = Rescuer(self._alias), Overlooked(self._alias), CallSweeper()
        try:
            while not self._stopping.is_set():
                if self._attempt(self._renew):
                    self._attempt(overlooked.admit)
                    self._attempt(lambda: rescuer.rescue(judges_leases=self._has_kept_its_own_lease()))
                    self._attempt(lambda: tallies.write(self._ledger()))
                    self._attempt(sweeper.sweep_when_due)
                self._stopping.wait(RENEW_SECONDS)
        finally:
            close_private_connections()
            connections.close_all()  # an errback of a rescued job may have used Django's

    def _attempt(self, step: Callable[[], Any]) -> bool:
        """Take one step; False when it failed. Nothing that a step raises may end the keeping of the lease."""
        try:
            step()
        except DatabaseError as error:
            self._note_outage(error)
            return False
        except Exception:  # noqa: BLE001  the event's line in the log has the traceback
            emit(LeaseFailed(retry_seconds=RENEW_SECONDS))
            return False
        self._note_recovery()
        return True

    def _renew(self) -> None:
        ledger = self._ledger()
        process = self._describe()
        if self._process_id is not None and not ledger.renew(self._process_id, process):
            emit(LeaseLost(process_id=self._process_id))
            self._process_id = ledger.register(process)
        self._note_renewal()

    def _note_renewal(self) -> None:
        now = monotonic()
        if now - self._renewed_at > LONGEST_GAP_SECONDS:
            self._renewing_since = now
        self._renewed_at = now

    def _has_kept_its_own_lease(self) -> bool:
        # After an outage everybody's lease has run out: those who live need the time to renew.
        return self._renewed_at - self._renewing_since >= LEASE.total_seconds()

    def _note_outage(self, error: Exception) -> None:
        close_private_connections()
        if not self._in_outage:
            emit(DatabaseLost(error=str(error)))
        self._in_outage = True

    def _note_recovery(self) -> None:
        if self._in_outage:
            emit(DatabaseReturned())
        self._in_outage = False
