"""The ledger's memory of attempts that did not complete their job, written as they end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workstate.core.jobs.ledger.database import LedgerDatabase
from workstate.core.jobs.ledger.statements import TOKEN_HOLDS
from workstate.core.jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workstate.core.jobs.records import Closing, Failure, Token

COLUMNS = "job_id, number, process_id, state, started_at, ended_at, error_type, error_message, traceback, reason"
INSERT_ATTEMPT = f"INSERT INTO workstate_attempt ({COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
INSERT_HELD = (
    f"INSERT INTO workstate_attempt ({COLUMNS})"
    " SELECT id, attempt, process_id, %s, CASE WHEN started_at >= claimed_at THEN started_at ELSE claimed_at END, %s, %s, %s, NULL, %s"
    f" FROM workstate_job WHERE {TOKEN_HOLDS} AND (cancel_requested_at IS NULL OR %s)"
)


class AttemptRecords(LedgerDatabase):
    """Writes one row for each attempt that did not complete its job, in the transaction that ends it."""

    def record_attempts(self, closings: Iterable[Closing]) -> None:
        """Remember the closed attempts that failed, were retried, or were cancelled after they had begun."""
        rows: list[tuple[Any, ...]] = [
            (
                closing.job_id,
                closing.attempt,
                closing.process_id,
                closing.state.value,
                closing.started_at and self.moment(closing.started_at),
                self.moment(closing.ended_at),
                closing.failure and closing.failure.type,
                closing.failure and closing.failure.message,
                closing.failure and closing.failure.traceback,
                closing.reason,
            )
            for closing in closings
            if _is_worth_remembering(closing)
        ]
        if rows:
            with self.connection.cursor() as cursor:
                cursor.executemany(INSERT_ATTEMPT, rows)

    def record_returned(
        self,
        tokens: Iterable[Token],
        reason: str,
        failure: Failure | None = None,
        state: State = State.AVAILABLE,
    ) -> None:
        """Remember attempts that had begun and end without a closing; to be called while their jobs are still held."""
        now = self.now()
        error = (failure.type, failure.message) if failure else (None, None)
        rows: list[tuple[Any, ...]] = [
            (state.value, now, *error, reason, token.job_id, token.attempt, token.process_id, state is State.CANCELLED)
            for token in tokens
        ]
        with self.connection.cursor() as cursor:
            cursor.executemany(INSERT_HELD, rows)


def _is_worth_remembering(closing: Closing) -> bool:
    if closing.state is State.COMPLETED or closing.is_ignored:
        return False
    return closing.state is not State.CANCELLED or closing.started_at is not None
