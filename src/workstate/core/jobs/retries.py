"""When a failed job is tried again: exponential back-off with jitter and a cap, declared on the task.

    @shared_task(retries=RetryPolicy(on=(ConnectionError,), max_retries=8))
    def charge(order_id): ...

Celery's own options (`autoretry_for`, `retry_backoff`, …) work as ever; a task has the one or the other.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING

from workstate.core.jobs.errors import WorkstateError
from workstate.core.jobs.steering import FinalError

if TYPE_CHECKING:
    from collections.abc import Callable


class Jitter(Enum):
    """How much of a delay is left to chance, so that jobs that failed together do not come back together."""

    FULL = "full"
    """Between nothing and the whole of it."""
    EQUAL = "equal"
    """Between a half and the whole of it."""
    NONE = "none"


class RetryPolicyError(WorkstateError):
    """A retry policy says something that can't be meant; the rest of the message says what."""

    def __init__(self, what: str) -> None:
        super().__init__(what)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Which errors are tried again, how often, and after how long.

    Raises RetryPolicyError when it is made of values that can't be meant.
    """

    on: tuple[type[Exception], ...] = (Exception,)
    """Errors that are worth another try; FinalError never is."""
    never_on: tuple[type[Exception], ...] = ()
    """Errors that are not, although `on` names them or a class above them."""
    max_retries: int | None = 5
    """How often after the first attempt; None means for ever."""
    first: timedelta = timedelta(seconds=1)
    """The delay before the first retry, without jitter."""
    factor: float = 2.0
    """By what each delay is longer than the one before."""
    longest: timedelta = timedelta(minutes=10)
    """No delay is longer."""
    jitter: Jitter = Jitter.FULL

    def __post_init__(self) -> None:
        """Refuse what can't be meant."""
        _check_classes("on", self.on)
        _check_classes("never_on", self.never_on)
        if self.max_retries is not None and self.max_retries < 0:
            raise RetryPolicyError(f"max_retries is {self.max_retries}; it must be 0 or more, or None for ever.")
        if not timedelta() < self.first <= self.longest:
            raise RetryPolicyError(f"first is {self.first}; it must be more than 0 and not above longest.")
        if not 1 <= self.factor < math.inf:
            raise RetryPolicyError(f"factor is {self.factor}; below 1 the delays would become shorter.")

    def retries(self, error: Exception) -> bool:
        """Tell whether `error` is worth another try."""
        return isinstance(error, self.on) and not isinstance(error, (FinalError, *self.never_on))

    def ceiling(self, retries: int) -> timedelta:
        """Return the delay after `retries` earlier retries, without jitter: min(longest, first * factor ** retries)."""
        # By logarithms: the power of a large number of retries is no float any more.
        growth = math.log(self.longest / self.first)
        if retries * math.log(self.factor) >= growth:
            return self.longest
        return min(self.longest, self.first * self.factor**retries)

    def delay(self, retries: int, *, chance: Callable[[], float] = random.random) -> timedelta:
        """Return how long to wait after `retries` earlier retries; `chance` gives a number from 0 to 1.

        "Full" and "equal" jitter are those of Marc Brooker, "Exponential Backoff And Jitter", AWS
        Architecture Blog, 2015: random(0, c) and c/2 + random(0, c/2), with c the ceiling. Full jitter
        did the least work there for the same time to completion.
        """
        ceiling = self.ceiling(retries)
        if self.jitter is Jitter.NONE:
            return ceiling
        if self.jitter is Jitter.EQUAL:
            return ceiling * (0.5 + 0.5 * chance())
        return ceiling * chance()


def _check_classes(name: str, classes: object) -> None:
    is_tuple_of_errors = isinstance(classes, tuple) and all(
        isinstance(item, type) and issubclass(item, Exception) for item in classes
    )
    if not is_tuple_of_errors:
        raise RetryPolicyError(f"{name} is {classes!r}; it must be a tuple of exception classes.")
