"""The states of a job and the moves between them: the only place that knows which change is legal.

    scheduled ──due──▶ available ──claim──▶ executing ──▶ completed
                           ▲                    │ ├──▶ retryable ──due──▶ available
                           └─ rescued, released ┘ ├──▶ discarded
                                                  └──▶ cancelled

A waiting job (scheduled, available, retryable) may also be cancelled or discarded, an available one
put off by a later call that replaces it, and a discarded or cancelled one replayed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

from workstate.core.jobs.errors import IllegalMoveError

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(models.TextChoices):
    """Where a job stands; the value is what the database stores."""

    SCHEDULED = "scheduled"
    AVAILABLE = "available"
    EXECUTING = "executing"
    RETRYABLE = "retryable"
    COMPLETED = "completed"
    DISCARDED = "discarded"
    CANCELLED = "cancelled"


WAITING = frozenset({State.SCHEDULED, State.AVAILABLE, State.RETRYABLE})
ENDED = frozenset({State.COMPLETED, State.DISCARDED, State.CANCELLED})

MOVES: Mapping[State, frozenset[State]] = {
    State.SCHEDULED: frozenset({State.AVAILABLE, State.CANCELLED, State.DISCARDED}),
    State.AVAILABLE: frozenset({State.EXECUTING, State.SCHEDULED, State.CANCELLED, State.DISCARDED}),
    State.EXECUTING: frozenset({State.COMPLETED, State.RETRYABLE, State.DISCARDED, State.CANCELLED, State.AVAILABLE}),
    State.RETRYABLE: frozenset({State.AVAILABLE, State.CANCELLED, State.DISCARDED}),
    State.COMPLETED: frozenset(),
    State.DISCARDED: frozenset({State.AVAILABLE, State.SCHEDULED}),
    State.CANCELLED: frozenset({State.AVAILABLE, State.SCHEDULED}),
}


def check_move(before: State, after: State) -> None:
    """Let a job go from `before` to `after`, or raise IllegalMoveError."""
    if after not in MOVES[before]:
        raise IllegalMoveError(before, after)
