"""The hub's look at the log, in the hub's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import django.db
from django.db import connections, router

from workstate.core.live.models import Event
from workstate.core.live.reading import Reading, read_many

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workstate.core.live.positions import Position

ENDS = "SELECT (SELECT MIN(id) FROM workstate_event), (SELECT MAX(id) FROM workstate_event)"


class LogReader:
    """Reads from one thread, whose connection it closes when a query fails."""

    def __init__(self) -> None:
        self.alias = router.db_for_write(Event)
        self._ends: tuple[int, int] | None = None

    def read(self, places: Mapping[str, Position | None]) -> dict[str, Reading]:
        """Read what each place has missed."""
        try:
            return read_many(places)
        except django.db.Error:
            self.close()
            raise

    def read_if_news(self, places: Mapping[str, Position | None]) -> dict[str, Reading]:
        """Read what each place has missed; nothing when no event was written or pruned since the last such call."""
        try:
            return read_many(places) if self._has_news() else {}
        except django.db.Error:
            self.close()
            raise

    def close(self) -> None:
        """Close the thread's connection; the next read opens it again."""
        self._ends = None
        connections[self.alias].close()

    def _has_news(self) -> bool:
        """Tell whether an event was written since the last call, or pruned, and perhaps its stream with it.

        On SQLite every commit rings, those of jobs above all, and one writer at a time makes ids grow
        in the order of commits. PostgreSQL rings for events alone, and its ids do not.
        """
        if connections[self.alias].vendor != "sqlite":
            return True
        with connections[self.alias].cursor() as cursor:
            ends = cursor.execute(ENDS).fetchone()  # the query set's aggregate takes ten times as long
        known, self._ends = self._ends, ends
        return bool(known != self._ends)
