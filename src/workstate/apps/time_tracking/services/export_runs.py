"""Carry out an export on a worker: all entries of the period into one CSV file.

The file is UTF-8 with a byte order mark, because spreadsheets take a CSV without one for
Windows-1252 and spoil every name that is not English. It is written beside its place and
moved there whole, so that a killed worker leaves nothing that could be downloaded.
Timers that still run are left out: they have no end yet.
"""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from workstate.apps.time_tracking import files
from workstate.apps.time_tracking.days import day_start, zone_of
from workstate.apps.time_tracking.durations import decimal_hours, format_exact
from workstate.apps.time_tracking.events import EventType, publish_transfer
from workstate.apps.time_tracking.models import Export, TimeEntry
from workstate.apps.time_tracking.pacing import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from zoneinfo import ZoneInfo

    from workstate.apps.time_tracking.querysets import TimeEntryQuerySet

    ReportProgress = Callable[[int, int | None, str], None]

FETCHED_ROWS = 1000
STOPPED = "The export stopped at an error that nobody expected. “Go on” makes the file anew."
HEADER = (
    "Date",
    "Start",
    "End",
    "Duration",
    "Hours",
    "Project",
    "Description",
    "Person",
    "Email",
    "Started at",
    "Ended at",
)
# A spreadsheet may run a cell that begins so; the wide forms are what some of them take for the same.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  they are meant


def carry_out(public_id: str, *, report_progress: ReportProgress) -> Export:
    """Write the file of that export and put it in its place; run again, it is written anew."""
    export = Export.objects.select_related("organisation", "person", "project").get(public_id=public_id)
    if export.state == Export.State.COMPLETED:
        return export
    entries = entries_of(export)
    _begin(export, entries.count())
    path = files.export_path(export.public_id)
    with files.replacing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
        _write(export, entries, text, report_progress)
        text.detach()
    _complete(export, path.stat().st_size)
    return export


def entries_of(export: Export) -> TimeEntryQuerySet:
    """Return the ended entries that start in the export's days, oldest first."""
    zone = zone_of(export.person.time_zone)
    entries = TimeEntry.objects.filter(
        person=export.person,
        organisation=export.organisation,
        started_at__gte=day_start(export.first_day, zone),
        started_at__lt=day_start(export.last_day + timedelta(days=1), zone),
    ).ended()
    if export.project:
        entries = entries.filter(project=export.project)
    return entries.select_related("project", "person").order_by("started_at", "id")


@transaction.atomic
def give_up(public_id: str) -> None:
    """End an export whose job failed for good as failed, unless it has ended."""
    export = Export.objects.open().filter(public_id=public_id).first()
    if export is None:
        return
    export.state = Export.State.FAILED
    export.error = STOPPED
    export.ended_at = timezone.now()
    export.save(update_fields=["state", "error", "ended_at"])
    publish_transfer(EventType.EXPORT_FAILED, export)


def neutralise(value: str) -> str:
    """Return a cell that no spreadsheet runs as a formula: an apostrophe before what could be one."""
    return f"'{value}" if value.startswith(FORMULA_STARTS) else value


@transaction.atomic
def _begin(export: Export, total_rows: int) -> None:
    export.state = Export.State.RUNNING
    export.total_rows = total_rows
    export.done_rows = 0
    export.save(update_fields=["state", "total_rows", "done_rows"])
    publish_transfer(EventType.EXPORT_PROGRESSED, export, done=0)


def _write(export: Export, entries: TimeEntryQuerySet, text: io.TextIOWrapper, report_progress: ReportProgress) -> None:
    zone = zone_of(export.person.time_zone)
    writer = csv.writer(text)
    writer.writerow(HEADER)
    pacer = Pacer()
    for number, entry in enumerate(entries.iterator(chunk_size=FETCHED_ROWS), start=1):
        writer.writerow(_cells(entry, zone))
        if number % FETCHED_ROWS == 0 and pacer.is_due():
            _progress(export, number)
            report_progress(number, export.total_rows, f"{number} entries written")


def _cells(entry: TimeEntry, zone: ZoneInfo) -> Sequence[str]:
    assert entry.ended_at is not None
    start, end = entry.started_at.astimezone(zone), entry.ended_at.astimezone(zone)
    length = entry.ended_at - entry.started_at
    own: Iterable[str] = (
        entry.project.name if entry.project else "",
        entry.description,
        str(entry.person),
        entry.person.email,
    )
    return [
        f"{start:%Y-%m-%d}",
        f"{start:%H:%M:%S}",
        f"{end:%H:%M:%S}",
        format_exact(length),
        decimal_hours(length),
        *map(neutralise, own),
        start.isoformat(timespec="seconds"),
        end.isoformat(timespec="seconds"),
    ]


@transaction.atomic
def _progress(export: Export, done_rows: int) -> None:
    export.done_rows = done_rows
    export.save(update_fields=["done_rows"])
    publish_transfer(EventType.EXPORT_PROGRESSED, export, done=done_rows)


@transaction.atomic
def _complete(export: Export, file_size: int) -> None:
    export.state = Export.State.COMPLETED
    export.done_rows = export.total_rows or 0
    export.file_size = file_size
    export.ended_at = timezone.now()
    export.save(update_fields=["state", "done_rows", "file_size", "ended_at"])
    publish_transfer(EventType.EXPORT_COMPLETED, export, done=export.done_rows)
