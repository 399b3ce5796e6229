"""What travels between the ledger and those who use it: plain, frozen records."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from workstate.core.jobs.states import State, check_move

if TYPE_CHECKING:
    from collections.abc import Sequence

ERROR_TYPE_LENGTH = 255
REASON_LENGTH = 255
NOT_IN_JSON = ("available_at", "unique_until", "limit_rule")
"""Fields of a new job that JSON does not keep."""


class LimitRule(NamedTuple):
    """How many jobs of a key may run at once, and how many may start in `rate_seconds`."""

    key: str
    concurrency: int | None
    rate_count: int | None
    rate_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A message that asks to become a job; texts are JSON as they travel."""

    task_id: str
    task: str
    queue: str
    headers: str
    properties: str
    body: str
    priority: int = 0
    lane: str = "database"
    chord_id: str | None = None
    batch_id: int | None = None
    unique_key: str | None = None
    unique_until: datetime | None = None
    conflict: str = "keep"
    """What becomes of it when another job holds its unique key, as `unique.Conflict` says."""
    limit_key: str | None = None
    limit_rule: LimitRule | None = None
    available_at: datetime | None = None
    """None means at once."""

    @property
    def is_ordinary(self) -> bool:
        """Tell whether it only has to be inserted: it has neither a unique key nor a limit."""
        return self.unique_key is None and self.limit_key is None

    @property
    def is_handed_over_at_once(self) -> bool:
        """Tell whether an outside broker may have the job as soon as it is committed."""
        return self.available_at is None and self.lane == "database" and self.unique_key is None

    def as_json(self) -> str:
        """Return the job as JSON, without its times: it is due at once."""
        return json.dumps({f.name: getattr(self, f.name) for f in fields(self) if f.name not in NOT_IN_JSON})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the job that `as_json` wrote."""
        return cls(**json.loads(text))


class ClaimedJob(NamedTuple):
    """A job that this process holds, as the claim returned it."""

    id: int
    task_id: str
    queue: str
    attempt: int
    lost_attempts: int
    priority: int
    begun_at: Any
    """When an earlier delivery began that came back, as the driver gives it; None at the first."""
    headers: str
    properties: str
    body: str
    limit_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why an attempt failed, as the dashboard shows it and AsyncResult raises it again."""

    type: str
    message: str
    """The exception's arguments as JSON."""
    traceback: str | None = None

    @classmethod
    def of(cls, error_type: str, message: str, traceback: str | None = None) -> Self:
        """Make a failure that every database can store: NUL and lone surrogates are written as escapes."""
        return cls(
            type=_storable(error_type)[:ERROR_TYPE_LENGTH],
            message=_storable(message),
            traceback=None if traceback is None else _storable(traceback),
        )

    @classmethod
    def lost(cls, message: str) -> Self:
        """Say that the worker died under the job."""
        return cls(type="billiard.exceptions.WorkerLostError", message=json.dumps([message]))


@dataclass(slots=True)
class Followers:
    """What a completed job makes due: the next of its chain and its callbacks, enqueued by its closing."""

    jobs: list[NewJob] = field(default_factory=list)
    chord_sizes: list[tuple[str, int]] = field(default_factory=list)
    """Chords among them: id and number of header jobs."""


def storable_reason(text: str) -> str:
    """Return what somebody gave as a reason, or as a name, so that its column can hold it: short, without NUL."""
    return _storable(text)[:REASON_LENGTH]


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


@dataclass(slots=True, kw_only=True)
class Closing:
    """The end of an attempt, named by the token (process, attempt) that the claim gave out."""

    job_id: int
    process_id: int
    attempt: int
    state: State
    ended_at: datetime
    task: str = ""
    started_at: datetime | None = None
    result: str | None = None
    children: str | None = None
    failure: Failure | None = None
    reason: str | None = None
    is_ignored: bool = False
    """True when the task raised Ignore: it ended, and keeps the state that it had set itself."""
    chord_id: str | None = None
    """Set when the job is part of a chord's header."""
    successor: NewJob | None = None
    """The message that takes the job's place when it is retried or replaced."""
    followers: Followers | None = None
    """What is enqueued in the same transaction, if the closing counts."""

    def __post_init__(self) -> None:
        """Refuse an end that an attempt can't have.

        Raises IllegalMoveError.
        """
        check_move(State.EXECUTING, self.state)


class Token(NamedTuple):
    """Names one attempt of one job; whoever holds an older one can change nothing."""

    job_id: int
    process_id: int
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProcess:
    """A worker or scheduler that asks for a lease."""

    kind: str
    name: str
    machine: str
    pid: int
    pid_started: str
    queues: tuple[str, ...] = ()
    concurrency: int = 0
    lease: timedelta = field(default=timedelta(seconds=15))


class LiveProcess(NamedTuple):
    """A process that has not ended, as far as the ledger knows."""

    id: int
    machine: str
    pid: int
    pid_started: str


class KeyHolder(NamedTuple):
    """The job that holds a unique key."""

    id: int
    task_id: str
    state: str
    unique_until: datetime | None
    headers: str
    properties: str
    body: str


class HeldJob(NamedTuple):
    """An executing job, as the rescuer sees it."""

    id: int
    task: str
    attempt: int
    lost_attempts: int
    was_started: bool
    was_acknowledged: bool
    chord_id: str | None
    is_to_be_cancelled: bool = False


class OldestHandedOver(NamedTuple):
    """Since when jobs of one queue and priority lie with the outside broker unclaimed."""

    queue: str
    priority: int
    handed_over_at: datetime


class ClosedJob(NamedTuple):
    """What the closing of a job tells of it: where it counts, and whether somebody wants to be told."""

    batch_id: int | None = None
    is_followed: bool = False


class EndedJob(NamedTuple):
    """A job that ended, and is still to be counted: where it counts, and whether somebody wants to be told."""

    id: int
    chord_id: str | None
    batch_id: int | None
    is_followed: bool
    state: State
    chord_sizes: Sequence[tuple[str, int]] = ()
    """Chords among what follows it: id and number of header jobs."""

    @classmethod
    def of(cls, row: tuple[Any, ...], state: State) -> Self:
        """Return the job that a statement without a closing has brought to `state`."""
        job_id, chord_id, batch_id, is_followed = row
        return cls(job_id, chord_id, batch_id, bool(is_followed), state)


class FinishedChord(NamedTuple):
    """A chord whose whole header has ended: its body is due, or its error."""

    chord_id: str


class FinishedBatch(NamedTuple):
    """A batch whose last job has ended; its callbacks are due."""

    batch_id: int
    is_first_end: bool
    """False when it ended before, and a job of it was replayed since."""
    has_succeeded: bool
    """True when all of its jobs have completed, for the first time."""


Finished = FinishedChord | FinishedBatch
"""What has come to its end with a job: something follows it."""


class BatchCounts(NamedTuple):
    """What a batch has come to; `size` is None until it is sealed."""

    batch_id: int
    completed: int
    discarded: int
    cancelled: int
    size: int | None
    ended_at: Any
    """As the driver gives it; None while some job has not ended."""
    is_followed: bool

    @property
    def ended(self) -> int:
        """How many of its jobs have ended."""
        return self.completed + self.discarded + self.cancelled

    def progress(self) -> dict[str, int | None]:
        """Return what a live event says of it."""
        return {
            "completed": self.completed,
            "discarded": self.discarded,
            "cancelled": self.cancelled,
            "size": self.size,
        }
