"""Retention: what the core forgets, when, and who sees to it.

Every worker has a `Pruner` in a thread of its own. Once in a minute one of them has the turn: a row in
the ledger that is taken by one conditional update, so no lock is held and no herd comes. It removes, a
portion of at most 1,000 rows to a transaction and with a pause between two:

- completed, cancelled and discarded jobs, each state after a period of its own, with their attempts;
- the return values of completed jobs after `CELERY_RESULT_EXPIRES`; the rows stay;
- entries of caches that have expired, or that an epoch has ended;
- batches and chords that nobody needs any more, ended processes, runs of schedules, live events, control
  queues whose owner is gone.

What something still waits for is left alone: the jobs of a batch or a chord that has not ended, a job that
keeps its unique key for longer, one whose followers are still to be told.

When things fail: a pruner that dies leaves what it has not removed; the next turn is taken a minute later.
Whoever is slow renews its turn with each portion. The same turn ends batches that have been overlooked, and those
that nobody sealed or added to for as long as jobs are kept: whoever opened them is dead, and their jobs would stay.
"""

from __future__ import annotations

from workstate.core.retention.pruner import Pruner, PruningReport, count_prunable

__all__ = ["Pruner", "PruningReport", "count_prunable"]
