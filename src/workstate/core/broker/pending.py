"""Ends that wait to be written: gathered, so that one commit serves many.

What can't be written because the database is away is kept. What the database refuses to
store would be refused again with each later commit, so it is written alone and, refused
again, ends as a dead letter that says so.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

from django.db import DataError, IntegrityError

from workstate.core.broker.unusable import close_alone, discard_unstorable
from workstate.core.jobs.connections import publishing_on
from workstate.core.jobs.endings import count_ended
from workstate.core.jobs.records import EndedJob, HeldJob
from workstate.core.telemetry.losses import tell_losses
from workstate.core.worker.rescuer import return_or_discard, tell_followers_of_discarded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workstate.core.broker.messages import JobMessage
    from workstate.core.jobs.ledger import Ledger

WRITE_AFTER_SECONDS = 0.002
WRITE_WITHIN_SECONDS = 0.02
"""How long ends wait for others when the database is so slow that a write takes longer than it is waited for."""
WRITE_AT = 64
REFUSALS = (DataError, IntegrityError, ValueError, TypeError, OverflowError, RecursionError)
"""What the database says to a value that it can't store; anything else is an outage."""


class PendingWrites:
    """Closings, releases and losses of one process; any thread may add, one writes."""

    def __init__(self) -> None:
        # The callbacks of a thread pool come from its threads; and a signal, such as that of a cold shutdown, may
        # interrupt the main thread while it has the lock, and give jobs back.
        self._lock = threading.RLock()
        self._closings: list[JobMessage] = []
        self._releases: list[JobMessage] = []
        self._requeues: list[JobMessage] = []
        self._losses: list[JobMessage] = []
        self._oldest = 0.0
        self._write_seconds = 0.0

    def __bool__(self) -> bool:
        return any(self._kinds())

    @property
    def are_due(self) -> bool:
        """Tell whether they have waited long enough, or are many enough, to be written."""
        return bool(self) and (len(self._closings) >= WRITE_AT or monotonic() - self._oldest >= self.patience_seconds)

    @property
    def patience_seconds(self) -> float:
        """How long they wait for others: twice as long as the last write took, so that work goes on meanwhile."""
        return max(WRITE_AFTER_SECONDS, min(2 * self._write_seconds, WRITE_WITHIN_SECONDS))

    def add_closing(self, message: JobMessage) -> bool:
        """Have a job's closing written; True when nothing else was waiting."""
        return self._add(self._closings, message)

    def add_release(self, message: JobMessage) -> bool:
        """Have a job given back; True when nothing else was waiting.

        Whether it has begun is decided now: a thread may begin it while the database is away, and the ledger
        must not take it for one that was begun and refused.
        """
        return self._add(self._requeues if message.is_started else self._releases, message)

    def add_loss(self, message: JobMessage) -> bool:
        """Have a job returned whose pool process died; True when nothing else was waiting."""
        return self._add(self._losses, message)

    def _add(self, messages: list[JobMessage], message: JobMessage) -> bool:
        with self._lock:
            is_first = not self
            if is_first:
                self._oldest = monotonic()
            messages.append(message)
        return is_first

    @contextmanager
    def written(self, ledger: Ledger) -> Iterator[list[JobMessage]]:
        """Write all in the transaction around the caller's block, or keep all.

        Gives the messages that are written, for the caller to let go of after the commit.
        """
        began_at = monotonic()
        with self._lock:
            taken = [kind[:] for kind in self._kinds()]
            for kind, messages in zip(self._kinds(), taken, strict=True):
                del kind[: len(messages)]
        try:
            with ledger.transaction(), publishing_on(ledger.connection):
                returned = _write(ledger, *taken)
                yield [message for messages in taken for message in messages]
        except BaseException:
            with self._lock:
                for kind, messages in zip(self._kinds(), taken, strict=True):
                    kind[:0] = messages
            raise
        self._write_seconds = monotonic() - began_at
        *_, losses = taken
        tell_losses(ledger, [message.job.id for message in losses])
        tell_followers_of_discarded(ledger, returned)

    def _kinds(self) -> tuple[list[JobMessage], ...]:
        return self._closings, self._releases, self._requeues, self._losses

    def write_closings_one_by_one(self, ledger: Ledger) -> list[JobMessage]:
        """Write each closing in a transaction of its own; returns the messages that were written."""
        written = []
        while self._closings:
            message = self._closings[0]
            assert message.closing is not None
            try:
                close_alone(ledger, message.closing)
            except REFUSALS as error:
                message.closing = discard_unstorable(ledger, message.job.task_id, message.closing, error)
            with self._lock:
                self._closings.remove(message)
            written.append(message)
        return written


def _write(
    ledger: Ledger,
    closings: Sequence[JobMessage],
    releases: Sequence[JobMessage],
    requeues: Sequence[JobMessage],
    losses: Sequence[JobMessage],
) -> list[EndedJob]:
    """Write all: first every job, then the counters of what ended, once; returns the lost jobs that ended."""
    ended = ledger.end([message.closing for message in closings if message.closing])
    if releases:
        ledger.release([message.token for message in releases])
    if requeues:
        ledger.requeue([message.token for message in requeues])
    if releases or requeues:
        ended += ledger.end_cancel_requested([message.token for message in (*releases, *requeues)])
    lost = [job for message in losses for job in _write_loss(ledger, message)]
    count_ended(ledger, [*ended, *lost])
    if keys := {key for message in [*closings, *losses] for key in _limit_keys(message)}:
        ledger.admit(keys)
    return lost


def _limit_keys(message: JobMessage) -> Iterator[str]:
    """Yield the limits whose waiting jobs may have their turn: of the job that ended, and of what takes its place."""
    successor = message.closing.successor if message.closing else None
    for key in (message.job.limit_key, successor.limit_key if successor else None):
        if key is not None:
            yield key


def _write_loss(ledger: Ledger, message: JobMessage) -> list[EndedJob]:
    job = message.job
    held = HeldJob(
        id=job.id,
        task=message.task,
        attempt=job.attempt,
        lost_attempts=job.lost_attempts,
        was_started=message.is_started,
        # The process that died may have taken the job and not yet noted that it begins: then it did not.
        was_acknowledged=message.is_acknowledged and ledger.was_acknowledged(job.id),
        chord_id=message.chord_id,
    )
    return return_or_discard(ledger, held, message.token.process_id)
