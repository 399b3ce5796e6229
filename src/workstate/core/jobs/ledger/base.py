"""The contract of a ledger: how jobs come in, become due, are claimed and end."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from workstate.core.jobs import clock
from workstate.core.jobs.fingerprints import fingerprint_of
from workstate.core.jobs.ledger.batches import BatchCounters
from workstate.core.jobs.ledger.cancellations import Cancellations
from workstate.core.jobs.ledger.chords import ChordCounters
from workstate.core.jobs.ledger.discards import Discards
from workstate.core.jobs.ledger.held import HeldJobs
from workstate.core.jobs.ledger.interventions import Interventions
from workstate.core.jobs.ledger.lanes import BROKER_LANE, DATABASE_LANE, Lanes
from workstate.core.jobs.ledger.limits import Limits
from workstate.core.jobs.ledger.notices import Notices
from workstate.core.jobs.ledger.pauses import QueuePauses
from workstate.core.jobs.ledger.processes import ProcessLeases
from workstate.core.jobs.ledger.replays import Replays
from workstate.core.jobs.ledger.retention import Retention
from workstate.core.jobs.ledger.statements import CLOSE, INSERT, SUCCEED
from workstate.core.jobs.ledger.unique import UniqueKeys
from workstate.core.jobs.ledger.unrun import UnrunJobs
from workstate.core.jobs.records import ClosedJob, EndedJob, FinishedChord, NewJob
from workstate.core.jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from workstate.core.jobs.records import ClaimedJob, Closing, Finished, Followers

PROMOTION_BATCH = 1000


class Ledger(
    BatchCounters,
    Cancellations,
    Discards,
    ChordCounters,
    HeldJobs,
    Interventions,
    Lanes,
    Limits,
    Notices,
    ProcessLeases,
    QueuePauses,
    Replays,
    Retention,
    UniqueKeys,
    UnrunJobs,
):
    """The jobs of one database, seen through one connection."""

    # --- what the databases do differently -------------------------------------------------

    @abstractmethod
    def claim(
        self, process_id: int, queues: Sequence[str], limit: int, *, lanes: Sequence[str] = (DATABASE_LANE,)
    ) -> list[ClaimedJob]:
        """Make up to `limit` available jobs of `queues` executing, held by `process_id`; first come, first served.

        Returns them by priority, then age.
        """

    @abstractmethod
    def complete(self, closings: Sequence[Closing]) -> dict[int, ClosedJob]:
        """Make executing jobs completed, in one statement for all; returns the ids that were closed, and batches."""

    # --- enqueue -----------------------------------------------------------------------------

    def insert(self, jobs: Sequence[NewJob], *, hands_over: bool = False) -> None:
        """Insert jobs as available, or as scheduled when they are not due yet; a known task id changes nothing.

        With `hands_over` those that are available are noted as handed to the outside broker: the caller
        sends them after its commit.
        """
        now = clock.now()
        now_stored = self.moment(now)
        rows = [self._row(job, now, now_stored, hands_over=hands_over) for job in jobs]
        if len(jobs) == 1:
            self._insert_one(jobs[0], rows[0])
        else:
            self.insert_rows(rows)

    def row_of(self, job: NewJob) -> tuple[Any, ...]:
        """Return the values that INSERT takes for one job, not handed over."""
        now = clock.now()
        return self._row(job, now, self.moment(now), hands_over=False)

    def insert_rows(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run INSERT for each row."""
        with self.connection.cursor() as cursor:
            cursor.executemany(INSERT, rows)

    def insert_row(self, row: tuple[Any, ...]) -> bool:
        """Run INSERT for one row; False when its task id is taken."""
        return bool(self.execute(INSERT, row))

    def _insert_one(self, job: NewJob, row: tuple[Any, ...]) -> None:
        # Task.replace() may send the message that takes a job's place before that job has been closed.
        # If it is closed between the two statements, the insert finds the place free.
        if not self.insert_row(row) and not self._leave_successor(job):
            self.insert_row(row)

    def _leave_successor(self, job: NewJob) -> bool:
        return bool(
            self.execute(
                "UPDATE workstate_job SET successor = %s WHERE task_id = %s AND state = 'executing'",
                [job.as_json(), job.task_id],
            )
        )

    def _row(self, job: NewJob, now: datetime, now_stored: Any, *, hands_over: bool) -> tuple[Any, ...]:
        available_at = job.available_at
        is_due = available_at is None or available_at <= now
        state = State.AVAILABLE if is_due else State.SCHEDULED
        is_handed_over = hands_over and job.is_handed_over_at_once
        return (
            job.task_id,
            job.task,
            job.queue,
            BROKER_LANE if is_handed_over else job.lane,
            state.value,
            job.priority,
            job.headers,
            job.properties,
            job.body,
            job.chord_id,
            job.batch_id,
            job.unique_key,
            None if job.unique_until is None else self.moment(job.unique_until),
            job.limit_key,
            now_stored if is_handed_over else None,
            now_stored,
            now_stored if available_at is None else self.moment(available_at),
        )

    # --- due jobs ------------------------------------------------------------------------------

    def promote_due(self) -> int:
        """Make scheduled and retryable jobs available whose time has come, and admit limited ones; returns how many.

        A limited job that becomes available gets into line; it is counted here, admitted or not.
        """
        rows = self.query(
            "UPDATE workstate_job SET state = 'available' WHERE id IN ("
            "SELECT id FROM workstate_job WHERE state IN ('scheduled', 'retryable') AND available_at <= %s"
            f" ORDER BY available_at LIMIT {PROMOTION_BATCH}{self.row_lock})"
            " RETURNING limit_key",
            [self.now()],
        )
        self._admit_apart({key for (key,) in rows if key is not None})
        return len(rows) + self.admit_due()

    def next_due_at(self) -> datetime | None:
        """Return when the next scheduled or retryable job becomes due, or the next start of a limit's rate."""
        [(moment,)] = self.query(
            "SELECT min(due.at) FROM (SELECT * FROM (SELECT available_at AS at FROM workstate_job"
            " WHERE state IN ('scheduled', 'retryable') ORDER BY available_at LIMIT 1) AS job"
            " UNION ALL SELECT * FROM (SELECT wake_at AS at FROM workstate_limit WHERE wake_at IS NOT NULL"
            " ORDER BY wake_at LIMIT 1) AS rate) AS due"
        )
        return None if moment is None else self.aware(moment)

    # --- closings --------------------------------------------------------------------------------

    def close(self, closings: Sequence[Closing]) -> list[Finished]:
        """End attempts and count the jobs that ended with them, as `end` and `count` do."""
        return self.count(self.end(closings))

    def end(self, closings: Sequence[Closing]) -> list[EndedJob]:
        """End attempts, each by its token, and enqueue what follows on them.

        A closing whose token is out of date changes nothing. Returns the jobs that ended: the caller counts
        them in the same transaction, together with whatever else ends in it.
        """
        completed = [closing for closing in closings if _is_plain_success(closing)]
        closed = self.complete(completed) if completed else {}
        for closing in closings:
            if not _is_plain_success(closing):
                closed.update(self._close_one(closing))
        self.record_attempts(closing for closing in closings if closing.job_id in closed)
        self._enqueue_followers(closing.followers for closing in closings if closing.job_id in closed)
        return [
            _ended(closing, closed[closing.job_id])
            for closing in closings
            if closing.job_id in closed and closing.successor is None
        ]

    def count(self, ended: Sequence[EndedJob]) -> list[Finished]:
        """Tell those who follow them that jobs have ended, and count these into chords and batches.

        Locks the counters, in the order that all keep: so it is called once in a transaction, behind everything
        that changes a job. Returns the chords and batches whose last job this was; the caller enqueues
        what follows them in the same transaction.
        """
        self.announce_ends(job.id for job in ended if job.is_followed)
        sizes = [chord for job in ended for chord in job.chord_sizes]
        return [
            *(FinishedChord(chord_id) for chord_id, size in sizes if self.size_chord(chord_id, size)),
            *self.count_chords(job.chord_id for job in ended),
            *self.count_batches((job.batch_id, job.state) for job in ended),
        ]

    def _enqueue_followers(self, gathered: Iterable[Followers | None]) -> None:
        if jobs := [job for followers in gathered if followers is not None for job in followers.jobs]:
            from workstate.core.jobs.insertion import insert  # which inserts through a ledger

            insert(self, jobs)

    def _close_one(self, closing: Closing) -> dict[int, ClosedJob]:
        if closing.is_ignored:
            closing.successor = self._find_successor(closing)
        if closing.successor is not None:
            return self._succeed(closing, closing.successor)
        failure = closing.failure
        rows = self.query(
            CLOSE,
            [
                closing.state.value,
                closing.result,
                closing.children,
                failure and failure.type,
                failure and failure.message,
                failure and failure.traceback,
                closing.reason,
                _fingerprint(closing),
                closing.is_ignored,
                closing.started_at and self.moment(closing.started_at),
                self.moment(closing.ended_at),
                closing.state.value,
                self.moment(closing.ended_at),
                *_token(closing),
            ],
        )
        return {closing.job_id: ClosedJob(*rows[0])} if rows else {}

    def _succeed(self, closing: Closing, successor: NewJob) -> dict[int, ClosedJob]:
        if successor.limit_rule is not None:
            self.declare_limit(successor.limit_rule)
        if self.execute(SUCCEED, self._successor_row(closing, successor)):
            return {closing.job_id: ClosedJob()}
        ended = self.end_in_place_of_a_retry(closing)
        if ended is None:
            return {}
        closing.state, closing.successor, closing.is_ignored = State.CANCELLED, None, False
        return {closing.job_id: ClosedJob(ended.batch_id, ended.is_followed)}

    def _find_successor(self, closing: Closing) -> NewJob | None:
        rows = self.query("SELECT successor FROM workstate_job WHERE id = %s", [closing.job_id])
        return NewJob.from_json(rows[0][0]) if rows and rows[0][0] else None

    def _successor_row(self, closing: Closing, job: NewJob) -> list[Any]:
        failure = closing.failure
        limit = (job.task, job.limit_key, job.limit_key)
        return [
            (State.AVAILABLE if closing.is_ignored else closing.state).value,
            job.task,
            job.queue,
            job.priority,
            job.headers,
            job.properties,
            job.body,
            job.chord_id,
            self.moment(job.available_at or closing.ended_at),
            failure and failure.type,
            failure and failure.message,
            failure and failure.traceback,
            *limit,
            *limit,
            *_token(closing),
        ]


def _is_plain_success(closing: Closing) -> bool:
    return closing.state is State.COMPLETED and not closing.is_ignored and closing.successor is None


def _ended(closing: Closing, closed: ClosedJob) -> EndedJob:
    return EndedJob(
        closing.job_id,
        None if closing.is_ignored else closing.chord_id,
        closed.batch_id,
        closed.is_followed,
        closing.state,
        closing.followers.chord_sizes if closing.followers else (),
    )


def _fingerprint(closing: Closing) -> str | None:
    if closing.state is not State.DISCARDED:
        return None
    failure = closing.failure
    return fingerprint_of(
        closing.task, failure.type if failure else closing.reason, failure.traceback if failure else None
    )


def _token(closing: Closing) -> tuple[int, int, int]:
    return (closing.job_id, closing.attempt, closing.process_id)
