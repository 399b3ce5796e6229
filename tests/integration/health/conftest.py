"""A ledger to look at, and processes that say they are alive."""

from __future__ import annotations

from datetime import timedelta

import pytest
from celery import current_app
from django.utils import timezone

from workstate.core.jobs.models import Job, Process
from workstate.core.jobs.states import State


@pytest.fixture
def make_job(database):
    """Write a job down as the ledger would have it in that state."""

    def make(number, state=State.AVAILABLE, queue="default", **fields):
        now = timezone.now()
        ended_at = now if state in {State.COMPLETED, State.DISCARDED, State.CANCELLED} else None
        values = {
            "task": "work",
            "headers": "{}",
            "properties": "{}",
            "body": "",
            "enqueued_at": now,
            "available_at": now,
            "ended_at": ended_at,
            "process_id": 1 if state == State.EXECUTING else None,
        }
        return Job(task_id=f"{state}-{queue}-{number}", state=state, queue=queue, **(values | fields))

    return make


@pytest.fixture
def start_process(database):
    """Write down a process whose lease runs for a minute, or has ended."""

    def start(kind, *, lease=timedelta(minutes=1), queues="default", **fields):
        now = timezone.now()
        return Process.objects.create(
            kind=kind,
            name=f"{kind}@here",
            machine="here",
            pid=1,
            queues=queues,
            concurrency=2,
            started_at=now,
            lease_expires_at=now + lease,
            **fields,
        )

    return start


@pytest.fixture
def celery_eager(monkeypatch):
    """Let tasks run where they are sent from."""
    monkeypatch.setitem(current_app.conf.changes, "task_always_eager", True)
