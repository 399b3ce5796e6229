"""Fills the ledger with history by one statement: jobs that ended long ago, as lean as a row can be."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection

NEWEST = datetime(2026, 1, 1, tzinfo=UTC)
"""When the newest of the jobs ended; each older one a second before."""
DEAD_LETTER_EVERY = 100

NUMBERS = {
    "postgresql": "SELECT number FROM generate_series(1, {rows}) AS number",
    "sqlite": (
        "WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {rows})"
        " SELECT number FROM numbers"
    ),
}
MOMENT = {
    "postgresql": "TIMESTAMPTZ '2026-01-01 00:00:00+00' - (({rows} - number) * INTERVAL '1 second')",
    "sqlite": "datetime('2026-01-01 00:00:00', '-' || ({rows} - number) || ' seconds')",
}
FILL = """
INSERT INTO workstate_job (task_id, task, queue, lane, state, priority, headers, properties, body, attempt,
    lost_attempts, enqueued_at, available_at, claimed_at, started_at, ended_at, result, error_type, fingerprint)
SELECT 'history-' || number, 'benchmarks.history', 'celery', 'database',
    CASE WHEN is_dead THEN 'discarded' ELSE 'completed' END, 0, '{{}}', '{{}}', '[[], {{}}, {{}}]', 1, 0,
    moment, moment, moment, moment, moment,
    CASE WHEN is_dead THEN NULL ELSE '1' END, CASE WHEN is_dead THEN 'builtins.ValueError' END,
    CASE WHEN is_dead THEN 'cause ' || ((number / {every}) %% {causes}) END
FROM (SELECT number, number %% {every} = 0 AS is_dead, {moment} AS moment FROM ({numbers}) AS counted) AS job
"""


def fill_history(*, rows: int, causes: int) -> None:
    """Insert ended jobs in the order of their ends; on PostgreSQL the planner is told of them, as autovacuum would."""
    vendor = connection.vendor
    moment, numbers = MOMENT[vendor].format(rows=rows), NUMBERS[vendor].format(rows=rows)
    statement = FILL.format(every=DEAD_LETTER_EVERY, causes=causes, moment=moment, numbers=numbers)
    with connection.cursor() as cursor:
        cursor.execute(statement.replace("%%", "%"))
        if vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE workstate_job")
