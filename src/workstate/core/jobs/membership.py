"""Which batch the jobs join that are being enqueued."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from workstate.core.jobs.records import NewJob

_joined: ContextVar[int | None] = ContextVar("joined", default=None)


@contextmanager
def joining(batch_id: int) -> Iterator[None]:
    """Let every job that is enqueued inside join a batch."""
    token = _joined.set(batch_id)
    try:
        yield
    finally:
        _joined.reset(token)


def members(jobs: Sequence[NewJob]) -> Sequence[NewJob]:
    """Return the jobs as members of the batch that they join, if there is one."""
    batch_id = _joined.get()
    return jobs if batch_id is None else [replace(job, batch_id=batch_id) for job in jobs]
