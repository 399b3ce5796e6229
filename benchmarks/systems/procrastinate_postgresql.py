"""Procrastinate on PostgreSQL."""

from __future__ import annotations

import sys

import psycopg
from procrastinate import App, PsycopgConnector

from benchmarks import places, services, work
from benchmarks.systems.base import TRANSACTION_CALLS, WORKERS, System, wait_for_records

app = App(connector=PsycopgConnector(conninfo=places.sample_database_url()))


@app.task
def increment() -> int:
    """Count one task."""
    return work.increment()


@app.task
def record_start(sent_at: float) -> float:
    """Record how long after `sent_at` this task started."""
    return work.record_start(sent_at)


class ProcrastinateOnPostgresql(System):
    """Procrastinate as it ships, enqueueing on the caller's own connection."""

    label = "Procrastinate on PostgreSQL"
    notes = "2 workers of one job at a time, LISTEN, as shipped; keeps each job's row, not its result"
    records = "every job, no results"
    supports_transactions = True

    def start_services(self) -> None:
        services.create_sample_database()
        app.open()
        app.schema_manager.apply_schema()
        self.connection = psycopg.connect(places.sample_database_url(), autocommit=True)

    def stop_services(self) -> None:
        self.connection.close()
        app.close()
        services.drop_sample_database()

    def worker_commands(self) -> list[list[str]]:
        options = ["--log-level", "warning", "--app", "benchmarks.systems.procrastinate_postgresql.app"]
        return [[sys.executable, "-m", "procrastinate", *options, "worker"]] * WORKERS

    def enqueue(self, count: int) -> None:
        for _ in range(count):
            self._enqueue_in_transaction(1)

    def enqueue_in_transactions(self, count: int) -> None:
        for _ in range(count // TRANSACTION_CALLS):
            self._enqueue_in_transaction(TRANSACTION_CALLS)

    def enqueue_bulk(self, count: int) -> None:
        increment.batch_defer(*({} for _ in range(count)))

    def enqueue_probe(self, sent_at: float) -> None:
        record_start.configure(connection=self.connection).defer(sent_at=sent_at)

    def durability(self) -> str:
        return services.describe_postgresql()

    def verify(self, count: int) -> None:
        wait_for_records(count, self._count_recorded)

    def _count_recorded(self) -> int:
        query = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'"
        return self.connection.execute(query).fetchone()[0]

    def _enqueue_in_transaction(self, calls: int) -> None:
        with self.connection.transaction():
            for _ in range(calls):
                increment.configure(connection=self.connection).defer()


system = ProcrastinateOnPostgresql
