"""Signals come into a worker's event loop only where it waits.

    a turn: callbacks ──▶ timers ──▶ ticks ──▶ wait for the next event ──▶ its callbacks
                                                └── handlers run here, and between two turns

Celery's handler of a cold shutdown stops the pool, and waits for it. Wherever else it came, the loop has something in
hand: half of a job is written to a pool process, which waits for the other half; or a line to the log, whose lock the
pool's threads wait for. The worker would wait for the pool, and the pool for the worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery import bootsteps

from workstate.core.jobs.interruptions import interruptibly, uninterrupted

if TYPE_CHECKING:
    from collections.abc import Iterator


class InterruptStep(bootsteps.StartStopStep):
    """Has signals wait for the end of what a turn of the event loop has in hand."""

    requires = ("celery.worker.components:Hub", "celery.worker.components:Pool")

    def include_if(self, parent: Any) -> bool:
        """Say that only an event loop has turns."""
        return bool(parent.use_eventloop)

    def start(self, parent: Any) -> None:
        """Change how the loop turns; it has not begun to."""
        keep_signals_out_of_turns(parent.hub)
        if parent.pool_cls.__module__.endswith("solo"):  # its tasks run within a turn, and may take long
            parent.pool.on_apply = interruptibly(parent.pool.on_apply)


def keep_signals_out_of_turns(hub: Any) -> None:
    """Have every loop that `hub` makes from now on be interrupted only while it waits."""
    create_loop = hub.create_loop

    def create_patient_loop() -> Iterator[None]:
        poller = hub.poller
        if not hasattr(poller.poll, "__wrapped__"):
            poller.poll = interruptibly(poller.poll)
        return _turn_uninterrupted(create_loop())

    hub.create_loop = create_patient_loop


def _turn_uninterrupted(loop: Iterator[None]) -> Iterator[None]:
    while True:
        with uninterrupted:
            try:
                next(loop)
            except StopIteration:
                return
        yield
