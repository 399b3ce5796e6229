"""The ledger's paused queues, as the claim and the worker see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workstate.core.jobs.ledger.database import LedgerDatabase

if TYPE_CHECKING:
    from collections.abc import Collection


class QueuePauses(LedgerDatabase):
    """Which queues nobody claims from now."""

    def paused_of(self, queues: Collection[str]) -> set[str]:
        """Return those of `queues` that are paused."""
        return {queue for (queue,) in self.query("SELECT queue FROM workstate_queue_pause")} & set(queues)

    def take_back_queue(self, queue: str) -> int:
        """Put the jobs of a queue that were handed to an outside broker back into the table; returns how many."""
        return self.execute(
            "UPDATE workstate_job SET lane = 'database', handed_over_at = NULL"
            " WHERE state = 'available' AND lane = 'broker' AND queue = %s",
            [queue],
        )
