"""Jobs that ended without a worker to speak for them: who is still to be told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from workstate.core.jobs import clock
from workstate.core.jobs.ledger.database import LedgerDatabase

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

TAKEN_AT_ONCE = 100
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Notices(LedgerDatabase):
    """A notice is left in the transaction that ends the job, and dropped once its followers were told."""

    def leave_notices(self, job_ids: Iterable[int], *, taken: bool = True) -> None:
        """Note that the followers of these jobs are to be told: by the caller, or by any worker when not `taken`."""
        now = self.now() if taken else self.moment(LONG_AGO)
        with self.connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO workstate_notice (job_id, taken_at) VALUES (%s, %s)"
                " ON CONFLICT (job_id) DO UPDATE SET taken_at = excluded.taken_at",
                [(job_id, now) for job_id in job_ids],
            )

    def take_notices(self, patience: timedelta) -> list[int]:
        """Take over the notices whose taker has not dropped them within `patience`; returns the ids of their jobs."""
        now = clock.now()
        rows = self.query(
            "UPDATE workstate_notice SET taken_at = %s WHERE job_id IN ("
            "SELECT job_id FROM workstate_notice WHERE taken_at < %s"
            f" ORDER BY job_id LIMIT {TAKEN_AT_ONCE}{self.row_lock}) RETURNING job_id",
            [self.moment(now), self.moment(now - patience)],
        )
        return sorted(row[0] for row in rows)

    def drop_notice(self, job_id: int) -> None:
        """Note that the followers of a job were told."""
        self.execute("DELETE FROM workstate_notice WHERE job_id = %s", [job_id])
