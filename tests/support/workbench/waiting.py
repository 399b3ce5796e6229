"""Waiting on observed state."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

POLL_SECONDS = 0.01

T = TypeVar("T")


def wait_until(condition: Callable[[], T], *, timeout: float = 60.0) -> T:
    """Return the first true value of the condition; fail with its last value when the time is over."""
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"Still {value!r} after {timeout} s.")
        time.sleep(POLL_SECONDS)
    return value
