"""What may happen to a job while a process holds it, short of its end; each write names its token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workstate.core.jobs.ledger.attempts import AttemptRecords
from workstate.core.jobs.ledger.statements import TOKEN_HOLDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workstate.core.jobs.records import Token

GIVEN_BACK = "given back"


class HeldJobs(AttemptRecords):
    """Jobs that are given back, begin, or say something about themselves."""

    def release(self, tokens: Sequence[Token]) -> None:
        """Give jobs back that were claimed and have not begun; the attempt does not count as lost.

        One that may start only once and has noted its beginning stays: its own process ends it. So does
        one that is to be cancelled: `end_cancel_requested` ends it.
        """
        with self.connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE workstate_job SET state = 'available', process_id = NULL, claimed_at = NULL"
                f" WHERE {TOKEN_HOLDS} AND acknowledged_at IS NULL AND cancel_requested_at IS NULL",
                [(token.job_id, token.attempt, token.process_id) for token in tokens],
            )

    def requeue(self, tokens: Sequence[Token]) -> None:
        """Give jobs back that were begun and refused; their next delivery says so."""
        self.record_returned(tokens, GIVEN_BACK)
        now = self.now()
        with self.connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE workstate_job SET state = 'available', process_id = NULL, started_at = %s,"
                f" custom_state = NULL, meta = NULL WHERE {TOKEN_HOLDS} AND cancel_requested_at IS NULL",
                [(now, token.job_id, token.attempt, token.process_id) for token in tokens],
            )

    def mark_started(self, token: Token, *, acknowledge: bool) -> bool:
        """Note that an attempt has really begun; False when the token no longer holds and it must not.

        With `acknowledge` the job will never be started again, whatever becomes of its worker.
        """
        now = self.now()
        return bool(
            self.execute(
                f"UPDATE workstate_job SET started_at = %s, acknowledged_at = %s WHERE {TOKEN_HOLDS}",
                [now, now if acknowledge else None, token.job_id, token.attempt, token.process_id],
            )
        )

    def set_custom_state(self, token: Token, custom_state: str, meta: str) -> bool:
        """Keep what a running job says about itself, as JSON; False when its token no longer holds."""
        return bool(
            self.execute(
                f"UPDATE workstate_job SET custom_state = %s, meta = %s WHERE {TOKEN_HOLDS}",
                [custom_state, meta, token.job_id, token.attempt, token.process_id],
            )
        )
