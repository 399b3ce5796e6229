"""Jobs that ended without ever being enqueued, such as the rest of a failed chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workstate.core.jobs.ledger.database import LedgerDatabase
from workstate.core.jobs.states import State

if TYPE_CHECKING:
    from workstate.core.jobs.records import Failure

RECORD = (
    "INSERT INTO workstate_job (task_id, task, queue, lane, state, priority, headers, properties, body,"
    " enqueued_at, available_at, attempt, lost_attempts, ended_at, result, error_type, error_message, traceback,"
    " reason, dismissed_at)"
    " VALUES (%s, %s, '', 'database', %s, 0, '{}', '{}', '[[], {}, {}]', %s, %s, 0, 0, %s, %s, %s, %s, %s, %s, %s)"
    " ON CONFLICT (task_id) DO NOTHING"
)


class UnrunJobs(LedgerDatabase):
    """Rows whose queue is empty: they tell how a task ended, and hold no message."""

    def record_ended(  # noqa: PLR0913  a row has as many columns
        self, task_id: str, task: str, state: State, *, result: str | None, failure: Failure | None, reason: str | None
    ) -> bool:
        """Insert a job that ended without ever being enqueued; False when it exists.

        A failed one is no dead letter: there is nothing to replay in it.
        """
        now = self.now()
        error = (failure.type, failure.message, failure.traceback) if failure else (None, None, None)
        dismissed_at = now if state is State.DISCARDED else None
        return bool(
            self.execute(RECORD, [task_id, task, state.value, now, now, now, result, *error, reason, dismissed_at])
        )
