"""The hot statements go through their partial indexes and are few, however many rows there are."""

from __future__ import annotations

import itertools
import json
import re

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from engine.fixtures import task_of
from engine.jobs import claim_one, new_job, new_process
from real_databases import BOTH_DATABASES
from workstate.core.jobs.connections import private_connection
from workstate.core.jobs.ledger import postgresql, sqlite

pytestmark = BOTH_DATABASES

ROWS = 100_000
NINE_QUEUES = tuple("abcdefghi")
FILL = """
    INSERT INTO workstate_job (task_id, task, queue, lane, state, priority, headers, properties, body, attempt,
        lost_attempts, enqueued_at, available_at, ended_at, process_id)
    SELECT 'filled-' || n, 'work', substr('abcdefghi', 1 + n %% 9, 1), 'database',
        CASE WHEN n %% 20 = 0 THEN 'available' WHEN n %% 20 = 1 THEN 'scheduled' WHEN n %% 20 = 2 THEN 'retryable'
            WHEN n %% 200 = 3 THEN 'executing' ELSE 'completed' END,
        n %% 3, '{{}}', '{{}}', '[]', 0, 0, %s, %s, CASE WHEN n %% 20 > 3 THEN {moment} END,
        CASE WHEN n %% 200 = 3 THEN n / 10000 END
    FROM {numbers}
"""
NUMBERS = {
    "sqlite": f"(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {ROWS})"
    " SELECT n FROM numbers)",
    "postgresql": f"generate_series(1, {ROWS}) AS numbers (n)",
}


def fill():
    moment = {"sqlite": "'2026-01-01 00:00:00'", "postgresql": "now()"}[connection.vendor]
    with connection.cursor() as cursor:
        now = "2026-01-01 00:00:00+00:00" if connection.vendor == "postgresql" else "2026-01-01 00:00:00"
        cursor.execute(FILL.format(moment=moment, numbers=NUMBERS[connection.vendor]), [now, now])
        cursor.execute("ANALYZE")


