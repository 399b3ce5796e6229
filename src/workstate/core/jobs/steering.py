"""What a task raises to say how its job is to go on.

raise RetryRequested("the shop is closed", after=timedelta(hours=1))     run again
raise CancelRequested("the order was withdrawn")                         end as cancelled
raise FinalError("no such customer")                                     end as a dead letter at once
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from celery.exceptions import Ignore

from workstate.core.jobs.errors import WorkstateError

if TYPE_CHECKING:
    from datetime import timedelta


class RetryRequested(Exception):  # noqa: N818  it is no error, and its name says what it asks for
    """The job is to run again `after` a while; without one, after the delay that its task declares.

    It counts as a retry: when the task has none left, the job becomes a dead letter with this as its
    error, or with the error that it was raised from.
    """

    def __init__(self, message: str = "", *, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after


class CancelRequested(Ignore):
    """The job need not be done: it ends as cancelled, for this reason."""

    def __init__(self, reason: str = "cancelled by its task") -> None:
        super().__init__(reason)
        self.reason = reason


class FinalError(WorkstateError):
    """Trying again can't help: the job becomes a dead letter now, whatever its task says about retries."""
