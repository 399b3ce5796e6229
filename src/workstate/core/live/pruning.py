"""Removes history that no client can still be waiting for."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import router, transaction
from django.utils import timezone

from workstate.core.live.models import Event, Stream

RETENTION = timedelta(days=1)
BATCH_SIZE = 1000


def prune_events(*, older_than: timedelta = RETENTION, now: datetime | None = None) -> int:
    """Delete events older than the retention, and the streams that fell silent by it; return the count of events.

    Oldest first, in short transactions. A client that comes back from before is told to reload, and
    so is one whose stream was deleted and began anew in another epoch.
    """
    cutoff = (now or timezone.now()) - older_than
    pruned = 0
    while portion := prune_portion(cutoff, BATCH_SIZE):
        pruned += portion
    return pruned


def prune_portion(cutoff: datetime, limit: int) -> int:
    """Delete the oldest `limit` events, as far as they are from before `cutoff`, in one transaction; return how many."""
    with transaction.atomic(using=router.db_for_write(Event)):
        oldest = Event.objects.order_by("id").values_list("id", "stream", "created_at")[:limit]
        expired = [(event_id, stream) for event_id, stream, created_at in oldest if created_at < cutoff]
        Event.objects.filter(id__in=[event_id for event_id, _ in expired]).delete()
        _delete_silent({stream for _, stream in expired})
    return len(expired)


def _delete_silent(streams: set[str]) -> None:
    """Delete those of the streams whose last event is gone; one that is locked is being published to."""
    rows = Stream.objects.select_for_update(skip_locked=True).filter(name__in=streams, offset__gt=0)
    names = {row.name for row in rows}
    alive = set(Event.objects.filter(stream__in=names).values_list("stream", flat=True).distinct())
    Stream.objects.filter(name__in=names - alive).delete()
