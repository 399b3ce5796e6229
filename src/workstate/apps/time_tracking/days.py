"""Days as a person lives them: from midnight to midnight in their own zone, 23 to 25 hours long.

An entry that crosses midnight counts on each day with the part that lies in it. So the
totals of days add up to the lengths of the entries, and a night shift from Sunday to
Monday is split between the two weeks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

DAYS_IN_WEEK = 7
# Time tracked outside of these is a slip of the finger, and calendars end not far beyond.
EARLIEST_DAY = date(1970, 1, 1)
LATEST_DAY = date(2199, 12, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPart:
    """The piece of a span that lies in one day; both ends are in UTC."""

    day: date
    started_at: datetime
    ended_at: datetime

    @property
    def length(self) -> timedelta:
        """How much time passed, whatever the clocks on the wall did."""
        return self.ended_at - self.started_at


def zone_of(name: str) -> ZoneInfo:
    """Return the zone of that IANA name, or UTC when this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """Return when `day` begins, in UTC; where the clock jumps over midnight, when it lands."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """Return the date on the wall calendar at `moment`."""
    return moment.astimezone(zone).date()


def is_trackable(day: date) -> bool:
    """Whether time can have been tracked on that day."""
    return EARLIEST_DAY <= day <= LATEST_DAY


def week_start(day: date) -> date:
    """Return the Monday of that week."""
    return day - timedelta(days=day.weekday())


def split_by_day(started_at: datetime, ended_at: datetime, zone: ZoneInfo) -> Iterator[DayPart]:
    """Yield the parts of a span by local day, in order; together they are exactly the span."""
    start = started_at.astimezone(UTC)
    end = ended_at.astimezone(UTC)
    while start < end:
        day = day_of(start, zone)
        part_end = min(end, _next_day_start(day, zone, after=start))
        yield DayPart(day=day, started_at=start, ended_at=part_end)
        start = part_end


def _next_day_start(day: date, zone: ZoneInfo, *, after: datetime) -> datetime:
    """Return when the day after `day` begins, later than `after`.

    Zones have skipped a whole date (Samoa, 30 December 2011) and turned the clock back
    over midnight: then the next midnight may not lie ahead, and the one after it does.
    """
    following = day + timedelta(days=1)
    while (start := day_start(following, zone)) <= after:
        following += timedelta(days=1)
    return start
