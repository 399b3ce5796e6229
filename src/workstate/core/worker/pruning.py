"""Gives every worker its pruner."""

from __future__ import annotations

from typing import Any

from celery import bootsteps

from workstate.core.jobs.connections import ledger_alias
from workstate.core.retention import Pruner


class PruneStep(bootsteps.StartStopStep):
    """Prunes history for as long as the worker lives, beside its event loop."""

    requires = ("celery.worker.components:Pool",)  # its threads come after the first forks

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._pruner = Pruner(ledger_alias())

    def start(self, parent: Any) -> None:
        """Start the thread."""
        self._pruner.start()

    def stop(self, parent: Any) -> None:
        """Let it end after the portion at hand."""
        self._pruner.stop()

    terminate = stop
