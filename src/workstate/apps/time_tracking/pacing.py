"""Keeps progress from being told more often than anyone can see."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRESS_INTERVAL_SECONDS = 0.25


class Pacer:
    """Says yes at most once in an interval; the first time at once."""

    def __init__(
        self, interval: float = PROGRESS_INTERVAL_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval = interval
        self._clock = clock
        self._next_at = clock()

    def is_due(self) -> bool:
        """Whether the interval has passed; if so, the next one begins."""
        now = self._clock()
        if now < self._next_at:
            return False
        self._next_at = now + self._interval
        return True
