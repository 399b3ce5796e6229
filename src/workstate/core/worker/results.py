"""The result backend `workstate://`: a job's row is its result.

Inside a worker nothing is stored here: the outcome travels to the main process, which
closes many jobs in one commit. Everywhere else the row is read, or, for a task that never
was enqueued (the rest of a failed chain, a chord's body), written.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from celery import states
from celery.backends.base import BaseBackend
from celery.exceptions import TimeoutError as CeleryTimeoutError
from celery.result import result_from_tuple
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from kombu.utils.json import dumps, loads

from workstate.core.jobs import clock
from workstate.core.jobs.chords import count_unrun_part, enqueue_bodies
from workstate.core.jobs.connections import publishing_connection, publishing_on, publishing_transaction
from workstate.core.jobs.execution import Execution
from workstate.core.jobs.ledger import ledger_on
from workstate.core.jobs.models import Chord, Job
from workstate.core.jobs.records import Failure, FinishedChord
from workstate.core.jobs.states import ENDED, State

if TYPE_CHECKING:
    from datetime import datetime

    from celery.app.task import Context

CELERY_STATES: dict[str, str] = {
    State.SCHEDULED: states.PENDING,
    State.AVAILABLE: states.PENDING,
    State.EXECUTING: states.STARTED,
    State.RETRYABLE: states.RETRY,
    State.COMPLETED: states.SUCCESS,
    State.DISCARDED: states.FAILURE,
    State.CANCELLED: states.REVOKED,
}
FIRST_POLL_SECONDS = 0.002
SLOWEST_POLL_SECONDS = 0.05
POLL_GROWTH = 1.3


class LedgerBackend(BaseBackend):
    """Results in the ledger, as JSON."""

    persistent = True
    supports_autoexpire = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.serializer != "json":
            raise ImproperlyConfigured(
                f"The ledger keeps results as JSON, but CELERY_RESULT_SERIALIZER is {self.serializer!r}: remove it."
            )

    # --- writing ---------------------------------------------------------------------------------

    def _store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: str | None = None,
        request: Context | None = None,
        **kwargs: Any,
    ) -> Any:
        execution = Execution.current()
        if execution is not None and execution.task_id == task_id:
            self._keep_for_closing(execution, result, state, traceback, request)
        elif not self._note_on_held(task_id, result, state, traceback):
            self._write(task_id, result, state, traceback, request)
        return result

    def _keep_for_closing(
        self, execution: Execution, result: Any, state: str, traceback: str | None, request: Context | None
    ) -> None:
        if state == states.SUCCESS:
            execution.result = self.encode(result)
            children = self.current_task_children(request)
            execution.children = self.encode(children) if children else None
        elif state in states.EXCEPTION_STATES and _tells_an_exception(result):
            execution.failure = self._failure(result, traceback)
        elif state != states.STARTED:
            ledger_on(publishing_connection()).set_custom_state(execution.token, state, self.encode(result))

    def _note_on_held(self, task_id: str, result: Any, state: str, traceback: str | None) -> bool:
        from workstate.core.broker.holdings import Holdings

        found = Holdings.find(task_id)
        if found is None:
            return False
        holdings, message = found
        if state in states.EXCEPTION_STATES:
            holdings.note_failure(message, self._failure(result, traceback))
        return True

    def _write(self, task_id: str, result: Any, state: str, traceback: str | None, request: Context | None) -> None:
        if state not in states.READY_STATES:
            return  # what is neither held nor over is told by its row
        failure = self._failure(result, traceback) if state in states.EXCEPTION_STATES else None
        ledger_on(publishing_connection()).record_ended(
            task_id,
            getattr(request, "task", None) or "",
            _ended_state(state),
            result=None if failure else self.encode(result),
            failure=failure,
            reason="a task that it depended on failed" if failure else None,
        )

    @staticmethod
    def _failure(result: Any, traceback: str | None) -> Failure:
        if result is None:  # retry() without an exception
            return Failure.of("celery.exceptions.Retry", "[]", traceback)
        if not _tells_an_exception(result):
            return Failure.of("builtins.Exception", dumps([result]), traceback)
        module, name = result.get("exc_module"), result["exc_type"]
        return Failure.of(f"{module}.{name}" if module else name, dumps(result.get("exc_message")), traceback)

    # --- reading ---------------------------------------------------------------------------------

    def _get_task_meta_for(self, task_id: str) -> dict[str, Any]:
        job = (
            Job.objects.filter(task_id=task_id)
            .only(
                "state",
                "result",
                "error_type",
                "error_message",
                "traceback",
                "custom_state",
                "meta",
                "children",
                "ended_at",
                "reason",
            )
            .first()
        )
        if job is None or self._has_expired(job):
            return {"status": states.PENDING, "result": None, "traceback": None, "children": []}
        meta: dict[str, Any] = self.meta_from_decoded(self._meta(job))
        return meta

    def _has_expired(self, job: Job) -> bool:
        # The row stays as history; a result that CELERY_RESULT_EXPIRES is over for is as unknown as in Redis.
        if not self.expires or job.ended_at is None:
            return False
        ended_at = timezone.make_aware(job.ended_at) if timezone.is_naive(job.ended_at) else job.ended_at
        return bool(clock.now() - ended_at > timedelta(seconds=self.expires))

    def _meta(self, job: Job) -> dict[str, Any]:
        status = job.custom_state or CELERY_STATES[job.state]
        return {
            "status": status,
            "result": self._result(job, status),
            "traceback": job.traceback if status in states.EXCEPTION_STATES else None,
            "children": self._children(job),
            "date_done": _iso(job.ended_at) if job.state in ENDED else None,
            "task_id": job.task_id,
        }

    @staticmethod
    def _result(job: Job, status: str) -> Any:
        if job.custom_state:
            return loads(job.meta) if job.meta else None
        if status == states.REVOKED:
            return {"exc_type": "TaskRevokedError", "exc_module": "celery.exceptions", "exc_message": [job.reason]}
        if status in states.EXCEPTION_STATES and job.error_type:
            module, name = _split_type(job.error_type)
            message = loads(job.error_message) if job.error_message else []
            return {"exc_type": name, "exc_module": module, "exc_message": message}
        if status == states.FAILURE:
            return {"exc_type": "WorkerLostError", "exc_module": "billiard.exceptions", "exc_message": [job.reason]}
        return loads(job.result) if job.result else None

    def _children(self, job: Job) -> list[Any]:
        return [result_from_tuple(child, self.app) for child in loads(job.children)] if job.children else []

    def wait_for(
        self,
        task_id: str,
        timeout: float | None = None,
        interval: float = 0.5,
        no_ack: bool = True,
        on_interval: Any = None,
    ) -> dict[str, Any]:
        """Wait for a task to end and return its meta; looks often at first, then less and less.

        Raises celery.exceptions.TimeoutError after `timeout` seconds.
        """
        self._ensure_not_eager()
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = FIRST_POLL_SECONDS
        slowest = min(interval, SLOWEST_POLL_SECONDS)
        while True:
            meta: dict[str, Any] = self.get_task_meta(task_id)
            if meta["status"] in states.READY_STATES:
                return meta
            if on_interval:
                on_interval()
            if deadline is not None and time.monotonic() >= deadline:
                raise CeleryTimeoutError("The operation timed out.")
            time.sleep(pause if deadline is None else max(0.0, min(pause, deadline - time.monotonic())))
            pause = min(pause * POLL_GROWTH, slowest)

    def _forget(self, task_id: str) -> None:
        forgotten = {"custom_state": states.PENDING, "result": None, "meta": None}
        Job.objects.filter(task_id=task_id, state__in=ENDED).update(**forgotten)

    # --- groups and chords -------------------------------------------------------------------------

    def _save_group(self, group_id: str, result: Any) -> Any:
        ledger_on(publishing_connection()).save_group(group_id, self.encode({"result": result.as_tuple()}))
        return result

    def _restore_group(self, group_id: str) -> dict[str, Any] | None:
        members = Chord.objects.filter(chord_id=group_id).values_list("members", flat=True).first()
        return {"result": result_from_tuple(loads(members)["result"], self.app)} if members else None

    def _delete_group(self, group_id: str) -> None:
        Chord.objects.filter(chord_id=group_id, fired_at=None, size=None).delete()

    def apply_chord(self, header_result_args: Any, body: Any, **kwargs: Any) -> None:
        """Do nothing yet: the closings of the header count, and the last one enqueues the body."""

    def set_chord_size(self, group_id: str, chord_size: int) -> None:
        """Note how many jobs the header has; when all have ended by now, enqueue the body."""
        execution = Execution.current()
        if execution is not None and execution.takes_chord(group_id, chord_size):
            return
        with publishing_transaction() as connection, publishing_on(connection):
            ledger = ledger_on(connection)
            if ledger.size_chord(group_id, chord_size):
                enqueue_bodies(ledger, [FinishedChord(group_id)])

    def add_to_chord(self, chord_id: str, result: Any) -> None:
        """Make room for one more job in the header."""
        ledger_on(publishing_connection()).grow_chord(chord_id)

    def on_chord_part_return(self, request: Context, state: str, result: Any, **kwargs: Any) -> None:
        """Count a part that ended without running, such as the rest of a chain; the others count as they close."""
        execution = Execution.current()
        if execution is not None and execution.task_id == request.id:
            if state == states.SUCCESS and execution.result is None:
                execution.result = self.encode(result)  # its result is ignored, but the chord's body wants it
        elif request.id and request.group and not self._is_held(request.id):
            self._count_part(request.id, request.group, request.chord)

    @staticmethod
    def _is_held(task_id: str) -> bool:
        from workstate.core.broker.holdings import Holdings

        return Holdings.find(task_id) is not None

    @staticmethod
    def _count_part(task_id: str, chord_id: str, chord: Any) -> None:
        with publishing_transaction() as connection, publishing_on(connection):
            count_unrun_part(ledger_on(connection), task_id, chord_id, chord)

    def fail_followers(self, request: Context, error: BaseException) -> None:
        """Tell the rest of a job's chain and its errbacks that it failed, as its own worker can't."""
        self._fail_chain(request.chain, error)
        if request.errbacks:
            self._call_task_errbacks(request, error, None)

    def as_uri(self, include_password: bool = False) -> str:
        """Return the address of the backend."""
        return "workstate://"


def _tells_an_exception(result: Any) -> bool:
    # update_state(state="FAILURE", meta=…) may store anything.
    return result is None or (isinstance(result, dict) and "exc_type" in result)


def _split_type(error_type: str) -> tuple[str | None, str]:
    """Split "module.Outer.Inner" behind the longest part that is a module: classes may be nested."""
    parts = error_type.split(".")
    for length in range(len(parts) - 1, 0, -1):
        if (module := ".".join(parts[:length])) in sys.modules:
            return module, ".".join(parts[length:])
    module, _, name = error_type.rpartition(".")
    return module or None, name


def _ended_state(state: str) -> State:
    if state == states.SUCCESS:
        return State.COMPLETED
    return State.CANCELLED if state == states.REVOKED else State.DISCARDED


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
