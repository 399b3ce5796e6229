"""The ledger on PostgreSQL: claims skip what others have locked, batches travel as arrays.

Statements go to psycopg itself, which prepares those that come again and again.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import psycopg
from django.utils import timezone

from workstate.core.jobs.ledger.base import Ledger
from workstate.core.jobs.ledger.lanes import DATABASE_LANE, LANE_ORDER
from workstate.core.jobs.ledger.statements import (
    CLAIMED_COLUMNS,
    INSERT,
    INSERTED_COLUMNS,
    KEY_AFTER_CLAIM,
    NOT_PAUSED,
    ON_CONFLICT,
)
from workstate.core.jobs.records import ClaimedJob, ClosedJob, Closing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

COMPLETE = (
    "UPDATE workstate_job AS job SET state = 'completed', result = closing.result, children = closing.children,"
    " started_at = closing.started_at, ended_at = closing.ended_at, custom_state = NULL, meta = NULL,"
    " is_key_free = CASE WHEN job.unique_until > closing.ended_at THEN job.is_key_free ELSE TRUE END"
    " FROM unnest(%s::bigint[], %s::int[], %s::bigint[], %s::text[], %s::text[],"
    " %s::timestamptz[], %s::timestamptz[])"
    " AS closing (id, attempt, process_id, result, children, started_at, ended_at)"
    " WHERE job.id = closing.id AND job.attempt = closing.attempt AND job.process_id = closing.process_id"
    " AND job.state = 'executing' RETURNING job.id, job.batch_id, job.is_followed"
)

LIMIT_LOCKS = 1_465_142_341
"""Tells our advisory locks from others' in the same database."""

INSERT_MANY = (
    f"INSERT INTO workstate_job ({INSERTED_COLUMNS}) SELECT job.*, 0, 0"
    " FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::smallint[], %s::text[], %s::text[],"
    " %s::text[], %s::text[], %s::bigint[], %s::text[], %s::timestamptz[], %s::text[], %s::timestamptz[],"
    " %s::timestamptz[], %s::timestamptz[]) AS job" + ON_CONFLICT
)


class PostgresqlLedger(Ledger):
    """Jobs in a PostgreSQL database."""

    row_lock: ClassVar[str] = " FOR UPDATE SKIP LOCKED"
    patient_lock: ClassVar[str] = " FOR UPDATE"
    # Not the limit's row: a lock of that would be written to disk, though most who look change nothing.
    limit_lock: ClassVar[str] = f"SELECT pg_advisory_xact_lock({LIMIT_LOCKS}, hashtext(%s))"
    # A counter's UPDATE takes a lock that FOR KEY SHARE lets pass and FOR UPDATE does not.
    joining_lock: ClassVar[str] = " FOR KEY SHARE"
    sealing_lock: ClassVar[str] = " FOR UPDATE"

    def claim(
        self, process_id: int, queues: Sequence[str], limit: int, *, lanes: Sequence[str] = (DATABASE_LANE,)
    ) -> list[ClaimedJob]:
        """Claim through the partial index of each queue and lane, merged by priority and age."""
        queues = list(queues) * len(lanes)
        with self._raw_cursor() as cursor:
            cursor.execute(
                _claim_statement(len(queues) // len(lanes), tuple(lanes)),
                [
                    *(value for queue in queues for value in (queue, queue, limit)),
                    limit,
                    process_id,
                    self.now(),
                    process_id,
                ],
                prepare=self._may_prepare,
            )
            jobs = [ClaimedJob(*row) for row in cursor.fetchall()]
        jobs.sort(key=lambda job: (job.priority, job.id))
        return jobs

    def complete(self, closings: Sequence[Closing]) -> dict[int, ClosedJob]:
        """Close the whole batch in one statement."""
        rows = [
            (
                closing.job_id,
                closing.attempt,
                closing.process_id,
                closing.result,
                closing.children,
                closing.started_at,
                closing.ended_at,
            )
            # In their order, as those who cancel many lock them.
            for closing in sorted(closings, key=lambda closing: closing.job_id)
        ]
        with self._raw_cursor() as cursor:
            cursor.execute(COMPLETE, _as_arrays(rows), prepare=self._may_prepare)
            return {job_id: ClosedJob(*rest) for job_id, *rest in cursor.fetchall()}

    def after(self, delay: timedelta) -> tuple[str, Any]:
        """Let the server's clock judge leases: the clocks of the workers' machines may differ."""
        return "clock_timestamp() + %s", delay

    def insert_rows(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert the whole batch in one statement."""
        with self._raw_cursor() as cursor:
            cursor.execute(INSERT_MANY, _as_arrays(rows), prepare=self._may_prepare)

    def insert_row(self, row: tuple[Any, ...]) -> bool:
        """Insert one job by a prepared statement, on whatever connection the caller has."""
        with self._raw_cursor() as cursor:
            return cursor.execute(INSERT, row, prepare=self._may_prepare).rowcount > 0

    @property
    def _may_prepare(self) -> bool:
        # Who sets this says that a pooler stands between, which may know nothing of prepared statements.
        return not self.connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")

    def moment(self, value: datetime) -> Any:
        """Return `value` itself: the driver takes it."""
        return value

    def aware(self, value: Any) -> datetime:
        """Return an aware moment; with USE_TZ off the driver gives a naive one."""
        moment: datetime = value
        return moment if timezone.is_aware(moment) else timezone.make_aware(moment)

    @contextmanager
    def _raw_cursor(self) -> Iterator[psycopg.Cursor[Any]]:
        self.connection.ensure_connection()
        with (
            self._recovering(),
            self.connection.wrap_database_errors,
            psycopg.Cursor(self.connection.connection) as cursor,
        ):
            yield cursor


def _as_arrays(rows: Sequence[tuple[Any, ...]]) -> list[str]:
    """Return the columns of `rows` as PostgreSQL writes arrays: the driver takes five times as long for lists."""
    return ["{" + ",".join(map(_as_element, column)) + "}" for column in zip(*rows, strict=True)]


def _as_element(value: Any) -> str:
    if value is None:
        return "NULL"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


@lru_cache(maxsize=64)
def _claim_statement(queue_count: int, lanes: tuple[str, ...] = (DATABASE_LANE,)) -> str:
    one_queue = [
        "SELECT * FROM (SELECT id, priority FROM workstate_job"
        f" WHERE state = 'available' AND lane = '{lane}' AND queue = %s"
        f" AND {NOT_PAUSED} ORDER BY priority, {LANE_ORDER[lane]} LIMIT %s FOR UPDATE SKIP LOCKED) AS queue"
        for lane in lanes
        for _ in range(queue_count)
    ]
    return (
        "WITH picked AS MATERIALIZED (SELECT id FROM ("
        + " UNION ALL ".join(one_queue)
        + ") AS candidates ORDER BY priority, id LIMIT %s)"
        " UPDATE workstate_job AS job SET state = 'executing', lane = 'database', process_id = %s, attempt = attempt + 1,"
        f" claimed_at = %s, {KEY_AFTER_CLAIM} FROM picked WHERE job.id = picked.id"
        # A worker that lost its lease claims nothing more: nobody would rescue it.
        " AND EXISTS (SELECT 1 FROM workstate_process WHERE id = %s AND ended_at IS NULL) RETURNING "
        + ", ".join(f"job.{column.strip()}" for column in CLAIMED_COLUMNS.split(","))
    )
