"""Many jobs of one task in one go: the message is made once, and only what differs is made for each."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.db import transaction
from kombu.exceptions import EncodeError
from kombu.utils.json import JSONEncoder, dumps

from workstate.core.jobs.connections import ledger_alias
from workstate.core.jobs.enqueue import enqueue
from workstate.core.jobs.records import NewJob
from workstate.core.jobs.terms import terms_of
from workstate.core.jobs.uniqueness import noting_firsts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from celery.app.task import Task

BATCH = 1000
_encode = JSONEncoder().encode  # dumps() would make an encoder for each
PLACEHOLDER = "00000000-0000-4000-8000-000000000000"
"""Stands in the message where each job's id goes."""


def enqueue_many(
    task: Task[Any, Any],
    arguments: Iterable[Sequence[Any] | Mapping[str, Any]],
    *,
    queue: str | None = None,
    priority: int | None = None,
    available_at: datetime | None = None,
) -> list[str]:
    """Enqueue `task` once for each item of `arguments`, all or none; returns the task ids in order.

    An item is a sequence of positional arguments, or a mapping of keyword arguments.
    Belongs to the caller's transaction like `delay()`, and costs a small part of it for each job.
    Routing is asked once, so a router that looks at arguments needs `delay()`.

    Raises kombu.exceptions.EncodeError when an argument is not JSON; then nothing was enqueued.
    """
    if task.app.conf.task_always_eager:
        return [task.apply_async(*split_arguments(item), queue=queue).id for item in arguments]
    template = _Template.of(task, queue, priority, available_at)
    ids: list[str] = []
    rows = iter(arguments)
    with transaction.atomic(using=ledger_alias()):
        while batch := list(islice(rows, BATCH)):
            jobs = [template.job(*split_arguments(item)) for item in batch]
            with noting_firsts() as firsts:
                enqueue(jobs)
            ids.extend(firsts.get(job.task_id, job.task_id) for job in jobs)
    return ids


class _Template:
    """A message of a task, with gaps for the id and the arguments."""

    def __init__(self, task: Task[Any, Any], job: NewJob) -> None:
        self._task = task
        self._job = job
        self._headers = job.headers.split(PLACEHOLDER)
        self._properties = job.properties.split(PLACEHOLDER)

    @classmethod
    def of(
        cls, task: Task[Any, Any], queue: str | None, priority: int | None, available_at: datetime | None
    ) -> _Template:
        app = task.app
        options = {key: value for key, value in (("queue", queue), ("priority", priority)) if value is not None}
        declared: dict[str, Any] = task._get_exec_options()  # type: ignore[attr-defined]  # noqa: SLF001  as apply_async
        route = app.amqp.router.route({**declared, **options}, task.name, (), {})
        parent = app.current_worker_task
        message = app.amqp.as_task_v2(
            PLACEHOLDER,
            task.name,
            (),
            {},
            expires=declared.get("expires"),
            time_limit=declared.get("time_limit"),
            soft_time_limit=declared.get("soft_time_limit"),
            root_id=(parent.request.root_id or parent.request.id) if parent else PLACEHOLDER,
            parent_id=parent.request.id if parent else None,
            argsrepr="",
            kwargsrepr="{}",
        )
        properties = {
            "correlation_id": PLACEHOLDER,
            "content_type": "application/json",
            "content_encoding": "utf-8",
        }
        return cls(
            task,
            NewJob(
                task_id=PLACEHOLDER,
                task=task.name,
                queue=route["queue"].name,
                headers=dumps({**message.headers, "ignore_result": task.ignore_result}),
                properties=dumps(properties),
                body="",
                priority=route.get("priority") or 0,
                available_at=available_at,
            ),
        )

    def job(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> NewJob:
        """Return the message for one set of arguments."""
        template = self._job
        task_id = str(uuid4())
        job = NewJob(
            task_id=task_id,
            task=template.task,
            queue=template.queue,
            headers=task_id.join(self._headers),
            properties=task_id.join(self._properties),
            body=_encoded([list(args), kwargs, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]),
            priority=template.priority,
            available_at=template.available_at,
        )
        terms = terms_of(self._task, template.task, args, kwargs, {})
        return job if terms is None else terms.applied(job)


def split_arguments(item: Sequence[Any] | Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the positional and the keyword arguments that an item of `arguments` stands for."""
    return ((), dict(item)) if isinstance(item, Mapping) else (tuple(item), {})


def _encoded(body: list[Any]) -> str:
    try:
        return str(_encode(body))
    except (TypeError, ValueError) as error:
        raise EncodeError(error) from error
