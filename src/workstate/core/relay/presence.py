"""Tells the other processes, and whoever watches operations, that workers can't reach the outside broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connections, transaction

from workstate.core.jobs import clock
from workstate.core.jobs.interruptions import uninterrupted
from workstate.core.jobs.ledger import ledger_on
from workstate.core.live import publish

if TYPE_CHECKING:
    from datetime import datetime

STREAM = "operations"


class Presence:
    """What one worker's row says of the broker; the first that loses it and the last that finds it tell the event."""

    def __init__(self, alias: str, address: str) -> None:
        self._alias = alias
        self._address = address
        self._told: tuple[int, datetime | None] | None = None

    def tell(self, process_id: int, away_since: datetime | None) -> None:
        """Write down since when the broker is away, None when it is there; does nothing when that is known.

        Raises django.db.DatabaseError; then it is told the next time.
        """
        if (process_id, away_since) == self._told:
            return
        before = self._told[1] if self._told else None
        with uninterrupted, transaction.atomic(using=self._alias):
            is_alone = ledger_on(connections[self._alias]).note_broker(process_id, away_since)
            if is_alone and away_since is not None:
                publish(STREAM, "broker.lost", {"broker": self._address, "since": away_since.isoformat()})
            elif is_alone and before is not None:
                seconds = round((clock.now() - before).total_seconds(), 1)
                publish(STREAM, "broker.returned", {"broker": self._address, "away_seconds": seconds})
        with uninterrupted:
            connections[self._alias].close()  # it is told seldom
        self._told = (process_id, away_since)
