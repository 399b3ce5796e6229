"""How often something may happen: now and then in bursts, on average not more than so often."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class TokenBucket:
    """Holds `size` tokens and gets `rate` a second back, never more than it holds."""

    __slots__ = ("_clock", "_filled_at", "_rate", "_size", "_tokens")

    def __init__(self, size: float, rate: float, clock: Callable[[], float] = monotonic) -> None:
        self._size = size
        self._rate = rate
        self._clock = clock
        self._tokens = size
        self._filled_at = clock()

    def take(self) -> bool:
        """Take a token out; False when there is none."""
        now = self._clock()
        self._tokens = min(self._size, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
