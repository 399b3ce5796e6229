"""What Workstate promises of its own speed, compared with what a run found. Nothing is asserted, all is printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.measures import (
    audience,
    backlog,
    bulk,
    drain,
    enqueue,
    footprint,
    idle,
    latency,
    outage,
    schedules,
    small,
    timer_page,
)
from benchmarks.measures.base import PRODUCT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.run import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit of one figure of one system, at least or at most, as it is or relative to the baseline's."""

    measure: str
    system: str
    figure: str
    limit: float
    at_least: bool = False
    relative: bool = False

    def found(self, results: Results) -> float | None:
        """Return what the run found, None where it did not measure it."""
        outcome = results.outcomes.get(self.measure, {}).get(self.system)
        if outcome is None:
            return None
        if self.relative:
            return results.ratio(self.measure, self.system, self.figure)
        return outcome.median(self.figure)

    def holds(self, found: float) -> bool:
        """Tell whether the figure keeps within the limit."""
        return found >= self.limit if self.at_least else found <= self.limit

    def __str__(self) -> str:
        unit = " × baseline" if self.relative else ""
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}{unit}"


def budgets() -> Iterator[Budget]:
    """Yield the budgets of the embedded mode, of PostgreSQL, of the full mode and of the product as a whole."""
    yield Budget(measure="drain", system="workstate_sqlite", figure=drain.RATE, limit=3, at_least=True, relative=True)
    yield Budget(
        measure="drain", system="workstate_postgresql", figure=drain.RATE, limit=2, at_least=True, relative=True
    )
    yield Budget(measure="drain", system="workstate_full", figure=drain.RATE, limit=1, at_least=True, relative=True)
    for system in ("workstate_sqlite", "workstate_postgresql", "workstate_full"):
        yield Budget(measure="small", system=system, figure=small.RATE, limit=10, at_least=True, relative=True)
    yield Budget(measure="outage", system="workstate_apart", figure=outage.OVER_WORST, limit=5)
    yield Budget(measure="outage", system="workstate_apart", figure=outage.BACK_WORST, limit=10)
    for system in ("workstate_sqlite", "workstate_postgresql"):
        for figure in (enqueue.EACH, enqueue.TOGETHER):
            yield Budget(measure="enqueue", system=system, figure=figure, limit=1.5, at_least=True, relative=True)
        yield Budget(measure="bulk", system=system, figure=bulk.RATE, limit=20, at_least=True, relative=True)
        yield Budget(measure="latency", system=system, figure=latency.MEDIAN, limit=2)
        yield Budget(measure="latency", system=system, figure=latency.TAIL, limit=10)
        yield Budget(measure="idle", system=system, figure=idle.PROCESSOR, limit=1)
        yield Budget(measure="backlog", system=system, figure=backlog.RATIO, limit=0.7, at_least=True)
        yield Budget(measure="schedules", system=system, figure=schedules.MEDIAN, limit=100)
    yield Budget(measure="footprint", system=PRODUCT, figure=footprint.MEMORY, limit=350)
    yield Budget(measure="footprint", system=PRODUCT, figure=footprint.WARM, limit=5)
    for system, kibibytes in {"live_sqlite": 40, "live_postgresql": 40, "live_redis": 40, "live_stream": 50}.items():
        yield Budget(measure="audience", system=system, figure=audience.TAIL, limit=100)
        yield Budget(measure="audience", system=system, figure=audience.MEMORY, limit=kibibytes)
    yield Budget(measure="timer_page", system=PRODUCT, figure=timer_page.TAIL, limit=100)
