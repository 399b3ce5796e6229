"""Giving jobs up by hand: one that waits becomes a dead letter, a dead letter is dismissed.

Nothing is deleted: who gave the job up, and why, stays in its history, and it can be replayed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workstate.core.jobs.connections import publishing_on, publishing_transaction
from workstate.core.jobs.endings import count_ended
from workstate.core.jobs.errors import WorkstateError
from workstate.core.jobs.history import Intervention
from workstate.core.jobs.ledger import Ledger, ledger_on
from workstate.core.jobs.records import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workstate.core.jobs.filters import JobFilter

BATCH = 500


class DiscardedByHandError(WorkstateError):
    """Somebody gave the job up before it ran; its reason says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discarded:
    """What became of jobs that were given up."""

    discarded: int
    """Waited, and are dead letters now."""
    dismissed: int
    """Were dead letters, and are off the list now."""
    left: int
    """Ran, or had ended otherwise, and are as they were."""


def discard_jobs(*, jobs: JobFilter, reason: str, by: str = "") -> Discarded:
    """Give up the jobs that are meant, `BATCH` in a transaction; those that run are left alone: cancel them.

    The chords, batches, chains and errbacks of a job that waited learn that it failed.
    """
    ids = list(jobs.choose().order_by("id").values_list("id", flat=True))
    discarded = dismissed = 0
    for start in range(0, len(ids), BATCH):
        with publishing_transaction() as connection:
            batch = ids[start : start + BATCH]
            ledger = ledger_on(connection)
            # Dismissed first: what becomes a dead letter here stays on the list.
            off_the_list = ledger.dismiss(batch)
            ledger.record_interventions(off_the_list, Intervention.Kind.DISMISS, by=by, reason=reason)
            given_up = _discard_waiting(ledger, batch, by, reason)
            ledger.announce_act("job.dismissed", len(off_the_list), by=by, reason=reason)
            ledger.announce_act("job.discarded", given_up, by=by, reason=reason)
            dismissed += len(off_the_list)
            discarded += given_up
    return Discarded(discarded=discarded, dismissed=dismissed, left=len(ids) - discarded - dismissed)


def _discard_waiting(ledger: Ledger, job_ids: Sequence[int], by: str, reason: str) -> int:
    failure = Failure.of(f"{__name__}.{DiscardedByHandError.__name__}", json.dumps([reason]))
    ended = ledger.discard_waiting(job_ids, failure, reason)
    if ended:
        given_up = [job.id for job in ended]
        ledger.record_interventions(given_up, Intervention.Kind.DISCARD, by=by, reason=reason)
        ledger.leave_notices(given_up, taken=False)
        with publishing_on(ledger.connection):
            count_ended(ledger, ended)
    return len(ended)
