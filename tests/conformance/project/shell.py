"""What a developer imports at a prompt; the client process of a deployment serves this module."""

import json
import threading
import time
from datetime import timedelta

from celery import chain, chord, chunks, group, signature, xmap, xstarmap
from celery.result import AsyncResult, GroupResult
from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone

from project import effects, faults, tasks
from project.celery import app
from project.models import Note
from workbench import endings

__all__ = [
    "AsyncResult",
    "EventLog",
    "GroupResult",
    "Note",
    "answers_a_ping",
    "app",
    "arguments_by_claim",
    "broker_away_since",
    "cancel",
    "chain",
    "chord",
    "chunks",
    "connection",
    "count_jobs",
    "count_messages",
    "counts_of_batch",
    "django_jobs",
    "endings",
    "enqueue_backlog",
    "event_total",
    "events",
    "expire_lease",
    "faults",
    "fill_history",
    "group",
    "has_job",
    "job",
    "jobs_by_state",
    "metric_totals",
    "now",
    "pause_queue",
    "put_raw_message",
    "raises_missing_note",
    "resume_queue",
    "signature",
    "slowest_delay",
    "spoil_job",
    "tasks",
    "tell_in_a_batch",
    "tell_urgently",
    "transaction",
    "was_handed_over",
    "xmap",
    "xstarmap",
]

JOB_FIELDS = ("task", "queue", "state", "attempt", "lost_attempts", "reason", "error_type", "error_message", "ended_at")


class EventLog:
    """Receives Celery's events in a thread, as a monitor does, from the moment it exists."""

    def __init__(self):
        self._events = []
        self._ready = threading.Event()
        threading.Thread(target=self._receive, daemon=True).start()
        if not (self._ready.wait(10) and self._hears()):
            raise TimeoutError("The event receiver did not start.")

    def types_of(self, task_id):
        return [event["type"] for event in list(self._events) if event.get("uuid") == task_id]

    def types(self):
        return sorted({event["type"] for event in list(self._events)})

    def _hears(self):
        """Tell whether it hears an event: with Redis it subscribes a moment after it says that it consumes."""
        deadline = time.monotonic() + 10
        with app.connection_for_write() as broker, app.events.Dispatcher(broker) as dispatcher:
            while "receiver-begun" not in self.types() and time.monotonic() < deadline:
                dispatcher.send("receiver-begun")
                time.sleep(0.05)
        return "receiver-begun" in self.types()

    def _receive(self):
        with app.connection_for_read() as broker:
            receiver = app.events.Receiver(broker, handlers={"*": self._events.append})
            start, receiver.on_consume_ready = receiver.on_consume_ready, self._tell_ready_after
            self._start = start
            receiver.capture(limit=None, timeout=None, wakeup=True)

    def _tell_ready_after(self, *args, **kwargs):
        self._start(*args, **kwargs)
        self._ready.set()


def raises_missing_note(result):
    """Tell whether `except Note.DoesNotExist` around `get()` catches what the task raised."""
    try:
        result.get(timeout=60, interval=0.01)
    except Note.DoesNotExist:
        return True
    except Exception:  # noqa: BLE001  any other class is the answer no
        return False
    return False


def django_jobs():
    """The project's Django tasks; nobody else imports them."""
    from project import django_jobs

    return django_jobs


def jobs():
    return apps.get_model("workstate", "Job").objects.all()


def job(task_id):
    """The ledger's row of the task, as a dict."""
    return jobs().values(*JOB_FIELDS).get(task_id=task_id)


def enqueue_backlog(name, count):
    """Enqueue many short jobs in one go."""
    from workstate.core.jobs.bulk import enqueue_many

    enqueue_many(tasks.tell, [(name,)] * count)


def tell_urgently():
    """Note when it is enqueued, and enqueue before everybody else."""
    effects.record("enqueued urgent")
    tasks.tell.apply_async(("urgent",), priority=-1)


def arguments_by_claim():
    """The named arguments of all jobs in the order in which they were claimed."""
    return [
        json.loads(body)[1] for body in jobs().order_by("claimed_at", "priority", "id").values_list("body", flat=True)
    ]


def pause_queue(**options):
    """Pause a queue; the row is of no interest here."""
    from workstate.core.jobs import pauses

    pauses.pause_queue(**options)


def resume_queue(**options):
    from workstate.core.jobs import pauses

    return pauses.resume_queue(**options)


