"""How long to wait before a child that ended is started again."""

from __future__ import annotations

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
HEALTHY_AFTER_SECONDS = 60.0


class Backoff:
    """Doubles the wait at each failure and forgets them once the child has run well."""

    def __init__(self) -> None:
        self._next = FIRST_DELAY_SECONDS

    def delay_after(self, ran_seconds: float) -> float:
        """Return the seconds to wait after a child that ran for so long."""
        if ran_seconds >= HEALTHY_AFTER_SECONDS:
            self._next = FIRST_DELAY_SECONDS
        delay = self._next
        self._next = min(delay * 2, LONGEST_DELAY_SECONDS)
        return delay
