"""What is forgotten when: each rule removes a portion at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from celery import current_app

from workstate.core.cache.pruning import prune_entries
from workstate.core.external.services import prune as prune_external_calls
from workstate.core.jobs.states import State
from workstate.core.live.models import Event
from workstate.core.live.pruning import prune_portion
from workstate.core.schedules.services import prune_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workstate.core.configuration import Configuration
    from workstate.core.jobs.ledger import Ledger

TURN = "prune"
RESULTS_TURN = "forget results"
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
LATE = timedelta(hours=1)
"""So long after a job's end its row may come in, when the database was away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of history: `prune(limit)` removes at most so many rows, in one transaction, and returns how many."""

    name: str
    prune: Callable[[int], int]
    count: Callable[[], int] | None = None
    """Counts the rows that wait to be removed, for the kinds that may be many."""


def list_rules(ledger: Ledger, keep: Configuration, now: datetime) -> Iterator[Rule]:
    """Return the rules in the order in which they are applied: what holds others back comes first."""
    yield from _batches_and_chords(ledger, keep, now)
    for state, period in kept_periods(keep).items():
        if period is not None:
            yield _jobs(ledger, state, now - period)
    yield _limits(ledger)
    yield from _results(ledger, now)
    if keep.keep_completed is not None:
        before = now - keep.keep_completed
        yield Rule(name="processes", prune=lambda limit: ledger.prune_processes(before, limit))
    if keep.keep_schedule_runs is not None:
        runs_before = now - keep.keep_schedule_runs
        yield Rule(name="schedule runs", prune=lambda limit: prune_runs(before=runs_before, limit=limit))
    if keep.keep_external_calls is not None:
        before_calls = now - keep.keep_external_calls
        yield Rule(name="external calls", prune=lambda limit: prune_external_calls(before_calls, limit))
    yield Rule(name="cache entries", prune=prune_entries)
    if keep.keep_events is not None:
        yield _events(now - keep.keep_events)


def kept_periods(keep: Configuration) -> dict[State, timedelta | None]:
    """Return how long ended jobs are kept, by their state."""
    return {
        State.COMPLETED: keep.keep_completed,
        State.CANCELLED: keep.keep_cancelled,
        State.DISCARDED: keep.keep_discarded,
    }


def batches_over_before(keep: Configuration, now: datetime) -> datetime | None:
    """Return the moment before which a batch without dead letters is over; None when they are kept for ever."""
    return _before(now, keep.keep_completed, keep.keep_cancelled)


def _batches_and_chords(ledger: Ledger, keep: Configuration, now: datetime) -> Iterator[Rule]:
    over = batches_over_before(keep, now)
    failed = _before(now, keep.keep_completed, keep.keep_cancelled, keep.keep_discarded)
    yield Rule(name="batches", prune=lambda limit: ledger.prune_batches(over, failed, limit))
    yield Rule(name="chords", prune=lambda limit: ledger.prune_chords(over, failed, limit))


def _jobs(ledger: Ledger, state: State, before: datetime) -> Rule:
    reached = BEGINNING

    def prune(limit: int) -> int:
        nonlocal reached
        with ledger.transaction():
            portion = ledger.prune_jobs(state, reached, before, limit)
        reached = portion.reached or reached  # what is left behind is waited for: it is not looked at again
        return portion.rows

    return Rule(name=f"{state.value} jobs", prune=prune, count=lambda: ledger.count_prunable(state, before))


def _limits(ledger: Ledger) -> Rule:
    reached = ""

    def prune(limit: int) -> int:
        nonlocal reached
        keys = ledger.find_idle_limits(reached, limit)  # outside of a transaction: it may look at many
        if not keys:
            return 0
        reached = keys[-1]
        with ledger.transaction():
            return ledger.prune_limits(keys)

    return Rule(name="limits", prune=prune)


def _results(ledger: Ledger, now: datetime) -> Iterator[Rule]:
    period = result_period()
    if period is None:
        return
    before = now - period

    def forget(limit: int) -> int:
        after = (ledger.find_reached(RESULTS_TURN) or BEGINNING + LATE) - LATE
        with ledger.transaction():
            portion = ledger.forget_results(after, before, limit)
            ledger.note_reached(RESULTS_TURN, before if portion.rows < limit else portion.reached or before)
        return portion.rows

    yield Rule(name="results", prune=forget)
    yield Rule(name="groups of results", prune=lambda limit: ledger.prune_groups(before, limit))


def result_period() -> timedelta | None:
    """Return how long results are kept, as CELERY_RESULT_EXPIRES says; None is for ever."""
    expires = current_app.conf.result_expires
    if not expires:
        return None
    return expires if isinstance(expires, timedelta) else timedelta(seconds=expires)


def _events(before: datetime) -> Rule:
    return Rule(
        name="live events",
        prune=lambda limit: prune_portion(before, limit),
        count=lambda: Event.objects.filter(created_at__lt=before).count(),
    )


def _before(now: datetime, *periods: timedelta | None) -> datetime | None:
    """Return the moment that lies the longest of the periods ago; None when one of them is for ever."""
    given = [period for period in periods if period is not None]
    return now - max(given) if len(given) == len(periods) else None
