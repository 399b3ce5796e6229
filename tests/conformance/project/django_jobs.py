"""Tasks of Django's framework, in a module that no worker imports by itself."""

import asyncio
import os
import time

import django
from django.dispatch import receiver

if django.VERSION >= (6, 0):
    from django.tasks import default_task_backend, task
    from django.tasks.signals import task_finished, task_started
else:
    from django_tasks import default_task_backend, task
    from django_tasks.signals import task_finished, task_started

from project.effects import record, wait_at_gate
from project.models import Note
from project.tasks import PaymentRefusedError

PATIENCE_SECONDS = 60


@task
def add(x, y):
    return x + y


@task
async def add_later(x, y):
    await asyncio.sleep(0.01)
    return x + y


@task
def refuse(message):
    raise PaymentRefusedError(message)


@task(takes_context=True)
def hold(context, name):
    """Tell `<name>` with the attempt, wait at the gate of that name."""
    record(name, attempt=context.attempt, workers=context.task_result.worker_ids)
    wait_at_gate(name)
    return context.attempt


@task
def tell(name):
    record(name)


@task
def read_note(note_id):
    return Note.objects.get(id=note_id).text


def note_and_tell():
    """Enqueue a task about a row in the transaction that makes the row; returns its result."""
    from django.db import transaction

    with transaction.atomic():
        note = Note.objects.create(text="hello")
        return read_note.enqueue(note.id)


def finished(result):
    """Wait until the task has ended; returns (status, attempts, errors, return value or None)."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not result.is_finished:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{result.id} is {result.status}")
        time.sleep(0.01)
        result.refresh()
    returned = result.return_value if result.status == "SUCCESSFUL" else None
    return [str(result.status), result.attempts, [error.exception_class_path for error in result.errors], returned]


def jump_the_queue():
    """Enqueue three tasks of different priority, the last one first."""
    for priority in (-10, 0, 10):
        tell.using(priority=priority).enqueue(f"priority {priority}")


@receiver(task_started)
def tell_started(sender, task_result, **kwargs):
    record("started", id=task_result.id, child=os.getpid())


@receiver(task_finished)
def tell_finished(sender, task_result, **kwargs):
    record("finished", id=task_result.id, status=str(task_result.status))


def backend():
    return default_task_backend
