"""Toggl Track's detailed report: `Start date`, `Start time`, and `End …` or, in its newer form, `Stop …`."""

from __future__ import annotations

from workstate.apps.time_tracking.import_formats.base import Layout

TOGGL = Layout(
    name="toggl",
    start_date=("start date",),
    start_time=("start time",),
    end_date=("end date", "stop date"),
    end_time=("end time", "stop time"),
    length=("duration",),
    marks=frozenset({"duration", "stop time"}),
)
