"""The measures by name, in the order in which a run takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.measures.audience import Audience
from benchmarks.measures.backlog import Backlog
from benchmarks.measures.bulk import Bulk
from benchmarks.measures.drain import Drain
from benchmarks.measures.enqueue import Enqueue
from benchmarks.measures.footprint import Footprint
from benchmarks.measures.history import History
from benchmarks.measures.idle import Idle
from benchmarks.measures.latency import Latency
from benchmarks.measures.outage import Outage
from benchmarks.measures.replay import Replay
from benchmarks.measures.rescue import Rescue
from benchmarks.measures.schedules import Schedules
from benchmarks.measures.small import Small
from benchmarks.measures.timer_page import TimerPage

if TYPE_CHECKING:
    from benchmarks.measures.base import Measure

ALL: dict[str, Measure] = {
    "drain": Drain(),
    "enqueue": Enqueue(),
    "bulk": Bulk(),
    "small": Small(),
    "latency": Latency(),
    "idle": Idle(),
    "backlog": Backlog(),
    "schedules": Schedules(),
    "replay": Replay(),
    "rescue": Rescue(),
    "outage": Outage(),
    "history": History(),
    "footprint": Footprint(),
    "timer_page": TimerPage(),
    "audience": Audience(),
}
