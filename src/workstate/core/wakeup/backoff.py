"""How long to wait before the next try."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

FIRST_SECONDS = 0.1
LONGEST_SECONDS = 5.0


@dataclass(slots=True)
class Backoff:
    """Waits that double from 0.1 s to 5 s, each spread by up to a quarter so that processes part ways."""

    _seconds: float = field(default=FIRST_SECONDS, init=False)

    def next_seconds(self) -> float:
        """Return the wait before the next try and double the one after it."""
        seconds = self._seconds * random.uniform(0.75, 1.25)  # noqa: S311  spreads load, guards nothing
        self._seconds = min(self._seconds * 2, LONGEST_SECONDS)
        return seconds

    def reset(self) -> None:
        """Begin with the shortest wait again: the last try went well."""
        self._seconds = FIRST_SECONDS
