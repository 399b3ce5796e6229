"""Change and delete entries."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from workstate.apps.time_tracking.errors import EntryRefusedError
from workstate.apps.time_tracking.events import EventType, publish_entry
from workstate.apps.time_tracking.models import TimeEntry

if TYPE_CHECKING:
    from datetime import datetime

    from workstate.apps.time_tracking.models import Project

CLOCK_TOLERANCE = timedelta(minutes=1)


@transaction.atomic(durable=True)
def change_entry(  # noqa: PLR0913  keyword-only: one for each thing that can be changed
    entry: TimeEntry,
    *,
    description: str,
    project: Project | None,
    started_at: datetime | None = None,
    ended_at: datetime | None = None,
    now: datetime | None = None,
) -> TimeEntry:
    """Store an entry's new description, project and times; a time that is None stays as it is.

    Raises EntryRefusedError for a length of zero or less, for a timer that would start
    in the future, and for an entry that was deleted in the meantime.
    """
    current = TimeEntry.objects.select_for_update().filter(pk=entry.pk).first()
    if current is None:
        raise EntryRefusedError("description", "This entry was deleted elsewhere, so there is nothing left to change.")
    before = (current.description, current.project_id, current.started_at, current.ended_at)
    current.description = description.strip()
    current.project = project
    current.started_at = started_at or current.started_at
    current.ended_at = ended_at or current.ended_at
    _refuse_wrong_span(current.started_at, current.ended_at, now or timezone.now())
    if before != (current.description, current.project_id, current.started_at, current.ended_at):
        current.save()
        publish_entry(EventType.ENTRY_CHANGED, current)
    return current


@transaction.atomic(durable=True)
def delete_entry(entry: TimeEntry) -> bool:
    """Delete an entry with its time; False when it was deleted elsewhere already."""
    deleted, _ = TimeEntry.objects.filter(pk=entry.pk).delete()
    if deleted:
        publish_entry(EventType.ENTRY_CHANGED, entry)
    return bool(deleted)


def _refuse_wrong_span(started_at: datetime, ended_at: datetime | None, now: datetime) -> None:
    if ended_at is None:
        if started_at > now + CLOCK_TOLERANCE:
            raise EntryRefusedError("started_at", "A running timer can't start in the future.")
    elif ended_at == started_at:
        raise EntryRefusedError("ended_at", "Start and end are the same moment. Choose an end after the start.")
    elif ended_at < started_at:
        raise EntryRefusedError("ended_at", "The end lies before the start. Choose an end after the start.")
