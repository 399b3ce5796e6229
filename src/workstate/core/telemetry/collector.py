"""What Prometheus is told: totals from the table of tallies, and how things stand from the ledger.

Names and labels follow celery-exporter, so that boards made for it work. Each scrape is a handful of queries, none of
which reads a row of a job that has ended.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import accumulate, chain
from typing import TYPE_CHECKING

from django.utils import timezone
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from workstate.core.telemetry import readings, tallies
from workstate.core.telemetry.models import MetricTotal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

TASK_COUNTERS = {
    tallies.RECEIVED: "Jobs that a worker has claimed.",
    tallies.STARTED: "Jobs that a process of a pool has taken.",
    tallies.SUCCEEDED: "Jobs that ended well.",
    tallies.RETRIED: "Attempts after which the job runs again.",
    tallies.REVOKED: "Jobs that were cancelled or had expired, in the hands of a worker.",
    tallies.REJECTED: "Jobs that their task rejected.",
}
TASK_LABELS = ("name", "queue_name")
Row = tuple[str, str, str, float]
"""Task, queue, detail, total."""


class Collector:
    """Collects all metrics anew whenever it is asked.

    Raises django.db.DatabaseError when the database is away.
    """

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        return chain(_totals(), _workers(), _queues(), _standing())


def _totals() -> Iterator[Metric]:
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for row in MetricTotal.objects.order_by("id"):
        rows[row.metric].append((row.task, row.queue, row.detail, row.total))
    yield from _task_counters(rows)
    yield _runtimes(rows[tallies.RUNTIME_BUCKET], rows[tallies.RUNTIME_SUM])
    events = CounterMetricFamily("workstate_events", "Events of the catalogue that happened.", labels=["event"])
    for _, _, name, total in rows[tallies.EVENTS]:
        events.add_metric([name], total)
    yield events


def _task_counters(rows: dict[str, list[Row]]) -> Iterator[Metric]:
    # Every task has every counter from the first on: an increase from nothing is one that Prometheus can't see.
    tasks = {(task, queue) for metric in TASK_COUNTERS for task, queue, *_ in rows[metric]}
    for metric, documentation in TASK_COUNTERS.items():
        family = CounterMetricFamily(f"celery_{metric}", documentation, labels=TASK_LABELS)
        totals = {(task, queue): total for task, queue, _, total in rows[metric]}
        for labels in sorted(tasks):
            family.add_metric(labels, totals.get(labels, 0))
        yield family
    failed = CounterMetricFamily(
        f"celery_{tallies.FAILED}", "Jobs that were discarded: dead letters.", labels=[*TASK_LABELS, "exception"]
    )
    for task, queue, exception, total in rows[tallies.FAILED]:
        failed.add_metric([task, queue, exception], total)
    for task, queue in sorted(tasks - {(task, queue) for task, queue, *_ in rows[tallies.FAILED]}):
        failed.add_metric([task, queue, ""], 0)
    yield failed


def _runtimes(buckets: list[Row], sums: list[Row]) -> Metric:
    family = HistogramMetricFamily("celery_task_runtime", "Seconds that successful tasks ran.", labels=TASK_LABELS)
    counts: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for task, queue, bucket, total in buckets:
        counts[task, queue][bucket] = total
    for task, queue, _, total in sums:
        of_task = counts[task, queue]
        cumulated = accumulate(of_task.get(name, 0) for name in tallies.BUCKET_NAMES)
        family.add_metric([task, queue], list(zip(tallies.BUCKET_NAMES, cumulated, strict=True)), total)
    return family


def _workers() -> Iterator[Metric]:
    workers = readings.list_workers()
    up = GaugeMetricFamily("celery_worker_up", "Whether a worker renews its lease.", labels=["hostname"])
    active = GaugeMetricFamily("celery_worker_tasks_active", "Jobs that a worker holds.", labels=["hostname"])
    for worker in workers:
        up.add_metric([worker.name], int(worker.is_alive))
        active.add_metric([worker.name], worker.jobs if worker.is_alive else 0)
    yield from (up, active)
    counts = GaugeMetricFamily("celery_active_worker_count", "Workers that take from a queue.", labels=["queue_name"])
    slots = GaugeMetricFamily(
        "celery_active_process_count", "Tasks that workers of a queue can run at a time.", labels=["queue_name"]
    )
    alive = [worker for worker in workers if worker.is_alive]
    for queue in sorted({queue for worker in alive for queue in worker.queues}):
        takers = [worker for worker in alive if queue in worker.queues]
        counts.add_metric([queue], len(takers))
        slots.add_metric([queue], sum(worker.concurrency for worker in takers))
    yield from (counts, slots)


def _queues() -> Iterator[Metric]:
    label = ["queue_name"]
    length = GaugeMetricFamily("celery_queue_length", "Jobs that could start now.", labels=label)
    limited = GaugeMetricFamily("workstate_jobs_limited", "Jobs that wait for a place in their limit.", labels=label)
    executing = GaugeMetricFamily("workstate_jobs_executing", "Jobs that workers hold.", labels=label)
    oldest = GaugeMetricFamily("workstate_queue_oldest_age_seconds", "How long the oldest job waits.", labels=label)
    now = timezone.now()
    for queue in readings.list_queues():
        length.add_metric([queue.name], queue.waiting)
        limited.add_metric([queue.name], queue.limited)
        executing.add_metric([queue.name], queue.running)
        since = queue.oldest_since
        oldest.add_metric([queue.name], max(0.0, (now - since).total_seconds()) if since else 0)
    yield from (length, limited, executing, oldest)
    paused = GaugeMetricFamily("workstate_queue_paused", "1 for a queue that is paused.", labels=label)
    for name in readings.list_paused():
        paused.add_metric([name], 1)
    yield paused


def _standing() -> Iterator[Metric]:
    mode, away_seconds = readings.read_mode()
    modes = GaugeMetricFamily("workstate_mode", "1 for the mode that it works in.", labels=["mode"])
    for possible in type(mode):
        modes.add_metric([possible.value], int(possible is mode))
    yield modes
    caches = GaugeMetricFamily(
        "workstate_cache_away_seconds", "How long a cache's Redis has not carried it; 0 when it does.", labels=["cache"]
    )
    for alias, seconds in readings.cache_away_seconds().items():
        caches.add_metric([alias], seconds)
    yield caches
    for name, documentation, value in (
        ("workstate_broker_away_seconds", "How long the outside broker is away; 0 when it is there.", away_seconds),
        ("workstate_jobs_planned", "Jobs that wait for their time.", readings.count_planned()),
        (
            "workstate_dead_letters",
            "Jobs that were given up and that nobody has seen to.",
            readings.count_dead_letters(),
        ),
        (
            "workstate_external_calls_ambiguous",
            "External calls that wait for somebody to say what became of them.",
            readings.count_awaiting_decision(),
        ),
        ("workstate_schedulers", "Schedulers that renew their lease.", readings.count_schedulers()),
        ("workstate_schedule_lag_seconds", "How long the most overdue schedule waits.", readings.schedule_lag()),
        ("workstate_schedules_with_problems", "Schedules that do not run.", readings.count_problems()),
    ):
        yield GaugeMetricFamily(name, documentation, value=value)
