"""Enqueues unique jobs: inserts one whose key is free, or settles with the job that holds it.

1. Insert, unless the key or the task id is taken.
2. Taken by a job that has ended and whose period is over: take the key from it, and begin again.
3. Taken by a waiting job that may be replaced: give it the newer message. It keeps its id, its place in a
   group or chain, and its callbacks. Claimed meanwhile: it gave its key up, begin again.
4. Else the first is kept. A call that others wait for (in a group, or with something to run after it) leaves a
   cancelled row, so that they hear of it.

Each round that begins again does so because another job moved on. A job that is replayed takes its key back in the
same way, and does not run while another one has it.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from workstate.core.jobs import clock
from workstate.core.jobs.errors import ContestedKeyError
from workstate.core.jobs.states import ENDED, WAITING
from workstate.core.jobs.unique import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workstate.core.jobs.ledger import Ledger
    from workstate.core.jobs.records import KeyHolder, NewJob

ROUNDS = 100
IDENTITY = ("id", "root_id", "parent_id", "group", "group_index", "stamped_headers", "stamps")
"""Headers that stay a job's own when its arguments are replaced."""

_firsts: ContextVar[dict[str, str] | None] = ContextVar("firsts", default=None)


@contextmanager
def noting_firsts() -> Iterator[dict[str, str]]:
    """Give the task ids that stand for those which came to nothing inside."""
    firsts: dict[str, str] = {}
    token = _firsts.set(firsts)
    try:
        yield firsts
    finally:
        _firsts.reset(token)


def enqueue_unique(ledger: Ledger, job: NewJob) -> None:
    """Enqueue a job that has a unique key, or settle with the one that holds it; within a transaction.

    Raises ContestedKeyError when the key changes hands all the time.
    """
    assert job.unique_key is not None
    for _ in range(ROUNDS):
        if ledger.insert_if_free(ledger.row_of(job)):
            return
        holder = ledger.find_holder(job.unique_key)
        if holder is None:
            if ledger.knows(job.task_id):  # as with any other job, a known id changes nothing, or fills its place
                ledger.insert([replace(job, unique_key=None, unique_until=None)])
                return
        elif holder.task_id == job.task_id:
            return
        elif _is_over(holder):
            ledger.free_key(holder.id)
        elif (
            job.conflict == Conflict.KEEP
            or holder.state in ENDED
            or (
                holder.state in WAITING
                and ledger.replace_waiting(holder, job.unique_key, _columns(ledger, holder, job))
            )
            or holder.state not in WAITING
        ):
            _keep_first(ledger, job, holder)
            return
    raise ContestedKeyError(job.unique_key)


def take_key(ledger: Ledger, job_id: int, key: str) -> str | None:
    """Let a job that is replayed hold its key; returns the task id of the job that has it, None when it got it.

    Raises ContestedKeyError when the key changes hands all the time.
    """
    for _ in range(ROUNDS):
        if ledger.take_key(job_id, key):
            return None
        holder = ledger.find_holder(key)
        if holder is None:
            continue
        if not _is_over(holder):
            return holder.task_id
        ledger.free_key(holder.id)
    raise ContestedKeyError(key)


def _is_over(holder: KeyHolder) -> bool:
    return holder.state in ENDED and (holder.unique_until is None or holder.unique_until <= clock.now())


def _keep_first(ledger: Ledger, job: NewJob, holder: KeyHolder) -> None:
    if _is_awaited(job):
        from workstate.core.jobs.waiting import cancel_waiting  # which enqueues what was waiting for it

        ledger.insert([replace(job, unique_key=None, unique_until=None)])
        cancel_waiting(job.task_id, f"duplicate of {holder.task_id}")
        assert job.unique_key is not None
        ledger.note_key(job.task_id, job.unique_key, job.unique_until)
    elif (firsts := _firsts.get()) is not None:
        firsts[job.task_id] = holder.task_id


def _is_awaited(job: NewJob) -> bool:
    if job.batch_id is not None or json.loads(job.headers).get("group") is not None:
        return True
    message = _as_message(job.body)
    return message is not None and any(message[2].get(name) for name in ("chain", "callbacks", "chord"))


def _columns(ledger: Ledger, holder: KeyHolder, job: NewJob) -> list[Any]:
    now = clock.now()
    before = json.loads(holder.headers)
    headers = json.loads(job.headers) | {name: before[name] for name in IDENTITY if name in before}
    properties = json.loads(job.properties) | {"correlation_id": holder.task_id}
    old_message, message = _as_message(holder.body), _as_message(job.body)
    body = json.dumps([*message[:2], old_message[2]]) if message and old_message else job.body
    return [
        job.priority,
        json.dumps(headers),
        json.dumps(properties),
        body,
        ledger.moment(job.available_at or now),
        job.available_at is None or job.available_at <= now,
        job.limit_key,
        job.lane,
    ]


def _as_message(body: str) -> list[Any] | None:
    """Return (args, kwargs, embedded) of a body that is JSON; None for any other serializer's."""
    try:
        message = json.loads(body)
    except ValueError:
        return None
    parts = 3
    return message if isinstance(message, list) and len(message) == parts else None
