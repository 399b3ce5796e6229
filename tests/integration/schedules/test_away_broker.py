"""An outside broker that is away keeps no schedule waiting: the ledger has the job."""

import socket
from datetime import UTC, datetime

import pytest
from celery import Celery

from real_databases import BOTH_DATABASES
from workstate.core.broker import registration
from workstate.core.jobs.models import Job
from workstate.core.relay import adoption
from workstate.core.schedules.celery_enqueue import CeleryEnqueue
from workstate.core.schedules.enqueuer import ScheduleEnqueuer, Tick
from workstate.core.schedules.models import Schedule

pytestmark = [BOTH_DATABASES, pytest.mark.usefixtures("database")]

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def silent_port():
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def app(silent_port, monkeypatch):
    monkeypatch.setattr(adoption, "carry_with", lambda _: None)  # the carrier is the whole process's
    app = Celery("away", broker=f"redis://127.0.0.1:{silent_port}/0", backend="workstate://", set_as_current=False)
    registration.adopt(app)
    yield app
    app.close()


def test_a_due_time_is_enqueued_while_the_outside_broker_does_not_answer(app):
    Schedule.objects.create(
        name="report", task="report", timing={"every_seconds": 60}, starts_at=NOON, next_run_at=NOON
    )
    enqueue = CeleryEnqueue(app)
    enqueue.connect()

    assert ScheduleEnqueuer(enqueue).tick(NOON) == Tick(enqueued=1, schedules=1)
    assert Job.objects.get().task == "report"
    enqueue.close()
