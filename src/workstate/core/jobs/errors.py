"""What can go wrong with jobs; each docstring is the message, and says what to do next."""

from __future__ import annotations

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)
"""What reading a message raises that nobody can read: no JSON, JSON of another shape, too large or too deep."""


class WorkstateError(Exception):
    """Root of all errors that the core raises on purpose."""


class UnsupportedDatabaseError(WorkstateError):
    """The ledger keeps its jobs in SQLite or PostgreSQL; choose one of them in DATABASES."""

    def __init__(self, vendor: str) -> None:
        self.vendor = vendor
        super().__init__(f"{self.__doc__} This connection is to {vendor}.")


class IllegalMoveError(WorkstateError):
    """A job can't go from its state to the one that was asked for."""

    def __init__(self, before: str, after: str) -> None:
        self.before = before
        self.after = after
        super().__init__(f"A job that is {before} can't become {after}.")


class BatchEndedError(WorkstateError):
    """Nothing can join a batch that has ended or was cancelled; open another one."""

    def __init__(self, batch_id: int) -> None:
        self.batch_id = batch_id
        super().__init__(f"{self.__doc__} It is batch {batch_id}.")


class BatchSealedError(WorkstateError):
    """Only the jobs of a sealed batch may add to it, by current_batch(); seal it after the last one was added."""

    def __init__(self, batch_id: int) -> None:
        self.batch_id = batch_id
        super().__init__(f"{self.__doc__} It is batch {batch_id}.")


class ContestedKeyError(WorkstateError):
    """A unique key changed hands each time this call looked at it: call again, or give the key a period."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"{self.__doc__} The key is {key!r}.")


class NotASingleJobError(WorkstateError):
    """A batch counts single jobs, and this signature is several: add each of its tasks, or use on_end and on_success."""

    def __init__(self, signature: object) -> None:
        self.signature = signature
        super().__init__(f"{self.__doc__} It is {signature!r}.")


class JobNotFoundError(WorkstateError):
    """Nobody knows a job of this id: it was never committed, or it has been pruned."""

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        super().__init__(f"{self.__doc__} The id is {task_id}.")


class NotReplayableError(WorkstateError):
    """Only a job that was discarded or cancelled can be replayed, and only if it was enqueued."""

    def __init__(self, task_id: str, state: str) -> None:
        self.task_id = task_id
        self.state = state
        super().__init__(f"{self.__doc__} Job {task_id} is {state}.")


class KeyHeldError(WorkstateError):
    """Another job holds the unique key of this one: replay it when that one has ended, or cancel that one first."""

    def __init__(self, task_id: str, holder: str) -> None:
        self.task_id = task_id
        self.holder = holder
        super().__init__(f"{self.__doc__} Job {task_id} waits for job {holder}.")


class BadArgumentsError(WorkstateError):
    """These arguments can't be given to the job; the rest of the message says why."""

    def __init__(self, task_id: str, why: str) -> None:
        self.task_id = task_id
        super().__init__(f"Job {task_id} can't have these arguments: {why}.")
