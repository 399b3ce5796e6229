"""Writes the ends of jobs in groups, at the turns of an event loop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from workstate.core.broker.holdings import Holdings


class Flusher:
    """One for each event loop that jobs end on; `wake` makes that loop take another turn, from any thread."""

    def __init__(self, holdings: Holdings, loop: Any, wake: Callable[[], None]) -> None:
        self._holdings = holdings
        self._loop = loop
        self._wake = wake
        self._thread = threading.get_ident()
        self._is_armed = False
        self._is_stopped = False
        self.is_in_turn = False
        """True while the loop is in its turn: it has worked out by then how long it may sleep."""
        holdings.on_pending = self._on_pending

    def stop(self) -> None:
        """Leave the loop; what ends from now on is written at once."""
        self._is_stopped = True
        self._holdings.on_pending = None

    def write_what_is_due(self) -> None:
        """Write what has waited long enough, or is much."""
        if self._holdings.pending.are_due:
            self._holdings.flush()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Have the loop call back, also when it is in its turn."""
        self._loop.call_later(seconds, callback)
        if self.is_in_turn:
            self._wake()

    def _on_pending(self) -> None:
        if threading.get_ident() != self._thread:
            self._wake()  # a pool thread: the turn that follows arms the timer
        elif not self._is_armed:
            self._is_armed = True
            self.call_later(self._holdings.pending.patience_seconds, self._on_timer)

    def _on_timer(self) -> None:
        self._is_armed = False  # the turn that follows writes
        if not self._is_stopped and self._holdings.pending:
            self._on_pending()
