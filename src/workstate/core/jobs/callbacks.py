"""Enqueues the callbacks of a batch in the transaction that ends its last job: once, or not at all."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from celery import current_app
from celery.canvas import maybe_signature
from django.db import InterfaceError, OperationalError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workstate.core.jobs.ledger import Ledger
    from workstate.core.jobs.records import FinishedBatch

logger = logging.getLogger(__name__)


def enqueue_callbacks(ledger: Ledger, batches: Sequence[FinishedBatch]) -> None:
    """Enqueue what is due: `on_end` at the first end of a batch, `on_success` once all of its jobs have completed.

    A callback gets the batch's id as its first argument, unless its signature is immutable.
    """
    for batch in batches:
        for signature in _due(ledger, batch):
            try:
                with ledger.savepoint():
                    maybe_signature(json.loads(signature), app=current_app).apply_async((batch.batch_id,))
            except (OperationalError, InterfaceError):
                raise
            except Exception:
                # A callback that nobody can enqueue must not hold up the jobs that end with its batch.
                logger.exception("A callback of batch %s can't be enqueued: %s", batch.batch_id, signature)


def _due(ledger: Ledger, batch: FinishedBatch) -> Iterator[str]:
    [[on_end, on_success]] = ledger.query(
        "SELECT on_end, on_success FROM workstate_batch WHERE id = %s", [batch.batch_id]
    )
    if on_end and batch.is_first_end:
        yield on_end
    if on_success and batch.has_succeeded:
        yield on_success
