"""Batches: jobs that are enqueued together, watched together, and followed by something when all have ended.

    with open_batch(name="Invoices of May", on_success=send_summary.s()) as batch:
        batch.add_many(render, [(invoice.pk,) for invoice in invoices])

The batch and its jobs are one transaction. One that is too large for that is made by `create_batch`,
filled in as many transactions as it takes and then sealed; only a sealed batch can end. A job may add
to its own batch, which can't end before that job does.

`on_end` is enqueued once, when all jobs have ended, however they did; `on_success` once, when all have
completed, which may be after dead letters were replayed. Both in the transaction that ends the last job.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from celery.canvas import Signature, _chain, _chord, chunks, group
from django.db import transaction
from kombu.utils.json import dumps

from workstate.core.jobs.bulk import enqueue_many, split_arguments
from workstate.core.jobs.connections import ledger_alias, publishing_connection, publishing_on, publishing_transaction
from workstate.core.jobs.endings import enqueue_due
from workstate.core.jobs.errors import BatchEndedError, BatchSealedError, NotASingleJobError
from workstate.core.jobs.execution import Execution
from workstate.core.jobs.ledger import ledger_on
from workstate.core.jobs.membership import joining
from workstate.core.jobs.models import Batch, Job
from workstate.core.jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from celery.app.task import Task
    from celery.result import AsyncResult

    from workstate.core.jobs.ledger import Ledger

SEVERAL = (group, _chain, _chord, chunks)


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch that jobs may join."""

    id: int
    is_own: bool = False
    """True for the batch of the job that asks: it may add even when the batch is sealed."""

    def add(
        self,
        task: Task[Any, Any] | Signature[Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        /,
        **options: Any,
    ) -> AsyncResult[Any]:
        """Enqueue one job as `task.apply_async(args, kwargs, **options)` does, and count it in the batch.

        Raises BatchEndedError when the batch has ended or was cancelled, BatchSealedError when only
        its own jobs may add to it, and NotASingleJobError for a chain, group or chord.
        """
        if isinstance(task, SEVERAL):
            raise NotASingleJobError(task)
        with self._joined() as ledger:
            result: AsyncResult[Any] = task.apply_async(tuple(args), dict(kwargs or {}), **options)
            if task.app.conf.task_always_eager:
                self._count_eager(ledger, result)
        return result

    def add_many(
        self, task: Task[Any, Any], arguments: Iterable[Sequence[Any] | Mapping[str, Any]], **options: Any
    ) -> list[str]:
        """Enqueue many jobs of one task as `enqueue_many` does, and count them in the batch; returns their ids.

        Raises BatchEndedError and BatchSealedError as `add` does.
        """
        if task.app.conf.task_always_eager:
            return [self.add(task, *split_arguments(item), **options).id for item in arguments]
        with self._joined():
            return enqueue_many(task, arguments, **options)

    def seal(self) -> None:
        """Say that all jobs were added, so that the batch ends when they have; again changes nothing.

        Waits for the transactions that are adding to it.
        """
        with publishing_transaction() as connection, publishing_on(connection):
            ledger = ledger_on(connection)
            enqueue_due(ledger, ledger.seal_batch(self.id))

    @contextmanager
    def _joined(self) -> Iterator[Ledger]:
        with publishing_transaction() as connection:
            ledger = ledger_on(connection)
            is_running, is_sealed = ledger.join_batch(self.id)
            if not is_running:
                raise BatchEndedError(self.id)
            if is_sealed and not self.is_own:
                raise BatchSealedError(self.id)
            with joining(self.id):
                yield ledger

    def _count_eager(self, ledger: Ledger, result: AsyncResult[Any]) -> None:
        # No job was made; what became of the task is known already.
        state = State.COMPLETED if result.successful() else State.DISCARDED
        ledger.count_batches([(self.id, state)])


@contextmanager
def open_batch(
    *, name: str = "", on_end: Signature[Any] | None = None, on_success: Signature[Any] | None = None
) -> Iterator[OpenBatch]:
    """Give a batch to add jobs to, and seal it: all in one transaction, which may be the caller's.

    When the block raises, neither the batch nor its jobs exist. Without any job the batch ends at once.
    """
    with transaction.atomic(using=ledger_alias()):
        batch = create_batch(name=name, on_end=on_end, on_success=on_success)
        yield batch
        batch.seal()


def create_batch(
    *, name: str = "", on_end: Signature[Any] | None = None, on_success: Signature[Any] | None = None
) -> OpenBatch:
    """Begin a batch that is filled in several transactions; it can't end before `seal()` was called."""
    ledger = ledger_on(publishing_connection())
    return OpenBatch(ledger.create_batch(name, _json(on_end), _json(on_success)))


def find_open_batch(batch_id: int) -> OpenBatch | None:
    """Return a batch that is still to be sealed, to add more to it; None when there is none of that id."""
    is_open = Batch.objects.filter(id=batch_id, size=None, ended_at=None).exists()
    return OpenBatch(batch_id) if is_open else None


def current_batch() -> OpenBatch | None:
    """Return the batch of the job that is running here, so that it can add to it; None when it has none."""
    execution = Execution.current()
    if execution is None:
        return None
    batch_id = Job.objects.filter(id=execution.token.job_id).values_list("batch_id", flat=True).first()
    return None if batch_id is None else OpenBatch(batch_id, is_own=True)


def _json(signature: Signature[Any] | None) -> str | None:
    return None if signature is None else dumps(signature)
