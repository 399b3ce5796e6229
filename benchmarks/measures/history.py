"""What a long history costs those who claim, those who look, and those who prune."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any, ClassVar

from benchmarks import filling
from benchmarks.measures.base import Figure, SystemMeasure
from benchmarks.systems.base import VoidSampleError

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.sizes import Sizes
    from benchmarks.systems.base import System

CLAIM_EMPTY, CLAIM = "ms a claim of 8, no history", "ms a claim of 8"
PAGE, DEAD, GROUPS = "ms, page of jobs", "ms, page of dead letters", "ms, their groups"
PRUNED, PORTION = "rows/s pruned", "ms, worst portion"
CLAIMED_AT_ONCE = 8
QUEUE = "celery"


class History(SystemMeasure):
    """Millions of ended jobs in the table that is the queue too."""

    title = "A long history"
    method = (
        "{history:,} ended jobs, one in a hundred a dead letter, of {history_causes} causes, lean rows written by one statement; "
        "before and after it {claims} claims, then {lookups} times each page and the groups (the first ones read from disk), "
        "then {portions} portions of a thousand pruned; medians, no worker running. Not asked of the peers"
    )
    figures = (
        Figure(name=CLAIM_EMPTY, decimals=1),
        Figure(name=CLAIM, decimals=1),
        Figure(name=PAGE, decimals=1),
        Figure(name=DEAD, decimals=1),
        Figure(name=GROUPS, decimals=1),
        Figure(name=PRUNED),
        Figure(name=PORTION, decimals=0),
    )
    systems: ClassVar[tuple[str, ...]] = ("workstate_sqlite", "workstate_postgresql")

    def measure(self, system: System, sizes: Sizes) -> dict[str, float]:
        # Late: these need the system's settings.
        from workstate.core.jobs.filters import JobFilter
        from workstate.core.jobs.selectors import list_groups, list_jobs

        before = _milliseconds_of_claims(system, sizes)
        filling.fill_history(rows=sizes.history, causes=sizes.history_causes)
        dead_letters = JobFilter(dead_letters=True)
        figures = {
            CLAIM_EMPTY: before,
            CLAIM: _milliseconds_of_claims(system, sizes),
            PAGE: _median(sizes.lookups, lambda: list_jobs(JobFilter()).jobs),
            DEAD: _median(sizes.lookups, lambda: list_jobs(dead_letters).jobs),
            GROUPS: _median(sizes.lookups, list_groups),
        }
        portions = [_prune_portion() for _ in range(sizes.portions)]
        seconds = [taken for _, taken in portions]
        return {**figures, PRUNED: sum(rows for rows, _ in portions) / sum(seconds), PORTION: 1000 * max(seconds)}


def _milliseconds_of_claims(system: System, sizes: Sizes) -> float:
    from workstate.core.broker.holdings import Holdings
    from workstate.core.jobs.connections import ledger_alias, private_connection
    from workstate.core.jobs.ledger import ledger_on

    system.enqueue_bulk(sizes.claims * CLAIMED_AT_ONCE)
    holder = Holdings.of_process(ledger_alias()).process_id
    ledger = ledger_on(private_connection(ledger_alias()))
    return _median(sizes.claims, lambda: ledger.claim(holder, [QUEUE], CLAIMED_AT_ONCE))


def _prune_portion() -> tuple[int, float]:
    from workstate.core.jobs.connections import ledger_alias, private_connection
    from workstate.core.jobs.ledger import ledger_on
    from workstate.core.jobs.states import State
    from workstate.core.retention.pruner import PORTION_ROWS
    from workstate.core.retention.rules import BEGINNING

    ledger = ledger_on(private_connection(ledger_alias()))
    began = time.perf_counter()
    portion = ledger.prune_jobs(State.COMPLETED, BEGINNING, filling.NEWEST, PORTION_ROWS)
    return portion.rows, time.perf_counter() - began


def _median(times: int, look: Callable[[], list[Any]]) -> float:
    return statistics.median(_milliseconds(look) for _ in range(times))


def _milliseconds(look: Callable[[], list[Any]]) -> float:
    began = time.perf_counter()
    found = look()
    milliseconds = (time.perf_counter() - began) * 1000
    if not found:
        raise VoidSampleError("there was nothing to be found")
    return milliseconds
