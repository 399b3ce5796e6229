"""Every event of the core. `docs/reference/telemetry.md` shows them; a test holds the two together."""

from __future__ import annotations

from logging import ERROR, INFO, WARNING
from typing import TYPE_CHECKING

from workstate.core.telemetry.event import Event, event

if TYPE_CHECKING:
    from datetime import datetime

# --- jobs ---------------------------------------------------------------------------------------------


@event("job.completed", None, "%(task)s[%(task_id)s] completed")
class JobCompleted(Event):
    """A job ended well, and that is committed."""

    task_id: str
    task: str
    queue: str
    runtime_seconds: float | None


@event("job.retried", None, "%(task)s[%(task_id)s] will be tried again")
class JobRetried(Event):
    """An attempt ended, and the job will run again."""

    task_id: str
    task: str
    queue: str
    error_type: str | None


@event("job.discarded", INFO, "%(task)s[%(task_id)s] was discarded: %(reason)s (%(error_type)s)")
class JobDiscarded(Event):
    """A job ended for good without success: a dead letter."""

    task_id: str
    task: str
    queue: str
    reason: str | None
    error_type: str | None


@event("job.cancelled", None, "%(task)s[%(task_id)s] was cancelled: %(reason)s")
class JobCancelled(Event):
    """A job that a worker held was cancelled, or had expired."""

    task_id: str
    task: str
    queue: str
    reason: str | None


@event("job.rescued", None, "%(task)s[%(task_id)s] runs again: its process was lost")
class JobRescued(Event):
    """The process that held a job died; the job is available again."""

    task_id: str
    task: str
    queue: str


@event("job.unreadable", WARNING, "Job %(task_id)s can't be read and is discarded: %(error)s")
class JobUnreadable(Event):
    """A claimed row holds no message that Celery understands."""

    task_id: str
    error: str


@event("job.unstorable", WARNING, "The end of %(task_id)s can't be stored, it is discarded: %(error)s")
class JobUnstorable(Event):
    """The database refuses what a job came to."""

    task_id: str
    error: str


# --- processes ------------------------------------------------------------------------------------------


@event("process.lost", WARNING, "Process %(process_id)s was lost; %(jobs)s of its jobs were rescued.")
class ProcessLost(Event):
    """A worker or scheduler died, or was silent for too long; whoever tells took its lease away."""

    process_id: int
    jobs: int


@event(
    "process.unrescued",
    ERROR,
    "The jobs of process %(process_id)s could not be rescued; the next round tries again.",
    has_traceback=True,
)
class ProcessUnrescued(Event):
    """A rescue failed."""

    process_id: int


@event("pool_process.lost", ERROR, "The process running %(task)s[%(task_id)s] was lost: %(error)s")
class PoolProcessLost(Event):
    """A process of the pool died under a job."""

    task_id: str
    task: str
    error: str


@event(
    "lease.lost",
    WARNING,
    "This worker was silent for too long; its jobs were rescued. It goes on with a new lease.",
)
class LeaseLost(Event):
    """A worker woke up and found its lease taken away."""

    process_id: int


@event(
    "lease.failed",
    ERROR,
    "Keeping this worker's lease failed; it is tried again in %(retry_seconds)s s.",
    has_traceback=True,
)
class LeaseFailed(Event):
    """Something other than the database kept the lease from being renewed."""

    retry_seconds: float


# --- what is away, and back -------------------------------------------------------------------------------


@event("database.lost", ERROR, "The ledger's database does not answer, the lease can't be renewed: %(error)s")
class DatabaseLost(Event):
    """The database went away for this worker."""

    error: str


@event("database.returned", WARNING, "The ledger's database answers again.")
class DatabaseReturned(Event):
    """The database is back for this worker."""


@event("broker.lost", WARNING, "%(subject)s is away: %(error)s")
class BrokerLost(Event):
    """The outside broker can't be reached from this process; jobs go through the database."""

    subject: str
    error: str


@event("broker.returned", WARNING, "%(subject)s is back after %(seconds).1f s.")
class BrokerReturned(Event):
    """The outside broker answers this process again."""

    subject: str
    seconds: float


@event(
    "broker.messages_lost",
    WARNING,
    "The broker lost %(count)s messages of queue %(queue)s; they are handed over again.",
)
class BrokerMessagesLost(Event):
    """The broker answers and has forgotten what it was given."""

    queue: str
    count: int


@event("cache.lost", WARNING, "%(subject)s is away: %(error)s")
class CacheLost(Event):
    """The cache's Redis can't be reached from this process; the database carries its caches."""

    subject: str
    error: str


@event("cache.returned", WARNING, "%(subject)s is back after %(seconds).1f s.")
class CacheReturned(Event):
    """The cache's Redis answers this process again, under a new epoch."""

    subject: str
    seconds: float


@event("outage.began", WARNING, "%(subject)s is away: %(error)s")
class OutageBegan(Event):
    """Something that this process watches or tells is away: a watcher, a notifier, the event log."""

    subject: str
    error: str


@event("outage.ended", WARNING, "%(subject)s is back after %(seconds).1f s.")
class OutageEnded(Event):
    """It is back."""

    subject: str
    seconds: float


# --- schedules --------------------------------------------------------------------------------------------


@event("schedule.missed", WARNING, "Schedule %(schedule)s missed %(count)d due times from %(since)s on")
class ScheduleMissed(Event):
    """Due times passed while no scheduler ran, and are not caught up."""

    schedule: str
    count: int
    since: datetime


@event("schedule.halted", WARNING, "Schedule %(schedule)s halts: %(error)s")
class ScheduleHalted(Event):
    """A schedule's next time can't be worked out."""

    schedule: str
    error: str


@event("schedule.refused", ERROR, "Schedule %(schedule)s could not be enqueued for %(due_at)s: %(error)s")
class ScheduleRefused(Event):
    """Celery would not take the task of a due schedule."""

    schedule: str
    due_at: datetime
    error: str


# --- external calls ---------------------------------------------------------------------------------------


@event("external_call.ambiguous", WARNING, "External call %(purpose)s %(key)s is ambiguous: %(error)s")
class ExternalCallAmbiguous(Event):
    """A call may have happened; what is declared for its work decides what follows."""

    purpose: str
    key: str
    error: str


@event(
    "external_call.resolved", INFO, "External call %(purpose)s %(key)s was resolved as %(state)s by %(by)s: %(reason)s"
)
class ExternalCallResolved(Event):
    """Somebody said what became of an ambiguous call."""

    purpose: str
    key: str
    state: str
    by: str
    reason: str


# --- what people do -----------------------------------------------------------------------------------------


@event("queue.paused", INFO, "Queue %(queue)s was paused by %(by)s: %(reason)s")
class QueuePaused(Event):
    """Nothing more is claimed from a queue."""

    queue: str
    by: str
    reason: str


@event("queue.resumed", INFO, "Queue %(queue)s was resumed by %(by)s")
class QueueResumed(Event):
    """Jobs are claimed from a queue again."""

    queue: str
    by: str


@event("schedule.paused", INFO, "Schedule %(schedule)s was paused by %(by)s: %(reason)s")
class SchedulePaused(Event):
    """A schedule enqueues nothing more."""

    schedule: str
    by: str
    reason: str


@event("schedule.resumed", INFO, "Schedule %(schedule)s was resumed by %(by)s")
class ScheduleResumed(Event):
    """A schedule enqueues again, from its next due time on."""

    schedule: str
    by: str
