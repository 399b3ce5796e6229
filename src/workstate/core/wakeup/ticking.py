"""The watcher for databases that give no hint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workstate.core.wakeup.base import Watcher

if TYPE_CHECKING:
    import selectors

TICK_SECONDS = 1.0


class TickingWatcher(Watcher):
    """Calls once a second, whatever happens: for SQLite in memory, as in tests, nothing is watched."""

    def _watch(self, selector: selectors.BaseSelector) -> None:
        while not self._stopping.is_set():
            self._tell()
            selector.select(TICK_SECONDS)
