"""Celery's request for a job of the ledger: the same life, but its end is a closing.

A subclass is made for whatever request class a task declares, so `Task.Request` keeps its meaning.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import ref

from billiard.einfo import ExceptionInfo, ExceptionWithTraceback  # type: ignore[attr-defined]  # newer than its stubs
from billiard.exceptions import Terminated, WorkerLostError
from celery.exceptions import Ignore, Reject, Retry, TaskRevokedError
from celery.worker import state as worker_state
from celery.worker.request import Request

from workstate.core.jobs import clock
from workstate.core.jobs.records import storable_reason
from workstate.core.jobs.states import State
from workstate.core.jobs.steering import CancelRequested
from workstate.core.telemetry import emit, tallies
from workstate.core.telemetry.catalogue import PoolProcessLost
from workstate.core.worker.execution import Beginning, JobArguments, Outcome, run_job

if TYPE_CHECKING:
    from workstate.core.broker.holdings import Holdings
    from workstate.core.broker.messages import JobMessage
    from workstate.core.worker.bundles import Bundler


@cache
def ledger_request(request_class: type[Request]) -> type[Request]:
    """Return `request_class` with its end turned into a closing."""
    return type(request_class.__name__, (LedgerRequest, request_class), {})


class LedgerRequest(Request):
    """A request whose outcome closes its job; acknowledging only frees the consumer's slot."""

    _turns_to_skip = 0

    def __init__(self, message: JobMessage, *, holdings: Holdings, bundler: Bundler | None, **options: Any) -> None:
        super().__init__(message, **options)
        message.closes_itself = False
        self.held = message
        self._reason_to_cancel: str | None = None
        self.holdings = holdings
        self._bundler = bundler

    @property
    def is_waiting(self) -> bool:
        """Tell whether it still waits for its slot, and is still this worker's."""
        return not self.held.is_with_pool and self.holdings.holds(self.held)

    @property
    def may_travel(self) -> bool:
        """Tell whether it may share a pool process with others of its task."""
        task = self._task
        has_limits = any(self.time_limits) or task.time_limit or task.soft_time_limit
        return bool(task.acks_late and not has_limits and self.held.job.lost_attempts == 0)

    def execute_using_pool(self, pool: Any, **kwargs: Any) -> Any:
        """Send the job to the pool, alone or with others of its task that wait.

        Raises TaskRevokedError when its slot is free for the next one: it was revoked, or rescued
        while this worker was silent, or has travelled with another one already.
        """
        if self._turns_to_skip:
            self._turns_to_skip -= 1
            raise TaskRevokedError(self.id)
        self.held.is_with_pool = True
        if self.revoked() or self._was_taken_away():
            raise TaskRevokedError(self.id)
        mates = self._bundler.bundle_with(self) if self._bundler else [self]
        if self._bundler and len(mates) > 1:
            return self._bundler.send(mates, pool)
        return self._execute_alone(pool)

    def skip_a_turn(self) -> None:
        """Let the slot go when its own turn comes: it has travelled with another one, or was given back."""
        self._turns_to_skip += 1

    def job_arguments(self) -> JobArguments:
        """Return what a pool process needs to know."""
        return JobArguments(
            self._type,
            self.id,
            self._request_dict,
            self._body,
            self._content_type,
            self._content_encoding,
            self.held.token,
        )

    def has_travelled_in(self, result: Any) -> None:
        """Remember the pool's result, through which a job is terminated."""
        self.held.is_with_pool = True
        self._apply_result = result

    def wait_again(self) -> None:
        """Be as before it was handed to the pool."""
        self.held.is_with_pool = False
        self.held.is_started = False
        self.held.started_at = None
        self.time_start = self.worker_pid = self._apply_result = None
        worker_state.active_requests.discard(self)

    def give_back(self) -> None:
        """Return the job to the ledger unbegun, for another worker."""
        self.held.is_with_pool = True
        self.skip_a_turn()
        worker_state.task_ready(self)
        self.acknowledge()
        self.holdings.release(self.held)

    def end_as_cancelled(self, reason: str, pool: Any | None) -> None:
        """End the job because somebody asked for it; one that runs, only when its `pool` is given and can end it."""
        self._reason_to_cancel = reason
        if self._is_over():
            return
        if not self.held.is_with_pool:
            self._announce_revoked(reason, terminated=False, signum=None, expired=False)
        elif pool is not None:
            with suppress(NotImplementedError):  # a pool of threads: the job goes on until it notices
                self.terminate(pool)

    def _execute_alone(self, pool: Any) -> Any:
        task = self._task
        time_limit, soft_time_limit = self.time_limits
        acknowledges_early = not task.acks_late
        beginning = Beginning(
            note=acknowledges_early or self.held.job.lost_attempts > 0, acknowledge=acknowledges_early
        )
        result = pool.apply_async(
            run_job,
            args=(self.job_arguments(), beginning),
            accept_callback=self.on_accepted,
            timeout_callback=self.on_timeout,
            callback=self.on_success,
            error_callback=self.on_failure,
            soft_timeout=soft_time_limit or task.soft_time_limit,
            timeout=time_limit or task.time_limit,
            correlation_id=self.id,
        )
        self._apply_result = result if result is None else ref(result)
        return result

    def _was_taken_away(self) -> bool:
        if self.holdings.holds(self.held):
            return False
        self._drop()
        return True

    def _drop(self) -> None:
        worker_state.task_ready(self)
        self.acknowledge()
        self.holdings.forget(self.held)

    # --- callbacks of the pool -----------------------------------------------------------------

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        """Note that a pool process has taken the job."""
        self.held.is_started = True
        self.held.is_acknowledged = not self._task.acks_late
        self.held.started_at = clock.now()
        tallies.count_started(self.held)
        super().on_accepted(pid, time_accepted)

    def on_success(self, failed__retval__runtime: tuple[bool, Outcome, float | None], **kwargs: Any) -> None:
        """Close the job with what its attempt came to."""
        failed, outcome, runtime = failed__retval__runtime
        if not outcome.began:
            self._drop()
            return
        if failed:
            self._outcome = outcome
            if outcome.failure:
                self.holdings.note_failure(self.held, outcome.failure)
            super().on_success((True, outcome.exception, runtime), **kwargs)
            return
        if self._bundler and runtime is not None:
            self._bundler.note(self._task.name, runtime, outcome.processor_seconds)
        self.held.runtime_seconds = runtime
        worker_state.task_ready(self, successful=True)
        self.acknowledge()
        if outcome.successor:  # retry(throw=False): it returned, and is to run again
            self._close_for(outcome)
        else:
            self.holdings.close(
                self.held,
                State.COMPLETED,
                result=outcome.result,
                children=outcome.children,
                followers=outcome.followers,
            )
        self.send_event("task-succeeded", result=outcome.representation, runtime=runtime)

    def on_failure(
        self,
        exc_info: ExceptionInfo,
        send_failed_event: bool = True,
        return_ok: bool = False,
    ) -> None:
        """Close the job, or let it run again when its process died under it."""
        error = _unwrapped(exc_info)
        # Terminated without having been revoked: a mate of its bundle was.
        if isinstance(error, (WorkerLostError, Terminated, SystemExit, KeyboardInterrupt)) and not self._is_over():
            self._lose(error)
            return
        super().on_failure(exc_info, send_failed_event=send_failed_event, return_ok=return_ok)
        self._close_failed(error)

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """Discard a job whose hard time limit is over, unless its task wants such jobs back."""
        super().on_timeout(soft, timeout)
        if soft:
            return
        if self._task.acks_on_timeout or not self._task.acks_late:
            self.holdings.discard(self.held, reason="time limit exceeded")
        else:
            self.holdings.return_lost(self.held)

    def _announce_revoked(self, reason: str, terminated: bool, signum: Any, expired: bool) -> None:
        super()._announce_revoked(reason, terminated, signum, expired)
        self.holdings.close(self.held, State.CANCELLED, reason=self._reason_to_cancel or reason)

    def _announce_cancelled(self, emit_retry: bool = True) -> None:
        super()._announce_cancelled(emit_retry)
        self.holdings.release(self.held)

    # --- ends ----------------------------------------------------------------------------------

    _outcome: Outcome | None = None

    def _is_over(self) -> bool:
        return bool(self._already_revoked or self._already_cancelled)

    def _lose(self, error: BaseException) -> None:
        emit(PoolProcessLost(task_id=self.id, task=self.name, error=str(error)))
        worker_state.task_ready(self)
        self.acknowledge()
        self.holdings.return_lost(self.held)

    def _close_failed(self, error: Any) -> None:
        is_rejected = isinstance(error, Reject)
        outcome = self._outcome
        if self._is_over():
            return  # closed when it was revoked
        if is_rejected and error.requeue and not self.held.is_acknowledged:
            self.holdings.release(self.held)
        elif is_rejected:
            self.holdings.discard(self.held, reason="rejected")
        elif outcome is not None and outcome.successor is not None:
            self._close_for(outcome)
        elif isinstance(error, CancelRequested):
            self.holdings.close(self.held, State.CANCELLED, reason=storable_reason(error.reason))
        elif isinstance(error, Ignore):
            self._close_ignored(outcome)
        elif isinstance(error, Retry):
            self.holdings.discard(self.held, reason="asked for a retry without sending one: use self.retry()")
        else:
            self.holdings.discard(self.held, reason="failed")

    def _close_ignored(self, outcome: Outcome | None) -> None:
        # update_state() and then Ignore is how a task says itself how it ended.
        if outcome is not None and outcome.failure is not None:
            self.holdings.close(self.held, State.DISCARDED, failure=outcome.failure, reason="failed")
        elif outcome is not None and outcome.result is not None:
            self.holdings.close(self.held, State.COMPLETED, result=outcome.result)
        else:
            self.holdings.close(self.held, State.COMPLETED, is_ignored=True)

    def _close_for(self, outcome: Outcome) -> None:
        successor = outcome.successor
        assert successor is not None
        is_due = successor.available_at is None or successor.available_at <= clock.now()
        self.holdings.close(
            self.held,
            State.AVAILABLE if is_due else State.RETRYABLE,
            successor=successor,
            followers=outcome.followers,
            failure=outcome.failure,
        )


def _unwrapped(exc_info: ExceptionInfo) -> Any:
    exception: Any = exc_info.exception
    return getattr(exception, "exc", exception) if isinstance(exception, ExceptionWithTraceback) else exception
