"""Start, stop, change and discard the one running timer of a person.

The database allows one running entry for a person. Two starts at the same moment may
both find nothing to stop; then one insert is refused, and that start runs again from its
beginning, where it sees the other's timer and stops it like any former one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from workstate.apps.time_tracking.events import EventType, publish_entry
from workstate.apps.time_tracking.models import TimeEntry

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable
    from datetime import datetime

    from workstate.apps.accounts.models import Organisation, User
    from workstate.apps.time_tracking.models import Project
    from workstate.apps.time_tracking.querysets import TimeEntryQuerySet

START_ATTEMPTS = 5
SHORTEST_LENGTH = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedTimer:
    """The timer that runs now, and the one that was stopped for it."""

    entry: TimeEntry
    stopped: TimeEntry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedTimer:
    """The timer that was meant, if it is still there, and whether this call ended it."""

    entry: TimeEntry | None
    was_running: bool


def start_timer(  # noqa: PLR0913  keyword-only: one for each thing that can be given
    *,
    person: User,
    organisation: Organisation,
    description: str = "",
    project: Project | None = None,
    public_id: uuid.UUID | None = None,
    now: datetime | None = None,
) -> StartedTimer:
    """Start a timer, and stop the one that ran.

    `public_id` is the id that the page gave this start: sent twice while its timer runs,
    it starts once.
    """
    fields = {"person": person, "organisation": organisation, "description": description.strip(), "project": project}
    for _ in range(START_ATTEMPTS - 1):
        try:
            return _start_once(fields, public_id, now or timezone.now())
        except IntegrityError:
            continue  # the other start has committed: this one now finds its timer
    return _start_once(fields, public_id, now or timezone.now())


@transaction.atomic(durable=True)
def stop_timer(
    *, person: User, organisation: Organisation, public_id: uuid.UUID, now: datetime | None = None
) -> EndedTimer:
    """Stop that timer; one that was stopped elsewhere stays as it is."""
    entry = _own(person, organisation, public_id).running().first()
    if entry is None or not _end(entry, now or timezone.now()):
        return EndedTimer(entry=_own(person, organisation, public_id).first(), was_running=False)
    publish_entry(EventType.TIMER_STOPPED, entry)
    return EndedTimer(entry=entry, was_running=True)


@transaction.atomic(durable=True)
def discard_timer(*, person: User, organisation: Organisation, public_id: uuid.UUID) -> EndedTimer:
    """Delete that timer with its time; one that was stopped elsewhere has become an entry and is kept."""
    entry = _own(person, organisation, public_id).running().select_for_update().first()
    if entry is None:
        return EndedTimer(entry=_own(person, organisation, public_id).first(), was_running=False)
    entry.delete()
    publish_entry(EventType.TIMER_DISCARDED, entry)
    return EndedTimer(entry=entry, was_running=True)


@transaction.atomic(durable=True)
def _start_once(fields: dict[str, Any], public_id: uuid.UUID | None, now: datetime) -> StartedTimer:
    entry = TimeEntry(**fields, started_at=now)
    if public_id and (same := TimeEntry.objects.filter(public_id=public_id).first()):
        if same.is_running and same.person == entry.person and same.organisation == entry.organisation:
            return StartedTimer(entry=same, stopped=None)
    elif public_id:
        entry.public_id = public_id
    stopped = _stop_all(TimeEntry.objects.running().filter(person=entry.person), now)
    entry.save(force_insert=True)
    if stopped:
        publish_entry(EventType.TIMER_STOPPED, stopped)
    publish_entry(EventType.TIMER_STARTED, entry)
    return StartedTimer(entry=entry, stopped=stopped)


def _stop_all(running: Iterable[TimeEntry], now: datetime) -> TimeEntry | None:
    stopped = None
    for entry in running:
        if _end(entry, now):
            stopped = entry
    return stopped


def _end(entry: TimeEntry, now: datetime) -> bool:
    """Give a running entry its end; False when it was ended or discarded in the meantime."""
    # A clock that was set back must not keep anyone from stopping.
    ended_at = max(now, entry.started_at + SHORTEST_LENGTH)
    changed = TimeEntry.objects.running().filter(pk=entry.pk).update(ended_at=ended_at, updated_at=now)
    if changed:
        entry.ended_at = ended_at
    return bool(changed)


def _own(person: User, organisation: Organisation, public_id: uuid.UUID) -> TimeEntryQuerySet:
    entries: TimeEntryQuerySet = TimeEntry.objects.visible_to(person, organisation).filter(public_id=public_id)
    return entries
