"""What follows when the last job of a chord or a batch has ended, enqueued in the transaction that ended it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workstate.core.jobs.callbacks import enqueue_callbacks
from workstate.core.jobs.chords import enqueue_bodies
from workstate.core.jobs.records import FinishedBatch, FinishedChord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workstate.core.jobs.ledger import Ledger
    from workstate.core.jobs.records import EndedJob, Finished


def count_ended(ledger: Ledger, ended: Sequence[EndedJob]) -> None:
    """Count all jobs that ended in a transaction into their chords and batches, and enqueue what that makes due.

    Once in a transaction: what is counted second is locked out of order. Needs `publishing_on` the ledger's connection.
    """
    enqueue_due(ledger, ledger.count(ended))


def enqueue_due(ledger: Ledger, finished: Sequence[Finished]) -> None:
    """Enqueue the bodies of chords and the callbacks of batches; needs `publishing_on` the ledger's connection."""
    if finished:
        enqueue_bodies(ledger, [chord for chord in finished if isinstance(chord, FinishedChord)])
        enqueue_callbacks(ledger, [batch for batch in finished if isinstance(batch, FinishedBatch)])
