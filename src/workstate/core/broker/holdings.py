"""What this process holds of the ledger: the jobs that it has claimed and not yet closed.

    claim ──▶ held ──outcome──▶ pending ──commit──▶ in the ledger

Ends are gathered and written in one commit, together with the next claim. When the database
is away they stay pending and are written when it is back; when this process dies with them,
the ledger still says executing, the lease runs out and the jobs run again.
"""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import Error as DatabaseError

from workstate.core.broker.held import HeldMessages
from workstate.core.broker.messages import JobMessage
from workstate.core.broker.pending import REFUSALS, PendingWrites
from workstate.core.broker.unusable import discard_unreadable
from workstate.core.jobs import clock
from workstate.core.jobs.connections import private_connection, publishing_on
from workstate.core.jobs.endings import count_ended
from workstate.core.jobs.enqueue import CHANNEL
from workstate.core.jobs.errors import UNREADABLE
from workstate.core.jobs.ledger import Ledger, ledger_on
from workstate.core.jobs.models import Job
from workstate.core.jobs.records import ClaimedJob, Closing, Failure, Token
from workstate.core.jobs.states import State
from workstate.core.telemetry import tallies
from workstate.core.wakeup import hint_at_once
from workstate.core.worker.identity import describe_process
from workstate.core.worker.lease import LeaseKeeper
from workstate.core.worker.rescuer import return_or_discard, tell_followers_of_discarded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from workstate.core.jobs.ledger.cancellations import CancelRequest

logger = logging.getLogger(__name__)

DATABASE_LANE_ONLY = (Job.Lane.DATABASE.value,)
BROKER_LANE_ONLY = (Job.Lane.BROKER.value,)
BOTH_LANES = (Job.Lane.DATABASE.value, Job.Lane.BROKER.value)


