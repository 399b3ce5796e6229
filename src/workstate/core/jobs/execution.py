"""What this thread is running: filled while a task's body runs, read when its attempt is closed."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workstate.core.jobs.records import Followers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workstate.core.jobs.records import Failure, NewJob, Token

_current: ContextVar[Execution | None] = ContextVar("execution", default=None)


@dataclass(slots=True, kw_only=True)
class Execution:
    """One attempt, and what it leaves for its closing; the result backend and the channel write here."""

    task_id: str
    token: Token
    result: str | None = None
    children: str | None = None
    failure: Failure | None = None
    successor: NewJob | None = None
    followers: Followers | None = None
    _gathers_followers: bool = False

    @classmethod
    def current(cls) -> Execution | None:
        """Return what this thread is running, or None outside a worker's task."""
        return _current.get()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Be the current execution inside."""
        reset = _current.set(self)
        try:
            yield
        finally:
            _current.reset(reset)

    @contextmanager
    def gathering_followers(self) -> Iterator[None]:
        """Keep for the closing what is enqueued inside; when it fails, nothing follows."""
        self._gathers_followers = True
        try:
            yield
        except BaseException:
            self.followers = None
            raise
        finally:
            self._gathers_followers = False

    def takes(self, job: NewJob) -> bool:
        """Keep a message for the closing that belongs to this attempt; False when it is a job of its own."""
        if job.task_id == self.task_id:  # a retry or a replacement
            self.successor = job
            return True
        if self._gathers_followers:
            self._gathered().jobs.append(job)
        return self._gathers_followers

    def takes_chord(self, chord_id: str, size: int) -> bool:
        """Keep the size of a chord that follows on this attempt; False when it is one of its own."""
        if self._gathers_followers:
            self._gathered().chord_sizes.append((chord_id, size))
        return self._gathers_followers

    def _gathered(self) -> Followers:
        if self.followers is None:
            self.followers = Followers()
        return self.followers
