"""The tasks of every system that Celery runs, Workstate's among them."""

from __future__ import annotations

from celery import shared_task

from benchmarks import work


@shared_task
def increment() -> int:
    """Count one task."""
    return work.increment()


@shared_task
def hold(key: str) -> None:
    """Go on until the worker is killed; end at once when started again."""
    work.hold(key)


@shared_task
def record_start(sent_at: float) -> float:
    """Record how long after `sent_at` this task started."""
    return work.record_start(sent_at)