class Holdings:
    """The jobs of one process; its main thread claims, any thread of its pool may end a job."""

    _of_process: ClassVar[dict[tuple[int, str], Holdings]] = {}

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._lease = LeaseKeeper(alias, describe_process)
        self._held = HeldMessages()
        self.pending = PendingWrites()
        self.is_draining = False
        """True once this process is stopping, and claims nothing more."""
        self.takes_handed_over = False
        """True while jobs that lie with an outside broker are claimed as well."""
        self.lookahead: Callable[[], int] = lambda: 0
        """How many jobs are worth claiming beyond the prefetch limit."""
        self.on_pending: Callable[[], None] | None = None
        """Has the event loop write in groups, soon; without one every end is written at once."""

    @classmethod
    def of_process(cls, alias: str) -> Holdings:
        """Return what this process holds in database `alias`; a forked child begins with nothing."""
        key = (os.getpid(), alias)
        holdings = cls._of_process.get(key)
        if holdings is None:
            holdings = cls(alias)
            holdings._lease.start()
            cls._of_process[key] = holdings
        return holdings

    @classmethod
    def all_of_process(cls) -> list[Holdings]:
        """Return what this process holds; what it inherited through a fork is not its own."""
        return [holdings for (pid, _), holdings in list(cls._of_process.items()) if pid == os.getpid()]

    @classmethod
    def find(cls, task_id: str) -> tuple[Holdings, JobMessage] | None:
        """Return the message of a job that this process holds."""
        for holdings in cls.all_of_process():
            message = holdings.get(task_id)
            if message is not None:
                return holdings, message
        return None

    def get(self, task_id: str) -> JobMessage | None:
        """Return the message of a held job, or None."""
        return self._held.get(task_id)

    @property
    def process_id(self) -> int:
        """The id that this process's claims name."""
        return self._lease.process_id

    def _ledger(self) -> Ledger:
        return ledger_on(private_connection(self._alias))

    # --- claiming ----------------------------------------------------------------------------------

    def claim(self, queues: Sequence[str], limit: int, channel: Any) -> list[JobMessage]:
        """Write what is pending and claim up to `limit` jobs, in one commit."""
        lanes = BOTH_LANES if self.takes_handed_over else DATABASE_LANE_ONLY
        return self._claim(
            lambda ledger, process_id: ledger.claim(process_id, queues, limit, lanes=lanes),
            lambda job, process_id: JobMessage(job, process_id, channel),
        )

    def claim_handed_over(
        self, queue: str, limit: int, make: Callable[[ClaimedJob, int], JobMessage]
    ) -> list[JobMessage]:
        """Write what is pending and claim up to `limit` jobs of `queue` that lie with the broker, in one commit.

        `make` turns a claimed job and the process's id into the message that is held.
        """
        return self._claim(
            lambda ledger, process_id: ledger.claim(process_id, [queue], limit, lanes=BROKER_LANE_ONLY), make
        )

    def _claim(
        self,
        claim: Callable[[Ledger, int], list[ClaimedJob]],
        make: Callable[[ClaimedJob, int], JobMessage],
    ) -> list[JobMessage]:
        ledger = self._ledger()
        process_id = self.process_id
        jobs = self._write_and(ledger, lambda: claim(ledger, process_id)) if self.pending else claim(ledger, process_id)
        messages = [message for job in jobs if (message := self._hold(job, process_id, make))]
        if messages:
            tallies.count_received(messages)
        return messages

    def _hold(
        self, job: ClaimedJob, process_id: int, make: Callable[[ClaimedJob, int], JobMessage]
    ) -> JobMessage | None:
        try:
            message = make(job, process_id)
        except UNREADABLE as error:
            discard_unreadable(self._ledger(), job, process_id, error)
            return None
        self._held.add(message)
        return message

    def holds(self, message: JobMessage) -> bool:
        """Tell whether a job is still this process's: neither given back nor rescued."""
        return message in self._held and message.token.process_id == self._lease.process_id

    def forget(self, message: JobMessage) -> None:
        """Hold a job no longer that must not run here; what the ledger still says is settled by `settle`."""
        self._held.drop(message)

    def settle(self) -> None:
        """Give back what the ledger says this process holds and it does not know of.

        A claim may have been committed whose answer never came, because the connection broke.
        """
        ledger = self._ledger()
        unknown = self._held.unknown(ledger.held_by(self.process_id))
        if unknown and not self.pending:
            with ledger.transaction(), publishing_on(ledger.connection):
                tokens = [Token(job.id, self.process_id, job.attempt) for job in unknown]
                ledger.release(tokens)
                ended = ledger.end_cancel_requested(tokens)
                for job in unknown:
                    if job.was_acknowledged:  # it may have begun, so it is not given back
                        ended += return_or_discard(ledger, job, self.process_id)
                count_ended(ledger, ended)
            tell_followers_of_discarded(ledger, ended)
            hint_at_once(self._alias, CHANNEL)

    def cancel_requests(self) -> list[CancelRequest]:
        """Return the jobs of this process that somebody wants cancelled."""
        return self._ledger().cancel_requests(self.process_id)

    # --- ends --------------------------------------------------------------------------------------

    def close(self, message: JobMessage, state: State, **outcome: Any) -> None:
        """End a held job; a second end of the same attempt changes nothing."""
        if message.closing is not None or message not in self._held:
            return
        token = message.token
        message.closing = Closing(
            job_id=token.job_id,
            process_id=token.process_id,
            attempt=token.attempt,
            task=message.task,
            state=state,
            started_at=message.started_at,
            ended_at=clock.now(),
            chord_id=message.chord_id,
            failure=outcome.pop("failure", None) or message.failure,
            **outcome,
        )
        self._see_to_pending(is_first=self.pending.add_closing(message))

    def complete(self, message: JobMessage) -> None:
        """End a held job without a result."""
        self.close(message, State.COMPLETED)

    def discard(self, message: JobMessage, *, reason: str) -> None:
        """End a held job as a dead letter."""
        self.close(message, State.DISCARDED, reason=reason)

    def release(self, message: JobMessage) -> None:
        """Give back a job that has not begun, or that was begun and refused.

        One that asked to be started only once, and was, can't be given back: it counts as lost.
        """
        if message.is_acknowledged:
            self.return_lost(message)
        elif self._held.let_go(message):
            self._see_to_pending(is_first=self.pending.add_release(message))

    def release_all(self, messages: Iterable[JobMessage]) -> None:
        """Give back jobs that have not begun; while the database is away they stay pending."""
        for message in messages:
            if self._held.let_go(message):
                self.pending.add_release(message)
        with suppress(DatabaseError):
            self.flush()

    def return_lost(self, message: JobMessage) -> None:
        """Let a job run again whose pool process died, or discard it when it has had its chances."""
        if self._held.let_go(message):
            self._see_to_pending(is_first=self.pending.add_loss(message))

    def note_failure(self, message: JobMessage, failure: Failure) -> None:
        """Keep why a held job failed, for its closing."""
        message.failure = failure
        if message.closing is not None and message.closing.failure is None:
            message.closing.failure = failure

    # --- writing -----------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write all that is pending in one commit; what can't be written now is kept."""
        if self.pending:
            self._write_and(self._ledger(), list)

    def release_unbegun(self) -> None:
        """Give back what no pool process has been handed."""
        self.release_all(self._held.unbegun())

    def release_paused(self) -> None:
        """Give back what has not begun of queues that were paused since it was claimed."""
        unbegun = self._held.unbegun()
        paused = self._ledger().paused_of({m.job.queue for m in unbegun}) if unbegun else ()
        if paused:
            self.release_all([m for m in unbegun if m.job.queue in paused])
            for queue in paused:
                self._ledger().withdraw_admitted(queue)

    def release_unaccepted(self) -> None:
        """Give back what no pool process is known to have begun, also of what the pool was handed."""
        self.release_all(self._held.unaccepted())

    def begin_draining(self) -> None:
        """Claim nothing more, and give back what no pool process has been handed."""
        self.is_draining = True
        self.release_unbegun()

    def stop(self) -> None:
        """Give back what has not begun, write what has ended, end the lease: the last act of a process."""
        self.release_unaccepted()
        with suppress(DatabaseError):  # whoever rescues this process does the rest
            self._lease.stop("stopped")
        self._of_process.pop((os.getpid(), self._alias), None)

    def _see_to_pending(self, *, is_first: bool) -> None:
        if self.on_pending is None:
            # The pool calls this from within its own bookkeeping, which an error would leave half done.
            with suppress(DatabaseError):  # what can't be written now stays pending
                self.flush()
        elif is_first:
            self.on_pending()

    def _write_and(self, ledger: Ledger, step: Callable[[], list[ClaimedJob]]) -> list[ClaimedJob]:
        """Write what is pending and take one more step in the same transaction; returns what the step gave."""
        try:
            with self.pending.written(ledger) as written:
                jobs = step()
        except REFUSALS as error:
            logger.warning("The ends of some jobs could not be stored together: %s", error)
            written, jobs = self.pending.write_closings_one_by_one(ledger), []
        for message in written:
            if message.closing is not None:
                self._held.drop(message)
        tallies.count_ends(written)
        if any(message.makes_others_available for message in written):
            hint_at_once(self._alias, CHANNEL)
        return jobs
