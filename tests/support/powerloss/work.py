"""A process of the test project that enqueues and closes jobs, and tells what was committed: `… work TOLD COMMITS`."""

import os
import sys

import django
from django.db import transaction
from django.db.backends.signals import connection_created

CLOSED_AT_ONCE = 5
CHECKPOINT_PAGES = 25
"""So few that several checkpoints belong to a recording."""


def main(told_path, commits):
    django.setup()
    connection_created.connect(_check_point_often)
    told = os.open(told_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in range(commits):
        os.write(told, f"committed {_enqueue(number)}\n".encode())
        if number % CLOSED_AT_ONCE == CLOSED_AT_ONCE - 1:
            for task_id in _close():
                os.write(told, f"completed {task_id}\n".encode())
    os._exit(0)  # nothing is tidied up: power fails before that


def _check_point_often(connection, **kwargs):
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")


def _enqueue(number):
    from project.models import Note
    from project.tasks import add

    with transaction.atomic():
        task_id = add.delay(number, 1).id
        Note.objects.create(text=task_id)
    return task_id


def _close():
    from project.celery import app
    from workstate.core.broker.holdings import Holdings

    holdings = Holdings.of_process("default")
    with app.connection_for_read() as connection, connection.channel() as channel:
        messages = holdings.claim(["celery"], CLOSED_AT_ONCE, channel)
        for message in messages:
            holdings.complete(message)
    return [message.job.task_id for message in messages]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
