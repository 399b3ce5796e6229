"""Jobs that people give up: waiting ones become dead letters, dead letters leave the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workstate.core.jobs.fingerprints import fingerprint_of
from workstate.core.jobs.ledger.database import LedgerDatabase
from workstate.core.jobs.records import EndedJob, storable_reason
from workstate.core.jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workstate.core.jobs.records import Failure

WAITING = "state IN ('scheduled', 'available', 'retryable')"


class Discards(LedgerDatabase):
    """Both moves are one statement for each task and batch of jobs."""

    def discard_waiting(self, job_ids: Sequence[int], failure: Failure, reason: str) -> list[EndedJob]:
        """Make those of the jobs that wait dead letters; returns them, to be counted."""
        marks = ", ".join(["%s"] * len(job_ids))
        waiting = self.query(
            f"SELECT task FROM workstate_job WHERE id IN ({marks}) AND {WAITING} ORDER BY id{self.patient_lock}",
            job_ids,
        )
        ended: list[EndedJob] = []
        for (task,) in sorted(set(waiting)):
            rows = self.query(
                "UPDATE workstate_job SET state = 'discarded', ended_at = %s, error_type = %s, error_message = %s,"
                " traceback = NULL, reason = %s, fingerprint = %s, dismissed_at = NULL, is_key_free = TRUE"
                f" WHERE id IN ({marks}) AND task = %s AND {WAITING} RETURNING id, chord_id, batch_id, is_followed",
                [
                    self.now(),
                    failure.type,
                    failure.message,
                    storable_reason(reason),
                    fingerprint_of(task, failure.type, None),
                    *job_ids,
                    task,
                ],
            )
            ended += [EndedJob.of(row, State.DISCARDED) for row in rows]
        return ended

    def dismiss(self, job_ids: Sequence[int]) -> list[int]:
        """Take dead letters off the list; returns the ids of those that were on it."""
        marks = ", ".join(["%s"] * len(job_ids))
        params: list[Any] = [self.now(), *job_ids]
        rows = self.query(
            f"UPDATE workstate_job SET dismissed_at = %s WHERE id IN ({marks})"
            " AND state = 'discarded' AND dismissed_at IS NULL RETURNING id",
            params,
        )
        return sorted(row[0] for row in rows)
