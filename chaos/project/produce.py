"""A producer: enqueues jobs of every kind until it is told to stop. `python -m chaos.project.produce NAME SEED`.

It looks at the file `gate` in the run's directory, which says `go`, `wait` or `stop`. What it has committed, and what
it has rolled back, it notes in its journal when the database has answered; a death in between leaves no note, and
then only the row that business code wrote in the same transaction tells.
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import time
from typing import TYPE_CHECKING

import django
from django.db import Error as DatabaseError
from django.db import connections, transaction
from kombu.exceptions import OperationalError as BrokerError

from chaos.project import journal

if TYPE_CHECKING:
    from collections.abc import Iterator

GATE = "gate"
PAUSE_SECONDS = 0.02
OUTAGE_PAUSE_SECONDS = 0.1
ROLLBACK_SHARE = 0.08
OUTAGE_ERRORS = (DatabaseError, BrokerError, OSError)


class RolledBackError(Exception):
    """Makes a transaction be rolled back."""


class Producer:
    """Enqueues one order after the other; its keys name it and its process."""

    def __init__(self, name: str, seed: str) -> None:
        from chaos.project.orders import ORDERS, WEIGHTS

        self._orders, self._weights = ORDERS, WEIGHTS
        self._random = random.Random(f"{seed}/{name}/{os.getpid()}")
        self._keys = (f"{name}.{os.getpid()}.{number}" for number in itertools.count())

    def produce(self) -> None:
        """Enqueue one order: committed, rolled back, or outside of any transaction."""
        (order,) = self._random.choices(self._orders, self._weights)
        key = next(self._keys)
        journal.write(journal.PRODUCED, "begin", key)
        ids: list[str] = []
        try:
            if order.is_autocommitted:
                ids += order(key, self._random)
            else:
                self._in_transaction(order, key, ids)
        except RolledBackError:
            journal.write(journal.PRODUCED, "rolled-back", *ids)
        else:
            journal.write(journal.PRODUCED, "committed", *ids)

    def _in_transaction(self, order: object, key: str, ids: list[str]) -> None:
        from chaos.project.models import Intent

        with transaction.atomic():
            ids += order(key, self._random)  # type: ignore[operator]
            Intent.objects.bulk_create([Intent(task_id=task_id) for task_id in ids])
            if self._random.random() < ROLLBACK_SHARE:
                raise RolledBackError


def _open_gates() -> Iterator[None]:
    path = journal.directory() / GATE
    while (word := path.read_text()) != "stop":
        if word == "go":
            yield
        else:
            time.sleep(PAUSE_SECONDS)


def main(name: str, seed: str) -> None:
    """Produce while the gate allows it; an outage is waited for."""
    django.setup()
    producer = Producer(name, seed)
    for _ in _open_gates():
        try:
            producer.produce()
        except OUTAGE_ERRORS as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            connections.close_all()
            time.sleep(OUTAGE_PAUSE_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
