"""The canary: a job that proves that jobs run."""

from __future__ import annotations

from celery import shared_task


@shared_task(name="workstate.core.health.tasks.canary", ignore_result=False)
def canary(song: str) -> str:
    """Return what was sent."""
    return song
