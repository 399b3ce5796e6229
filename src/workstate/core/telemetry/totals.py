"""The table in which the tallies of all processes add up."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workstate.core.jobs.ledger import Ledger

ROWS_AT_ONCE = 500


def add_to_totals(ledger: Ledger, counted: Sequence[tuple[tuple[str, str, str, str], float]]) -> None:
    """Add counts to their totals by one statement, so all of them or none.

    They come sorted: two processes that add to the same rows lock them in the same order.
    """
    now = ledger.now()
    rows = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(counted))
    ledger.execute(
        "INSERT INTO workstate_metric (metric, task, queue, detail, total, updated_at)"  # noqa: S608  marks for values
        f" VALUES {rows} ON CONFLICT (metric, task, queue, detail) DO UPDATE"
        " SET total = workstate_metric.total + excluded.total, updated_at = excluded.updated_at",
        list(chain.from_iterable((*tally, count, now) for tally, count in counted)),
    )
