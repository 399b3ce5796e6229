"""Admits limited jobs that nobody else admitted, because whoever should have died or came too early."""

from __future__ import annotations

from workstate.core.jobs.connections import private_connection
from workstate.core.jobs.enqueue import CHANNEL
from workstate.core.jobs.ledger import ledger_on
from workstate.core.wakeup import hint_at_once


class Overlooked:
    """Runs in every worker, beside its lease; any number may run at once.

    Each round looks at so many keys that it stays quick, and the next one goes on behind them.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._seen_up_to = ""

    def admit(self) -> int:
        """Admit what there is room for among the next keys; returns how many jobs."""
        ledger = ledger_on(private_connection(self._alias))
        admitted, self._seen_up_to = ledger.admit_overlooked(self._seen_up_to)
        if admitted:
            hint_at_once(self._alias, CHANNEL)
        return admitted
