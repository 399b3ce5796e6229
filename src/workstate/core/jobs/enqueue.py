"""The one way in: jobs are inserted in the caller's transaction and workers are told after its commit."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Protocol

from django.db import connections, transaction

from workstate.core.jobs.connections import is_callers_own, publishing_connection, publishing_transaction
from workstate.core.jobs.insertion import insert
from workstate.core.jobs.ledger import ledger_on
from workstate.core.jobs.membership import members
from workstate.core.wakeup import hint, hint_at_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from workstate.core.jobs.records import NewJob

CHANNEL = "workstate_jobs"
"""On PostgreSQL workers listen here; SQLite needs no channel."""

_gathered: ContextVar[list[NewJob] | None] = ContextVar("gathered", default=None)


class Carrier(Protocol):
    """Brings committed jobs to an outside broker."""

    @property
    def is_ready(self) -> bool:
        """Tell whether it takes jobs at the moment."""

    def carry(self, jobs: Sequence[NewJob]) -> None:
        """Take committed jobs; returns at once."""

    def tell(self, publish: Callable[..., None]) -> None:
        """Have `publish(producer=…)` called soon, with a way to the broker; not at all while that is away."""


_find_carrier: Callable[[], Carrier] | None = None


def carry_with(find_carrier: Callable[[], Carrier]) -> None:
    """Have jobs handed over after their commit, by the carrier that `find_carrier` returns for this process."""
    global _find_carrier  # noqa: PLW0603  a process has one ledger and at most one outside broker
    _find_carrier = find_carrier


def find_carrier() -> Carrier | None:
    """Return this process's way to the outside broker, or None when the ledger is the broker."""
    return _find_carrier() if _find_carrier is not None else None


def enqueue(jobs: Sequence[NewJob]) -> None:
    """Insert jobs through the caller's connection, so that they exist if and only if it commits.

    Raises django.db.DatabaseError when the database refuses; then nothing was enqueued.
    """
    jobs = members(jobs)
    if (gathered := _gathered.get()) is not None:
        gathered.extend(jobs)
        return
    carrier = find_carrier() if is_callers_own() else None
    if carrier is not None and not carrier.is_ready:
        carrier = None
    if len(jobs) > 1 or not jobs[0].is_ordinary:
        with publishing_transaction() as connection:
            insert(ledger_on(connection), jobs, hands_over=carrier is not None)
    else:
        connection = publishing_connection()
        ledger_on(connection).insert(jobs, hands_over=carrier is not None)
    if carrier is not None:
        handed_over = [job for job in jobs if job.is_handed_over_at_once]
        transaction.on_commit(partial(carrier.carry, handed_over), using=connection.alias)
        if len(handed_over) == len(jobs):
            return
    if connection is connections[connection.alias]:
        hint(connection.alias, CHANNEL)
    else:
        ledger_on(connection).on_commit(partial(hint_at_once, connection.alias, CHANNEL))


@contextmanager
def gathering() -> Iterator[list[NewJob]]:
    """Keep what is enqueued inside in the list that this gives, and insert nothing: the caller enqueues it together."""
    jobs: list[NewJob] = []
    token = _gathered.set(jobs)
    try:
        yield jobs
    finally:
        _gathered.reset(token)