def cancel(task_id, reason):
    """Cancel a job as the dashboard does; returns what came of it, as text."""
    from workstate.core.jobs.cancellations import cancel_job

    return cancel_job(task_id=task_id, reason=reason, by="ada").value


def tell_in_a_batch(name, count, on_end):
    """Enqueue a batch of tasks that tell the name, followed by one that tells of its end; return its id."""
    from workstate.core.jobs import batches

    with batches.open_batch(on_end=tasks.tell.si(on_end)) as batch:
        for _ in range(count):
            batch.add(tasks.tell, (name,))
    return batch.id


def counts_of_batch(batch_id):
    """What a batch has come to: completed, discarded, cancelled, size."""
    batch = apps.get_model("workstate", "Batch").objects.get(id=batch_id)
    return (batch.completed, batch.discarded, batch.cancelled, batch.size)


def fill_history(count):
    """Insert jobs that were completed a month ago, with something to forget."""
    month_ago = timezone.now() - timedelta(days=30)
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < %s)"
            " INSERT INTO workstate_job (task_id, task, queue, lane, state, priority, headers, properties, body, attempt,"
            " lost_attempts, enqueued_at, available_at, ended_at, result)"
            " SELECT 'old-' || number, 'project.tasks.tell', 'celery', 'database', 'completed', 0, '{}', '{}',"
            " '[[], {}, {}]', 1, 0, %s, %s, %s, 'null' FROM numbers",
            [count, month_ago, month_ago, month_ago],
        )


def event_total(name):
    """How often the event was counted."""
    totals = apps.get_model("workstate", "MetricTotal").objects.filter(metric="events", detail=name)
    return totals.values_list("total", flat=True).first() or 0


def metric_totals(task):
    """What all processes have counted of the task, by metric."""
    totals = apps.get_model("workstate", "MetricTotal").objects.filter(task=task)
    return dict(totals.exclude(metric="task_runtime_bucket").values_list("metric", "total"))


def jobs_by_state():
    """How many jobs stand in each state."""
    states = list(jobs().values_list("state", flat=True))
    return {state: states.count(state) for state in set(states)}


def count_jobs():
    return jobs().count()


def has_job(task_id):
    return jobs().filter(task_id=task_id).exists()


def spoil_job(task_id, column):
    """Leave half of what the row says of its message, as a careless repair by hand would."""
    spoiled = jobs().get(task_id=task_id)
    setattr(spoiled, column, getattr(spoiled, column)[:5])
    spoiled.save(update_fields=[column])


def expire_lease(node):
    """Date the worker's lease back, as if it had been silent for an hour."""
    processes = apps.get_model("workstate", "Process").objects.filter(name=node, ended_at=None)
    processes.update(lease_expires_at=timezone.now() - timedelta(hours=1))


def now():
    return time.time()


def put_raw_message(body, headers, queue="celery", content_type="application/json"):
    """Put a message on the queue as some other program would, without Celery's checks."""
    with app.connection_for_write() as broker, broker.Producer() as producer:
        producer.publish(body, routing_key=queue, headers=headers, content_type=content_type, content_encoding="utf-8")


def was_handed_over(task_id):
    """Tell whether the broker in front of the ledger was given the job."""
    return jobs().get(task_id=task_id).handed_over_at is not None


def slowest_delay(count):
    """Enqueue so many jobs and return how long the slowest call took, in seconds."""
    slowest = 0.0
    for number in range(count):
        started = time.perf_counter()
        tasks.tell.delay("slowest", number=number)
        slowest = max(slowest, time.perf_counter() - started)
    return slowest


def count_messages(queue="celery"):
    """How many messages wait in Redis."""
    with app.connection_for_write() as broker:
        return broker.default_channel.client.llen(queue)


def broker_away_since():
    """Since when a worker can't reach the broker."""
    from workstate.core.health import mode

    return mode.broker_away_since()


def events(stream):
    """The live events of a stream, oldest first."""
    rows = apps.get_model("workstate", "Event").objects.filter(stream=stream).order_by("offset")
    return [{"type": row.type, "data": row.data} for row in rows]


def answers_a_ping():
    """Tell whether a worker answers through this process's connections; the first call on a broken one may raise."""
    try:
        return bool(app.control.ping(timeout=5, limit=1))
    except Exception:  # noqa: BLE001  each broker has errors of its own
        return False
