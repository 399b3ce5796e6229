"""Clockify's detailed report: known by `Duration (h)` or `Duration (decimal)`, whatever the currency of its amounts."""

from __future__ import annotations

from workstate.apps.time_tracking.import_formats.base import Layout

CLOCKIFY = Layout(
    name="clockify",
    start_date=("start date",),
    start_time=("start time",),
    end_date=("end date",),
    end_time=("end time",),
    length=("duration (h)",),
    marks=frozenset({"duration (h)", "duration (decimal)"}),
)
