"""What happened, said once: typed events, the log that is written from them, and metrics.

    something happens ──emit──▶ dispatcher ──▶ the log subscriber: one line, stable fields
                                          └──▶ tallies: workstate_events_total ──every 3 s──▶ workstate_metric
    a job ends ──commit──▶ tallies: celery_task_… ──────────────────────────────▶ workstate_metric ──▶ /metrics

- `catalogue`: every event. `dispatcher`: from those who emit to those who subscribe. `log`: the text.
- `tallies`: what this process counted since it last wrote. `totals`: the table where all processes add up.
- `collector` and `views`: `/metrics` for Prometheus.

When things fail: a subscriber that raises is logged and the others hear the event. Tallies are counted in memory, so
that counting costs a job nothing in the database, and added to the table every 3 s by the thread that keeps the
lease: what a process counted in its last seconds before `kill -9` is missing from the metrics. The jobs themselves
are in the ledger. While the database is away tallies are kept and added when it is back.
"""

from workstate.core.telemetry.dispatcher import emit, subscribe, unsubscribe
from workstate.core.telemetry.event import Event

__all__ = ["Event", "emit", "subscribe", "unsubscribe"]
