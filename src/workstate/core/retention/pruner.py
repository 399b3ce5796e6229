"""The agent that forgets: one worker at a time, a little at a time."""

from __future__ import annotations

import logging
import random
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

from django.db import Error as DatabaseError
from django.db import connections

from workstate.core.broker.control import control_store
from workstate.core.configuration import configuration
from workstate.core.jobs import clock
from workstate.core.jobs.connections import close_private_connections, private_connection, publishing_on
from workstate.core.jobs.endings import enqueue_due
from workstate.core.jobs.interruptions import uninterrupted
from workstate.core.jobs.ledger import Ledger, ledger_on
from workstate.core.retention.rules import RESULTS_TURN, TURN, batches_over_before, list_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from workstate.core.retention.rules import Rule

logger = logging.getLogger(__name__)

TURN_EVERY = timedelta(minutes=1)
PORTION_ROWS = 1000
PAUSE_SECONDS = 0.05
"""Between two portions, so that others come to write."""
STOP_PATIENCE_SECONDS = 3.0


@dataclass(slots=True)
class PruningReport:
    """What one turn has removed, and how long it kept others waiting at most."""

    rows: dict[str, int] = field(default_factory=dict)
    portions: int = 0
    largest_portion_rows: int = 0
    longest_portion_seconds: float = 0.0

    def note(self, name: str, rows: int, seconds: float) -> None:
        """Add a portion."""
        self.rows[name] = self.rows.get(name, 0) + rows
        self.portions += 1
        self.largest_portion_rows = max(self.largest_portion_rows, rows)
        self.longest_portion_seconds = max(self.longest_portion_seconds, seconds)


def count_prunable(alias: str) -> dict[str, int]:
    """Return how many jobs and live events a pruner would remove now, by kind."""
    rules = list_rules(ledger_on(private_connection(alias)), configuration(), clock.now())
    return {rule.name: rule.count() for rule in rules if rule.count is not None}


class Pruner:
    """Takes the turn when it is due, and prunes in a thread of its own until it is told to stop."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="workstate-pruner", daemon=True)

    def start(self) -> None:
        """Begin; the first turn comes within a minute."""
        self._thread.start()

    def stop(self) -> None:
        """End after the portion at hand."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_PATIENCE_SECONDS)

    def take_turn(self) -> PruningReport | None:
        """Prune when nobody has done so for a minute; returns what was removed, or None when it is not this one's turn.

        Raises django.db.Error when the database is away.
        """
        ledger = self._ledger()
        return self.prune() if ledger.take_turn(TURN, TURN_EVERY) else None

    def prune(self) -> PruningReport:
        """Remove everything whose time is over, in portions, and end batches that were overlooked or abandoned."""
        ledger = self._ledger()
        ledger.take_turn(RESULTS_TURN, TURN_EVERY)  # makes the row that keeps how far it came
        report = PruningReport()
        self._end_overlooked_batches(ledger)
        self._end_abandoned_batches(ledger)
        for rule in list_rules(ledger, configuration(), clock.now()):
            self._apply(rule, ledger, report)
        with uninterrupted:
            control_store(self._alias).collect()
        return report

    def _apply(self, rule: Rule, ledger: Ledger, report: PruningReport) -> None:
        rows = PORTION_ROWS
        while rows >= PORTION_ROWS and not self._stopping.is_set():
            began = monotonic()
            with uninterrupted:
                rows = rule.prune(PORTION_ROWS)
            report.note(rule.name, rows, monotonic() - began)
            if rows >= PORTION_ROWS:
                ledger.keep_turn(TURN, TURN_EVERY)
                self._stopping.wait(PAUSE_SECONDS)

    def _end_overlooked_batches(self, ledger: Ledger) -> None:
        with ledger.transaction(), publishing_on(ledger.connection):
            enqueue_due(ledger, ledger.end_overlooked_batches())

    def _end_abandoned_batches(self, ledger: Ledger) -> None:
        before = batches_over_before(configuration(), clock.now())
        if before is None:
            return
        with ledger.transaction(), publishing_on(ledger.connection):
            abandoned = ledger.end_abandoned_batches(before)
            enqueue_due(ledger, abandoned)
        for batch in abandoned:
            logger.warning("Batch %s was never sealed, and nothing came since %s: it is over.", batch.batch_id, before)

    def _ledger(self) -> Ledger:
        return ledger_on(private_connection(self._alias))

    def _run(self) -> None:
        try:
            while not self._stopping.wait(TURN_EVERY.total_seconds() * random.uniform(0.5, 1.0)):  # noqa: S311  no secret
                self._attempt(self.take_turn)
        finally:
            close_private_connections()
            connections.close_all()

    def _attempt(self, step: Callable[[], PruningReport | None]) -> None:
        try:
            report = step()
        except DatabaseError as error:
            close_private_connections()
            connections.close_all()
            logger.warning("History was not pruned, the database does not answer; the next turn tries again: %s", error)
        except Exception:
            # Nothing that one turn raises may end the agent: the ledger would grow without bound.
            logger.exception("History was not pruned; the next turn tries again.")
        else:
            if report is not None and any(report.rows.values()):
                removed = ", ".join(f"{rows} {name}" for name, rows in report.rows.items() if rows)
                logger.info("Pruned %s; the longest portion took %.3f s.", removed, report.longest_portion_seconds)
