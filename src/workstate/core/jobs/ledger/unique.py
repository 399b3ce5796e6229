"""The ledger's unique keys: who holds one, and how it passes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError

from workstate.core.jobs.ledger.database import LedgerDatabase
from workstate.core.jobs.ledger.statements import INSERT_ROW
from workstate.core.jobs.records import KeyHolder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

HELD = "unique_key = %s AND NOT is_key_free"
INSERT_IF_FREE = f"{INSERT_ROW} ON CONFLICT DO NOTHING"
REPLACE = (
    "UPDATE workstate_job SET priority = %s, headers = %s, properties = %s, body = %s, available_at = %s,"
    " state = CASE WHEN %s THEN 'available' WHEN state = 'retryable' THEN 'retryable' ELSE 'scheduled' END,"
    " limit_key = %s, lane = %s, handed_over_at = NULL"
    f" WHERE id = %s AND {HELD} AND state IN ('scheduled', 'available', 'retryable')"
)
TAKE = (
    "UPDATE workstate_job SET unique_key = %s, is_key_free = FALSE WHERE id = %s"
    f" AND NOT EXISTS (SELECT 1 FROM workstate_job AS other WHERE other.id <> workstate_job.id AND {HELD})"
)


class UniqueKeys(LedgerDatabase):
    """The unique index decides; nothing here raises inside the caller's transaction."""

    def insert_if_free(self, row: Sequence[Any]) -> bool:
        """Insert one job; False when its unique key or its task id is taken.

        On PostgreSQL this waits for whoever has inserted the key and not committed yet.
        """
        return bool(self.execute(INSERT_IF_FREE, row))

    def find_holder(self, key: str) -> KeyHolder | None:
        """Return the job that holds a key."""
        rows = self.query(
            f"SELECT id, task_id, state, unique_until, headers, properties, body FROM workstate_job WHERE {HELD}",
            [key],
        )
        if not rows:
            return None
        job_id, task_id, state, until, *message = rows[0]
        return KeyHolder(job_id, task_id, state, until and self.aware(until), *message)

    def knows(self, task_id: str) -> bool:
        """Tell whether a job of that id exists."""
        return bool(self.query("SELECT 1 FROM workstate_job WHERE task_id = %s", [task_id]))

    def free_key(self, job_id: int) -> None:
        """Take the key of a job that has ended."""
        self.execute(
            "UPDATE workstate_job SET is_key_free = TRUE"
            " WHERE id = %s AND state IN ('completed', 'discarded', 'cancelled')",
            [job_id],
        )

    def replace_waiting(self, holder: KeyHolder, key: str, columns: Sequence[Any]) -> bool:
        """Give a waiting job another message and time; False when it waits no longer."""
        return bool(self.execute(REPLACE, [*columns, holder.id, key]))

    def take_key(self, job_id: int, key: str) -> bool:
        """Let a job that is to wait again hold a key; False when another one has it.

        For the caller's transaction, which stays usable either way. On PostgreSQL this waits for whoever
        takes the key at the same time.
        """
        try:
            with self.savepoint():
                return bool(self.execute(TAKE, [key, job_id, key]))
        except IntegrityError:  # somebody was quicker
            return False

    def note_key(self, task_id: str, key: str, until: datetime | None) -> None:
        """Remember of a job that does not hold its key which one it is."""
        self.execute(
            "UPDATE workstate_job SET unique_key = %s, unique_until = %s, is_key_free = TRUE WHERE task_id = %s",
            [key, until and self.moment(until), task_id],
        )
