"""The ledger on SQLite: one writer at a time, so a batch needs no row locks, only one statement."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from django.utils import timezone

from workstate.core.jobs.ledger.base import Ledger
from workstate.core.jobs.ledger.lanes import DATABASE_LANE, LANE_ORDER
from workstate.core.jobs.ledger.statements import CLAIMED_COLUMNS, KEY_AFTER_CLAIM, NOT_PAUSED
from workstate.core.jobs.records import ClaimedJob, ClosedJob, Closing

if TYPE_CHECKING:
    from collections.abc import Sequence

COMPLETE = (
    "UPDATE workstate_job SET state = 'completed', result = ?1, children = ?2, started_at = ?3, ended_at = ?4,"
    " custom_state = NULL, meta = NULL, is_key_free = CASE WHEN unique_until > ?4 THEN is_key_free ELSE TRUE END"
    " WHERE id = ?5 AND attempt = ?6 AND process_id = ?7 AND state = 'executing' RETURNING batch_id, is_followed"
)
"""For the driver itself, which keeps it prepared."""


class SqliteLedger(Ledger):
    """Jobs in a SQLite file."""

    # A deferred transaction that becomes a writer is refused at once, whatever the time-out.
    begin: ClassVar[str] = "BEGIN IMMEDIATE"

    def claim(
        self, process_id: int, queues: Sequence[str], limit: int, *, lanes: Sequence[str] = (DATABASE_LANE,)
    ) -> list[ClaimedJob]:
        """Claim through the partial index of each queue and lane, merged by priority and age."""
        queues = list(queues) * len(lanes)
        rows = self.query(
            _claim_statement(len(queues) // len(lanes), tuple(lanes)),
            [
                process_id,
                self.now(),
                *(value for queue in queues for value in (queue, queue, limit)),
                limit,
                process_id,
            ],
        )
        jobs = [ClaimedJob(*row) for row in rows]
        if len(jobs) > 1:  # RETURNING promises no order
            jobs.sort(key=lambda job: (job.priority, job.id))
        return jobs

    def complete(self, closings: Sequence[Closing]) -> dict[int, ClosedJob]:
        """Run one prepared statement for each closing; the transaction around them is what costs."""
        closed: dict[int, ClosedJob] = {}
        moment = self.moment
        self.connection.ensure_connection()
        cursor = self.connection.connection.cursor()
        with self._recovering(), self.connection.wrap_database_errors:
            for closing in closings:
                values = (
                    closing.result,
                    closing.children,
                    closing.started_at and moment(closing.started_at),
                    moment(closing.ended_at),
                    closing.job_id,
                    closing.attempt,
                    closing.process_id,
                )
                if row := cursor.execute(COMPLETE, values).fetchone():
                    closed[closing.job_id] = ClosedJob(*row)
        return closed

    def moment(self, value: datetime) -> Any:
        """Return the text that Django stores for an aware `value`."""
        return str(timezone.make_naive(value, self._zone))

    def aware(self, value: Any) -> datetime:
        """Read Django's text back."""
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment if timezone.is_aware(moment) else timezone.make_aware(moment, self._zone)

    @cached_property
    def _zone(self) -> tzinfo:
        return self.connection.timezone or timezone.get_default_timezone()


@lru_cache(maxsize=64)
def _claim_statement(queue_count: int, lanes: tuple[str, ...] = (DATABASE_LANE,)) -> str:
    # The literals must stand in the text: only then does the planner use the partial index.
    one_queue = [
        "SELECT * FROM (SELECT id, priority FROM workstate_job"
        f" WHERE state = 'available' AND lane = '{lane}' AND queue = %s"
        f" AND {NOT_PAUSED} ORDER BY priority, {LANE_ORDER[lane]} LIMIT %s)"
        for lane in lanes
        for _ in range(queue_count)
    ]
    return (
        "UPDATE workstate_job SET state = 'executing', lane = 'database', process_id = %s, attempt = attempt + 1,"
        f" claimed_at = %s, {KEY_AFTER_CLAIM}"
        " WHERE id IN (SELECT id FROM (" + " UNION ALL ".join(one_queue) + ") ORDER BY priority, id LIMIT %s)"
        # A worker that lost its lease claims nothing more: nobody would rescue it.
        " AND EXISTS (SELECT 1 FROM workstate_process WHERE id = %s AND ended_at IS NULL)"
        f" RETURNING {CLAIMED_COLUMNS}"
    )
