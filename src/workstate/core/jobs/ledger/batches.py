"""The ledger's counters of batches: how many jobs each has, and how they have ended.

A job that ends is counted in the transaction that ends it, so it counts once. Whether a batch is over is
decided by its jobs, not by its counters: when these say that it may be, the jobs that have not ended are
counted. So nobody has to lock a batch for as long as a transaction takes that adds to it.

Lock order on PostgreSQL: jobs, then chords by id, then batches by id. Whoever adds jobs takes a lock that
counting passes by and only sealing waits for.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from workstate.core.jobs.ledger.announcements import Announcements
from workstate.core.jobs.records import BatchCounts, FinishedBatch, storable_reason
from workstate.core.jobs.states import ENDED, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

COUNTS = "id, completed, discarded, cancelled, size, ended_at, is_followed"
"""Not `ended_at IS NOT NULL`: in a RETURNING SQLite 3.40 finds that true of every row."""
ADD = (
    "UPDATE workstate_batch SET completed = completed + %s, discarded = discarded + %s, cancelled = cancelled + %s,"
    f" ended_at = CASE WHEN %s THEN NULL ELSE ended_at END WHERE id = %s RETURNING {COUNTS}"
)
COUNT_OPEN = (
    "SELECT count(*) FROM workstate_job"
    " WHERE batch_id = %s AND state IN ('scheduled', 'available', 'executing', 'retryable')"
)
NONE_OPEN = (
    "NOT EXISTS (SELECT 1 FROM workstate_job WHERE batch_id = workstate_batch.id"
    " AND state IN ('scheduled', 'available', 'executing', 'retryable'))"
)
# The youngest of each state, through the index of batches: a batch may have millions of jobs.
YOUNGEST = ", ".join(
    f"(SELECT max(id) FROM workstate_job WHERE batch_id = workstate_batch.id AND state = '{state.value}')"
    for state in sorted(ENDED)
)
SWEEP = 100
ABANDONED = "never sealed"


class BatchCounters(Announcements):
    """Counts in the transaction that ends jobs, whichever way they end."""

    sealing_lock: ClassVar[str] = ""

    def create_batch(self, name: str, on_end: str | None, on_success: str | None) -> int:
        """Begin an empty batch that is not sealed; signatures are JSON. Returns its id."""
        rows = self.query(
            "INSERT INTO workstate_batch (name, completed, discarded, cancelled, on_end, on_success, is_followed,"
            " created_at) VALUES (%s, 0, 0, 0, %s, %s, %s, %s) RETURNING id",
            [name, on_end, on_success, False, self.now()],
        )
        return int(rows[0][0])

    def join_batch(self, batch_id: int) -> tuple[bool, bool]:
        """Keep a batch from being sealed until the transaction ends; returns whether it is running, and sealed."""
        rows = self.query(
            "SELECT ended_at IS NULL AND cancelled_at IS NULL, size IS NOT NULL FROM workstate_batch"
            f" WHERE id = %s{self.joining_lock}",
            [batch_id],
        )
        return (bool(rows[0][0]), bool(rows[0][1])) if rows else (False, False)

    def seal_batch(self, batch_id: int) -> list[FinishedBatch]:
        """Note how many jobs a batch has, so that it can end; it is returned when all of them have ended."""
        self._wait_for_joiners(batch_id)
        self.execute(
            f"UPDATE workstate_batch SET size = completed + discarded + cancelled + ({COUNT_OPEN})"
            " WHERE id = %s AND size IS NULL",
            [batch_id, batch_id],
        )
        return list(self._end_unless_open(batch_id))

    def count_batches(self, ended: Iterable[tuple[int | None, State]]) -> list[FinishedBatch]:
        """Count ended jobs, each by its batch and state; returns the batches whose last job this was."""
        finished: list[FinishedBatch] = []
        for batch_id, parts in _by_batch(ended):
            counts = self._add(batch_id, parts, 1)
            if counts is not None:
                self._tell_progress(counts, parts.total())
                finished.extend(self._end_if_over(counts))
        return finished

    def uncount_batches(self, replayed: Iterable[tuple[int | None, State]]) -> None:
        """Take jobs back that had ended and are to run again, each by its batch and the state that it had."""
        for batch_id, parts in _by_batch(replayed):
            self._add(batch_id, parts, -1)

    def end_overlooked_batches(self) -> list[FinishedBatch]:
        """End sealed batches that are open although none of their jobs is, and return them; some at a time.

        There are none, unless rows were changed by hand.
        """
        return [batch for batch_id in self.batches_overlooked() for batch in self._end_unless_open(batch_id)]

    def batches_overlooked(self) -> list[int]:
        """Return sealed batches that have not ended although all of their jobs have; the oldest, some at a time."""
        rows = self.query(
            f"SELECT id FROM workstate_batch WHERE ended_at IS NULL AND size IS NOT NULL AND {NONE_OPEN}"
            f" ORDER BY id LIMIT {SWEEP}"
        )
        return [row[0] for row in rows]

    def end_abandoned_batches(self, before: datetime) -> list[FinishedBatch]:
        """Cancel and end batches that nobody has sealed or added to since `before`, and return them; some at a time.

        Whoever opened them is taken for dead. A batch with a job that has not ended waits for that first.
        """
        rows = self.query(
            "SELECT id FROM workstate_batch WHERE ended_at IS NULL AND size IS NULL AND created_at < %s"
            f" AND {NONE_OPEN} AND NOT EXISTS ("
            f"SELECT 1 FROM workstate_job WHERE id IN ({YOUNGEST}) AND enqueued_at >= %s)"
            f" ORDER BY id LIMIT {SWEEP}{self.row_lock}",
            [self.moment(before), self.moment(before)],
        )
        ended: list[FinishedBatch] = []
        for (batch_id,) in rows:
            self.cancel_batch(batch_id, ABANDONED)
            ended += self.seal_batch(batch_id)
        return ended

    def cancel_batch(self, batch_id: int, reason: str) -> bool:
        """Let nothing more join a batch; False when it has ended. The first cancel's time and reason stay.

        Waits for the transactions that are adding to it.
        """
        self._wait_for_joiners(batch_id)
        return bool(
            self.execute(
                "UPDATE workstate_batch SET cancelled_at = coalesce(cancelled_at, %s), reason = coalesce(reason, %s)"
                " WHERE id = %s AND ended_at IS NULL",
                [self.now(), storable_reason(reason), batch_id],
            )
        )

    def _wait_for_joiners(self, batch_id: int) -> None:
        self.query(f"SELECT id FROM workstate_batch WHERE id = %s{self.sealing_lock}", [batch_id])

    def _tell_progress(self, counts: BatchCounts, ended_now: int) -> None:
        """Tell those who follow it of each whole percent, and of every job while its size is not known."""
        before, after = (100 * ended // (counts.size or 1) for ended in (counts.ended - ended_now, counts.ended))
        if counts.is_followed and after != before:
            self.announce(f"batch:{counts.batch_id}", "batch.progressed", counts.progress())

    def _add(self, batch_id: int, parts: Mapping[State, int], sign: int) -> BatchCounts | None:
        added = [sign * parts.get(state, 0) for state in (State.COMPLETED, State.DISCARDED, State.CANCELLED)]
        rows = self.query(ADD, [*added, sign < 0, batch_id])
        return BatchCounts(*rows[0]) if rows else None

    def _end_if_over(self, counts: BatchCounts) -> Iterator[FinishedBatch]:
        if (
            counts.size is not None
            and counts.ended >= counts.size
            and counts.ended_at is None
            and not self._is_open(counts)
        ):
            yield self._end(counts)

    def _end_unless_open(self, batch_id: int) -> Iterator[FinishedBatch]:
        counts = self._add(batch_id, {}, 1)  # locks the row
        if counts is not None and counts.size is not None and counts.ended_at is None and not self._is_open(counts):
            yield self._end(counts)

    def _is_open(self, counts: BatchCounts) -> bool:
        [[still_open]] = self.query(COUNT_OPEN, [counts.batch_id])
        size = counts.ended + still_open
        if size != counts.size:
            self.execute("UPDATE workstate_batch SET size = %s WHERE id = %s", [size, counts.batch_id])
        return bool(still_open)

    def _end(self, counts: BatchCounts) -> FinishedBatch:
        now = self.now()
        [[announced, succeeded, cancelled]] = self.query(
            "SELECT announced_at IS NOT NULL, succeeded_at IS NOT NULL, cancelled_at IS NOT NULL FROM workstate_batch"
            " WHERE id = %s",
            [counts.batch_id],
        )
        has_succeeded = not (succeeded or cancelled) and counts.completed == counts.ended
        self.execute(
            "UPDATE workstate_batch SET ended_at = %s, announced_at = coalesce(announced_at, %s),"
            " succeeded_at = CASE WHEN %s THEN %s ELSE succeeded_at END WHERE id = %s",
            [now, now, has_succeeded, now, counts.batch_id],
        )
        if counts.is_followed:
            self.announce(f"batch:{counts.batch_id}", "batch.ended", counts.progress())
        return FinishedBatch(counts.batch_id, is_first_end=not announced, has_succeeded=has_succeeded)


def _by_batch(jobs: Iterable[tuple[int | None, State]]) -> list[tuple[int, Counter[State]]]:
    """Count by batch and state, in the order in which batches are locked."""
    parts: dict[int, Counter[State]] = {}
    for batch_id, state in jobs:
        if batch_id is not None and state in ENDED:
            parts.setdefault(batch_id, Counter())[state] += 1
    return sorted(parts.items(), key=lambda item: item[0])
