"""Recurrence rules of calendars (RFC 5545), computed by python-dateutil."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

from dateutil import rrule

from workstate.core.schedules.errors import InvalidTimingError
from workstate.core.schedules.timings import wall_clock
from workstate.core.schedules.timings.base import Timing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

# A rule that is silent for so long has ended; without an end dateutil searches to the year 9999.
HORIZON = timedelta(days=50 * 366)

UNTIL_IN_UTC = re.compile(r"UNTIL=(\d{8}T\d{6})Z", re.IGNORECASE)
UNTIL_FORMAT = "%Y%m%dT%H%M%S"

STEPS = {
    rrule.WEEKLY: timedelta(weeks=1),
    rrule.DAILY: timedelta(days=1),
    rrule.HOURLY: timedelta(hours=1),
    rrule.MINUTELY: timedelta(minutes=1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence(Timing):
    """Due by a rule such as FREQ=MONTHLY;BYDAY=2TU;BYHOUR=9;BYMINUTE=0, in wall-clock time from `starts_at` on."""

    key: ClassVar[str] = "rrule"

    rule: str

    def __post_init__(self) -> None:
        if "DTSTART" in self.rule.upper() or "\n" in self.rule.strip():
            raise InvalidTimingError("Give one rule without DTSTART; a schedule has its own start.", field=self.key)
        if "COUNT=" in self.rule.upper() and "UNTIL=" in self.rule.upper():
            raise InvalidTimingError("A rule ends by COUNT or by UNTIL, not by both.", field=self.key)
        frequency = _parse(self.rule, datetime(2000, 1, 1))._freq  # noqa: DTZ001, SLF001  a wall-clock time; dateutil has no other way to ask
        if frequency == rrule.SECONDLY:
            raise InvalidTimingError("FREQ=SECONDLY is not supported; use every_seconds.", field=self.key)

    @classmethod
    def from_json(cls, stored: dict[str, object]) -> Self:
        """Read {"rrule": "FREQ=WEEKLY;BYDAY=MO"}, with or without `RRULE:` before it."""
        return cls(rule=str(stored[cls.key]).strip().removeprefix("RRULE:"))

    def to_json(self) -> dict[str, object]:
        """Give the rule as text."""
        return {self.key: self.rule}

    def next_after(self, moment: datetime, *, zone: ZoneInfo, starts_at: datetime) -> datetime | None:
        """Return the rule's first occurrence after the moment; None when the rule has ended."""
        start = wall_clock.wall_at(starts_at, zone).replace(microsecond=0)
        rule = _parse(UNTIL_IN_UTC.sub(lambda match: _until_in(zone, match[1]), self.rule), start)
        return wall_clock.first_moment_after(
            moment,
            zone=zone,
            walls_after=lambda wall: self._walls_after(rule, wall),
            in_both_showings=_is_due_in_every_hour(rule),
        )

    def __str__(self) -> str:
        return f"recurring {self.rule}"

    @staticmethod
    def _walls_after(rule: Any, wall: datetime) -> Iterator[datetime]:
        near = _forwarded(rule, wall)
        end = max(wall, near._dtstart) + HORIZON  # noqa: SLF001  dateutil has no other way to ask
        if near._until is None or near._until > end:  # noqa: SLF001  the same
            near = near.replace(until=end) if near._count is None else near  # noqa: SLF001  the same
        yield from near.xafter(wall)


def _is_due_in_every_hour(rule: Any) -> bool:
    if rule._freq not in {rrule.HOURLY, rrule.MINUTELY} or rule._original_rule.get("byhour"):  # noqa: SLF001  dateutil has no other way to ask
        return False
    return bool(STEPS[rule._freq] * rule._interval <= timedelta(hours=1))  # noqa: SLF001  the same


def _until_in(zone: ZoneInfo, stamp: str) -> str:
    until = datetime.strptime(stamp, UNTIL_FORMAT).replace(tzinfo=UTC)
    return f"UNTIL={wall_clock.wall_at(until, zone).strftime(UNTIL_FORMAT)}"


@lru_cache(maxsize=4096)
def _parse(rule: str, start: datetime) -> Any:
    try:
        parsed = rrule.rrulestr(UNTIL_IN_UTC.sub(r"UNTIL=\1", rule), dtstart=start)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidTimingError(f"{rule!r} is not a recurrence rule: {error}", field=Recurrence.key) from error
    if parsed._interval < 1:  # noqa: SLF001  dateutil accepts 0 and then never returns
        raise InvalidTimingError(f"{rule!r} has an INTERVAL below one.", field=Recurrence.key)
    return parsed


def _forwarded(rule: Any, wall: datetime) -> Any:
    """Move the rule's start towards the wall-clock time by whole intervals, so that old rules are not replayed."""
    step = STEPS.get(rule._freq)  # noqa: SLF001  dateutil has no other way to ask
    if step is None or rule._count is not None or wall <= rule._dtstart:  # noqa: SLF001  the same
        return rule
    interval = step * rule._interval  # noqa: SLF001  the same
    skipped = max((wall - rule._dtstart) // interval - 1, 0)  # noqa: SLF001  the same
    return rule.replace(dtstart=rule._dtstart + skipped * interval)  # noqa: SLF001  the same
