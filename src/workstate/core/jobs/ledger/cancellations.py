"""The ledger's wishes that running jobs be cancelled: they hold whatever becomes of the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from workstate.core.jobs.ledger.attempts import AttemptRecords
from workstate.core.jobs.ledger.statements import TOKEN_HOLDS
from workstate.core.jobs.records import EndedJob, Token, storable_reason
from workstate.core.jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workstate.core.jobs.records import Closing

REQUESTED = (
    "SELECT id, attempt, task_id, reason FROM workstate_job"
    " WHERE process_id = %s AND state = 'executing' AND cancel_requested_at IS NOT NULL"
)
END = (
    "UPDATE workstate_job SET state = 'cancelled', ended_at = %s, custom_state = NULL, meta = NULL,"
    " is_key_free = TRUE"
    f" WHERE {TOKEN_HOLDS} AND cancel_requested_at IS NOT NULL RETURNING id, chord_id, batch_id, is_followed"
)
CANCEL_WAITING = (
    "UPDATE workstate_job SET state = 'cancelled', reason = %s, ended_at = %s, is_key_free = TRUE"
    " WHERE state IN ('scheduled', 'available', 'retryable')"
)


class CancelRequest(NamedTuple):
    """A running job that is to be cancelled."""

    token: Token
    task_id: str
    reason: str


class Cancellations(AttemptRecords):
    """A job whose cancelling was requested ends as cancelled; it is never released, retried or rescued to run again."""

    def request_cancel(self, task_id: str, reason: str) -> int | None:
        """Ask for a running job to be cancelled; returns its id, or None when it does not run or was asked before."""
        rows = self.query(
            "UPDATE workstate_job SET reason = %s, cancel_requested_at = %s"
            " WHERE task_id = %s AND state = 'executing' AND cancel_requested_at IS NULL RETURNING id",
            [storable_reason(reason), self.now(), task_id],
        )
        return rows[0][0] if rows else None

    def cancel_requests(self, process_id: int) -> list[CancelRequest]:
        """Return the jobs of a process that are to be cancelled."""
        return [
            CancelRequest(Token(job_id, process_id, attempt), task_id, reason or "")
            for job_id, attempt, task_id, reason in self.query(REQUESTED, [process_id])
        ]

    def reason_to_cancel(self, token: Token) -> str | None:
        """Return why a running job is to be cancelled; None when it is not, or when its token no longer holds."""
        rows = self.query(
            f"SELECT reason FROM workstate_job WHERE {TOKEN_HOLDS} AND cancel_requested_at IS NOT NULL",
            [token.job_id, token.attempt, token.process_id],
        )
        return (rows[0][0] or "") if rows else None

    def cancel_all_waiting(self, job_ids: Sequence[int], reason: str) -> list[EndedJob]:
        """Make those of the jobs cancelled that wait; returns them, to be counted."""
        marks = ", ".join(["%s"] * len(job_ids))
        condition = f"id IN (SELECT id FROM workstate_job WHERE id IN ({marks}) ORDER BY id{self.patient_lock})"
        return self.cancel_waiting(condition, job_ids, reason)

    def cancel_waiting(self, condition: str, params: Sequence[Any], reason: str) -> list[EndedJob]:
        """Make the waiting jobs that `condition` names cancelled; returns them, to be counted."""
        rows = self.query(
            f"{CANCEL_WAITING} AND {condition} RETURNING id, chord_id, batch_id, is_followed",
            [storable_reason(reason), self.now(), *params],
        )
        return [EndedJob.of(row, State.CANCELLED) for row in rows]

    def end_cancel_requested(self, tokens: Sequence[Token]) -> list[EndedJob]:
        """End those of the held jobs that are to be cancelled and now wait for nobody; returns them, to be counted.

        Runs in the transaction that gives the others back, so that none of them is run again.
        """
        wanted = set(tokens)
        requests = [
            request
            for process_id in {token.process_id for token in tokens}
            for request in self.cancel_requests(process_id)
            if request.token in wanted
        ]
        for request in requests:
            self.record_returned([request.token], request.reason, state=State.CANCELLED)
        return [job for request in requests if (job := self._end_requested(request.token))]

    def end_in_place_of_a_retry(self, closing: Closing) -> EndedJob | None:
        """End a job that is to be cancelled and asked for another try; None when it is not to be cancelled."""
        return self._end_requested(Token(closing.job_id, closing.process_id, closing.attempt))

    def _end_requested(self, token: Token) -> EndedJob | None:
        rows = self.query(END, [self.now(), token.job_id, token.attempt, token.process_id])
        return EndedJob.of(rows[0], State.CANCELLED) if rows else None
