"""All models of the core, gathered where Django looks for them."""

from workstate.core.cache.models import CacheEntry, CacheRegime
from workstate.core.external.models import ExternalCall
from workstate.core.jobs.history import Attempt, Intervention, Notice
from workstate.core.jobs.models import Batch, Chord, Job, Process
from workstate.core.live.models import Event, Stream
from workstate.core.schedules.models import Schedule, ScheduleRun
from workstate.core.telemetry.models import MetricTotal

__all__ = [
    "Attempt",
    "Batch",
    "CacheEntry",
    "CacheRegime",
    "Chord",
    "Event",
    "ExternalCall",
    "Intervention",
    "Job",
    "MetricTotal",
    "Notice",
    "Process",
    "Schedule",
    "ScheduleRun",
    "Stream",
]
