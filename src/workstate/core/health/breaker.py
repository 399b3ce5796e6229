"""Whether a server outside is there, as this process sees it: the broker, or a cache's Redis.

    closed ──a call fails──▶ open ──a probe answers──▶ closed

Closed: the server is called. Open: nothing touches a socket but one probe a second, from a thread.
"""

from __future__ import annotations

import math
import threading
from time import monotonic
from typing import TYPE_CHECKING

from workstate.core.jobs import clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from workstate.core.wakeup.outage import Outage


class Breaker:
    """Opened by whoever could not reach the server, closed by a probe; says each once, in the log."""

    def __init__(self, address: str, outage: Outage) -> None:
        self._lock = threading.Lock()
        self._outage = outage
        self._opened_at = -math.inf
        self.address = address
        self.away_since: datetime | None = None
        self.on_news: Callable[[], None] = lambda: None
        """Called by the thread that learns anew, by a probe or by a failure, whether the server is there."""

    @property
    def is_open(self) -> bool:
        """Tell whether the server is away."""
        return self.away_since is not None

    def trip(self, error: BaseException) -> None:
        """Note that the server could not be reached."""
        with self._lock:
            if self.away_since is None:
                self._opened_at = monotonic()
                self.away_since = clock.now()
                self._outage.begin(error)
        self.on_news()

    def reset(self, asked_at: float) -> None:
        """Note that the server has answered what it was asked at `asked_at`, by the monotonic clock.

        An answer to what was asked before the breaker opened may be older than the failure: it says nothing.
        """
        with self._lock:
            if self.away_since is not None and asked_at > self._opened_at:
                self.away_since = None
                self._outage.end()
        self.on_news()
