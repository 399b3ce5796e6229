"""Times as a clock on the wall shows them, turned into moments.

Twice a year a wall clock lies: in spring an hour does not exist, in autumn one comes twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


def moments_of(local: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return the moments, in UTC and in order, at which a clock in `zone` shows `local`: none, one or two."""
    candidates = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(moment for moment in candidates if moment.astimezone(zone).replace(tzinfo=None) == local)


def moments_or_shifted(local: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return `moments_of`, and for an hour that does not exist the moment a clock not yet set forward shows it."""
    return moments_of(local, zone) or [local.replace(tzinfo=zone, fold=0).astimezone(UTC)]


def resolve_span(
    start: datetime, end: datetime | None, zone: ZoneInfo, length: timedelta | None = None
) -> tuple[datetime, datetime]:
    """Return both ends of a span as moments in UTC; without `end`, it is `length` long.

    Where a wall clock allows several readings, the one that fits `length` is taken, else
    the earliest start and the first end after it. The end may still lie before the start.
    """
    if end is None:
        started_at = moments_or_shifted(start, zone)[0]
        return started_at, started_at + (length or timedelta())
    readings = [
        (started_at, ended_at)
        for started_at in moments_or_shifted(start, zone)
        for ended_at in moments_or_shifted(end, zone)
    ]
    fitting = [span for span in readings if span[1] - span[0] == length]
    forward = [span for span in readings if span[1] > span[0]]
    return (fitting or forward or readings)[0]
