"""A warm shutdown that records what its pool has done.

Celery, as it stops, forgets what the pool has not accepted yet and reads the results of the rest
with pauses between; what was running at that moment may be done and yet not be recorded, and its
process waits half a minute to be heard. Here the event loop goes on turning until the pool has
nothing more to do, so every end is recorded when it happens:

    asked to stop ──▶ claim nothing more, give back what has not begun ──▶ turn until the pool is empty ──▶ stop

A second signal (cold shutdown) ends the turning at once.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import bootsteps
from celery.worker import state as worker_state
from django.db import Error as DatabaseError

from workstate.core.broker.holdings import Holdings

logger = logging.getLogger(__name__)

TURN_SECONDS = 0.2
"""How long a turn may last, and so how soon a second signal is noticed."""


class DrainStep(bootsteps.StartStopStep):
    """Lets the prefork pool finish within the event loop when the worker is asked to stop."""

    requires = ("celery.worker.components:Pool",)

    def include_if(self, parent: Any) -> bool:
        """Say that only a pool on an event loop is drained; the others wait for their results themselves."""
        return bool(parent.use_eventloop and parent.pool_cls.__module__.endswith("prefork"))

    def start(self, parent: Any) -> None:
        """Put the drain before the pool's flush, which the consumer calls when it closes."""
        flush = parent.pool.flush

        def drain_and_flush() -> None:
            if worker_state.should_stop is not None and _hears_pool(parent):
                drain(parent)
            flush()
            # At each broken connection: the pool has forgotten what no process had accepted.
            for holdings in Holdings.all_of_process():
                holdings.release_unaccepted()

        parent.pool.flush = drain_and_flush


def _hears_pool(controller: Any) -> bool:
    # Between two connections the event loop is empty: it would turn for ever. The next one hears the pool again.
    readers = controller.hub.readers
    return any(fd in readers for fd in controller.pool._pool._fileno_to_outq)  # noqa: SLF001  Celery has no other name


def drain(controller: Any) -> None:
    """Turn the event loop until every job that the pool has is over and recorded."""
    pool, hub = controller.pool._pool, controller.hub  # noqa: SLF001  Celery has no other name for it
    for job in pool.outbound_buffer:
        job.discard()  # no process has seen a byte of it
    pool.outbound_buffer.clear()
    tick = hub.call_repeatedly(TURN_SECONDS, lambda: None)
    try:
        for holdings in Holdings.all_of_process():
            holdings.begin_draining()
        loop = hub.create_loop()
        while _is_at_work(pool) and worker_state.should_terminate is None:
            next(loop)
    except DatabaseError as error:
        logger.warning("The ledger's database went away as this worker stopped; its jobs will be rescued: %s", error)
    finally:
        tick.cancel()


def _is_at_work(pool: Any) -> bool:
    # A pool that is closing starts no process in place of one that died, and waits for its job for ever.
    return bool(pool._cache) and any(process._is_alive() for process in pool._pool)  # noqa: SLF001  as above
