"""From wall-clock times to moments, through changes of daylight-saving time.

Two rules, the same for every timing that speaks of wall-clock times:

- A time that the clock skips in spring is due once, as much later as the clock jumps
  (02:30 becomes 03:30). If another due time falls on that very moment they are one.
- A time that the clock shows twice in autumn is due once, at the first showing. The
  exception are timings that are due in every hour: they go on through the second showing,
  for else they would pause for an hour.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from zoneinfo import ZoneInfo

# No zone changes its offset twice, nor by more, within a day.
AROUND = timedelta(days=1)


def wall_at(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return what a clock in the zone shows at the moment, as a naive datetime."""
    return moment.astimezone(zone).replace(tzinfo=None)


def moments_of(wall: datetime, zone: ZoneInfo, *, in_both_showings: bool = False) -> list[datetime]:
    """Return the moments, in UTC, at which a wall-clock time is due by the rules above."""
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return [first, second] if in_both_showings and second > first else [first]


def first_moment_after(
    moment: datetime,
    *,
    zone: ZoneInfo,
    walls_after: Callable[[datetime], Iterator[datetime]],
    in_both_showings: bool = False,
) -> datetime | None:
    """Return the earliest due moment strictly after the given one.

    `walls_after` yields wall-clock times strictly after a given one, in their order. Their
    moments may come in another order near a change of the offset, so there the search begins
    early and goes on until nothing later can come before what it has found.
    """
    best: datetime | None = None
    for wall in walls_after(_naive(moment) + min(_offsets_around(moment, zone))):
        if best is not None and wall >= _naive(best) + max(_offsets_around(best, zone)):
            break
        later = [due for due in moments_of(wall, zone, in_both_showings=in_both_showings) if due > moment]
        best = min(later, default=best) if best is None else min([best, *later])
        if best is not None and len(set(_offsets_around(best, zone))) == 1:
            break
    return best


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _offsets_around(moment: datetime, zone: ZoneInfo) -> list[timedelta]:
    offsets = (near.astimezone(zone).utcoffset() for near in (moment - AROUND, moment, moment + AROUND))
    return [offset for offset in offsets if offset is not None]
