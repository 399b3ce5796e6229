"""What a producer enqueues: one function for each way in; each returns the ids of all jobs that it asked for."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from celery import chain, chord
from celery.utils import uuid
from django.db import transaction
from django.utils import timezone

from chaos.project import journal, tasks
from chaos.project.models import Intent
from workstate.core.jobs.batches import open_batch
from workstate.core.jobs.bulk import enqueue_many
from workstate.core.jobs.cancellations import Cancelling, cancel_job
from workstate.core.jobs.errors import NotReplayableError
from workstate.core.jobs.models import Job
from workstate.core.jobs.replays import replay_job
from workstate.core.jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    Enqueue = Callable[[str, Random], list[str]]

LINES = ("left", "middle", "right")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One way to enqueue, and how often it is chosen."""

    enqueue: Enqueue
    weight: float
    is_autocommitted: bool = False

    def __call__(self, key: str, dice: Random) -> list[str]:
        """Enqueue it; returns the ids of all jobs that it asked for."""
        return self.enqueue(key, dice)


def _delay(key: str, dice: Random) -> list[str]:
    return [tasks.quick.delay(key).id]


def _slow(key: str, dice: Random) -> list[str]:
    return [tasks.slow.delay(key, dice.uniform(0.05, 1.0)).id]


def _once(key: str, dice: Random) -> list[str]:
    return [tasks.once.delay(key, dice.uniform(0, 0.1)).id]


def _later(key: str, dice: Random) -> list[str]:
    return [tasks.quick.apply_async((key,), countdown=dice.uniform(0, 3), priority=dice.randrange(10)).id]


def _retrying(key: str, dice: Random) -> list[str]:
    return [tasks.retrying.delay(key, dice.randint(1, 3), dice.uniform(0, 1)).id]


def _failing(key: str, dice: Random) -> list[str]:
    return [tasks.failing.delay(key).id]


def _parent(key: str, dice: Random) -> list[str]:
    return [tasks.parent.delay(key, dice.randint(1, 4)).id]


def _poison(key: str, dice: Random) -> list[str]:
    return [tasks.poison.delay(key).id]


def _many(key: str, dice: Random) -> list[str]:
    return enqueue_many(tasks.quick, [(f"{key}.{number}",) for number in range(dice.randint(2, 60))])


def _many_later(key: str, dice: Random) -> list[str]:
    arguments = [(f"{key}.{number}",) for number in range(dice.randint(2, 20))]
    return enqueue_many(tasks.quick, arguments, available_at=timezone.now() + timedelta(seconds=dice.uniform(0, 3)))


def _chord(key: str, dice: Random) -> list[str]:
    header = [tasks.part.s(f"{key}.{number}", number) for number in range(dice.randint(2, 8))]
    result = chord(header)(tasks.body.s(key))
    return [child.id for child in result.parent.children]


def _chain(key: str, dice: Random) -> list[str]:
    result = chain(tasks.part.s(f"{key}.1", 1), tasks.second.s(f"{key}.2")).apply_async()
    return [result.parent.id]


def _limited(key: str, dice: Random) -> list[str]:
    return [tasks.limited.delay(f"{key}.{dice.choice(LINES)}", dice.uniform(0, 0.05)).id]


def _alone(key: str, dice: Random) -> list[str]:
    task_id = uuid()
    result = tasks.alone.apply_async((f"{key}.{dice.choice(LINES)}", dice.uniform(0, 0.05)), task_id=task_id)
    return [task_id] if result.id == task_id else []  # else another one of its line stands for it


def _withdraw(key: str, dice: Random) -> list[str]:
    with transaction.atomic():
        task_id = tasks.withdrawn.apply_async((key,), countdown=dice.uniform(0, 0.1)).id
        Intent.objects.create(task_id=task_id)
    time.sleep(dice.uniform(0, 0.1))
    if cancel_job(task_id=task_id) is Cancelling.CANCELLED:
        journal.write(journal.PRODUCED, "withdrawn", task_id)
    return [task_id]


def _batch(key: str, dice: Random) -> list[str]:
    with open_batch(on_end=tasks.closing.s(key=f"{key}.end")) as batch:
        ids = batch.add_many(tasks.quick, [(f"{key}.{number}",) for number in range(dice.randint(1, 20))])
        ids.append(batch.add(dice.choice([tasks.failing, tasks.part.s(number=1)]), (), {"key": f"{key}.last"}).id)
    return ids


def _broken(key: str, dice: Random) -> list[str]:
    return [tasks.broken.delay(key, is_mended=False).id]


def _mend(key: str, dice: Random) -> list[str]:
    letters = Job.objects.filter(task=tasks.broken.name, state=State.DISCARDED).order_by("id")
    if (letter := letters.first()) is not None:
        [key], _, _ = json.loads(letter.body)
        try:
            replay_job(task_id=letter.task_id, args=[key], kwargs={"is_mended": True})
        except NotReplayableError:  # another producer was quicker
            return []
        journal.write(journal.PRODUCED, "replayed", letter.task_id)
    return []


ORDERS = [
    Order(enqueue=_delay, weight=30),
    Order(enqueue=_delay, weight=10, is_autocommitted=True),
    Order(enqueue=_slow, weight=1.5),
    Order(enqueue=_once, weight=5),
    Order(enqueue=_later, weight=8),
    Order(enqueue=_retrying, weight=5),
    Order(enqueue=_failing, weight=2),
    Order(enqueue=_parent, weight=2),
    Order(enqueue=_poison, weight=0.05),
    Order(enqueue=_many, weight=6),
    Order(enqueue=_many, weight=2, is_autocommitted=True),
    Order(enqueue=_many_later, weight=2),
    Order(enqueue=_chord, weight=4),
    Order(enqueue=_chain, weight=4),
    Order(enqueue=_limited, weight=6),
    Order(enqueue=_alone, weight=6),
    Order(enqueue=_withdraw, weight=2, is_autocommitted=True),
    Order(enqueue=_batch, weight=2),
    Order(enqueue=_broken, weight=2),
    Order(enqueue=_mend, weight=3, is_autocommitted=True),
]
WEIGHTS = [order.weight for order in ORDERS]
