"""A callable that counts how often it was called and can be waited for."""

from __future__ import annotations

import threading
import time

PATIENCE_SECONDS = 10.0
COMMON_PAUSE_SECONDS = 0.05


class Calls:
    """Counts its calls, from whatever thread."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._changed = threading.Condition()

    def __call__(self) -> None:
        with self._changed:
            self.times.append(time.monotonic())
            self._changed.notify_all()

    def __len__(self) -> int:
        return len(self.times)

    def wait_for(self, count: int, *, timeout: float = PATIENCE_SECONDS) -> None:
        """Wait until it was called so many times in all."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self) >= count, timeout), f"{len(self)} of {count} calls"

    def wait_for_call_after(self, moment: float, *, timeout: float = PATIENCE_SECONDS) -> float:
        """Wait for a call later than the moment; return how many seconds later it came."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.times and self.times[-1] >= moment, timeout), "no call"
            return next(at for at in self.times if at >= moment) - moment

    def settle(self) -> int:
        """Wait until no call came for a while; return how many there were."""
        with self._changed:
            while self._changed.wait(COMMON_PAUSE_SECONDS):
                pass
            return len(self)