def plan_of(sql, params=()):
    """How the database would run a statement, as text."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            return "\n".join(row[3] for row in cursor.fetchall())
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        [[plan]] = cursor.fetchall()
        return json.dumps(plan)


def claim_plan(process_id, queues, limit):
    pairs = [value for queue in queues for value in (queue, queue, limit)]
    now = "2026-01-01 00:00:00"
    if connection.vendor == "sqlite":
        return plan_of(sqlite._claim_statement(len(queues)), [process_id, now, *pairs, limit, process_id])
    return plan_of(postgresql._claim_statement(len(queues)), [*pairs, limit, process_id, now, process_id])


def assert_no_scan_of_jobs(plan):
    if connection.vendor == "sqlite":
        scans = [line for line in plan.splitlines() if line.startswith("SCAN workstate_job") and "INDEX" not in line]
    else:
        scans = [node for node in nodes_of(json.loads(plan)[0]["Plan"]) if is_scan_of_jobs(node)]
    assert scans == [], plan


def nodes_of(node):
    yield node
    for child in node.get("Plans", []):
        yield from nodes_of(child)


def is_scan_of_jobs(node):
    return node["Node Type"] == "Seq Scan" and node["Relation Name"] == "workstate_job"


def test_statements_go_through_their_partial_indexes(ledger):
    fill()
    process_id = ledger.register(new_process())

    for queues in (("a",), NINE_QUEUES):
        plan = claim_plan(process_id, queues, 16)
        assert plan.count("workstate_job_claim") == len(queues), plan
        assert_no_scan_of_jobs(plan)
    next_due = (
        "SELECT available_at FROM workstate_job WHERE state IN ('scheduled', 'retryable') ORDER BY available_at LIMIT 1"
    )
    due = (
        "SELECT id FROM workstate_job WHERE state IN ('scheduled', 'retryable') AND available_at <= %s"
        f" ORDER BY available_at LIMIT 1000{ledger.row_lock}"
    )
    held = "SELECT id FROM workstate_job WHERE process_id = %s AND state = 'executing' ORDER BY id"
    ended = (
        "SELECT DISTINCT process_id FROM workstate_job WHERE state = 'executing' AND process_id IN"
        " (SELECT id FROM workstate_process WHERE ended_at IS NOT NULL)"
    )
    for sql, params, index in (
        (next_due, [], "workstate_job_due"),
        (due, [ledger.now()], "workstate_job_due"),
        (held, [process_id], "workstate_job_held"),
        (ended, [], "workstate_job_held"),
    ):
        plan = plan_of(sql, params)
        assert index in plan, plan
        assert_no_scan_of_jobs(plan)


def test_statements_shown_here_are_those_that_run(ledger):
    """The plans above are of copies; this holds them to the originals."""
    with CaptureQueriesContext(connection) as captured:
        ledger.next_due_at()
        ledger.promote_due()
        ledger.held_by(1)
        ledger.ended_holders()
    statements = " ".join(query["sql"] for query in captured)

    for part in (
        "WHERE state IN ('scheduled', 'retryable') ORDER BY available_at LIMIT 1",
        "WHERE state IN ('scheduled', 'retryable') AND available_at <= ",
        "AND state = 'executing' ORDER BY id",
        "SELECT DISTINCT process_id FROM workstate_job WHERE state = 'executing'",
    ):
        assert part in statements


def test_enqueue_is_one_statement(app, database):
    def work():
        return None

    task = task_of(app, work)
    task.delay()
    with CaptureQueriesContext(connections["default"]) as captured:
        task.delay()

    # On PostgreSQL it goes to psycopg itself, as a prepared statement, which Django does not see.
    seen = 1 if database.vendor == "sqlite" else 0
    assert len([query for query in captured if "workstate_job" in query["sql"]]) == seen
    assert len(captured) <= 3  # and a transaction around it, at most


def test_jobs_are_closed_and_claimed_in_one_transaction(app, worker):
    def work():
        return None

    task = task_of(app, work)
    for _ in range(20):
        task.delay()
    worker.holdings.on_pending = lambda: None
    for message in worker.claim(10):
        worker.receive(message).execute_using_pool(worker.pool)
    connection = private_connection("default")
    with CaptureQueriesContext(connection) as captured:
        assert len(worker.claim(10)) == 10
    kinds = [query["sql"].split()[0] for query in captured]

    assert (kinds[0], kinds[-1]) == ("BEGIN", "COMMIT")
    assert kinds.count("BEGIN") == 1
    assert len(kinds) <= (13 if connection.vendor == "sqlite" else 3)  # PostgreSQL's batches bypass the capture


def test_claim_of_nothing_is_one_statement(ledger):
    process_id = ledger.register(new_process())
    ledger.insert([new_job()])
    claim_one(ledger, process_id)
    with CaptureQueriesContext(connection) as captured:
        assert ledger.claim(process_id, NINE_QUEUES, 10) == []

    assert len(captured) <= 1


def test_claim_that_was_prepared_long_ago_goes_through_its_index_too(ledger):
    """PostgreSQL may plan it once for all parameters, when it does not know how many jobs are wanted."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite plans each statement for itself")
    fill()
    process_id = ledger.register(new_process())
    numbers = itertools.count(1)
    statement = re.sub("%s", lambda _: f"${next(numbers)}", postgresql._claim_statement(1))
    with connection.cursor() as cursor:
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        cursor.execute(f"PREPARE claim (text, text, int, int, bigint, timestamptz, bigint) AS {statement}")
        try:
            plan = plan_of("EXECUTE claim ('a', 'a', 16, 16, %s, now(), %s)", [process_id, process_id])
        finally:
            cursor.execute("DEALLOCATE claim")
            cursor.execute("RESET plan_cache_mode")

    assert "workstate_job_claim" in plan
    assert_no_scan_of_jobs(plan)
