"""Crontab fields with the meaning that they have in Celery.

Unlike in Unix cron a day must match `day_of_month` **and** `day_of_week`, and `*/27` in the
field of minutes means the minutes that 27 divides: :00, :27 and :54.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

from celery import schedules

from workstate.core.schedules.errors import InvalidTimingError
from workstate.core.schedules.timings import wall_clock
from workstate.core.schedules.timings.base import Timing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from zoneinfo import ZoneInfo

HOURS_IN_A_DAY = 24
FIELDS = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
REFUSALS = (schedules.ParseException, ValueError, TypeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crontab(Timing):
    """Due at every wall-clock minute that all five fields match."""

    key: ClassVar[str] = "crontab"

    minute: str = "*"
    hour: str = "*"
    day_of_month: str = "*"
    month_of_year: str = "*"
    day_of_week: str = "*"

    def __post_init__(self) -> None:
        try:
            crontab = self._celery_crontab
        except REFUSALS as error:
            raise _explained(self, error) from error
        for name in FIELDS:
            if not getattr(crontab, name):
                raise InvalidTimingError(f"The crontab's {name} {getattr(self, name)!r} matches nothing.", field=name)

    @classmethod
    def from_json(cls, stored: dict[str, object]) -> Self:
        """Read {"crontab": "3 3,16 * * *"}: minute, hour, day of month, month, day of week."""
        values = str(stored[cls.key]).split()
        if len(values) != len(FIELDS):
            raise InvalidTimingError(
                f"A crontab has five fields (minute, hour, day of month, month, day of week); "
                f"{stored[cls.key]!r} has {len(values)}.",
                field=cls.key,
            )
        return cls(**dict(zip(FIELDS, values, strict=True)))

    @classmethod
    def from_celery(cls, crontab: schedules.crontab) -> Self:
        """Take the fields as they were given to `celery.schedules.crontab`."""
        return cls(**{name: _as_text(getattr(crontab, f"_orig_{name}")) for name in FIELDS})

    def to_json(self) -> dict[str, object]:
        """Give the fields in the order of a crontab file."""
        return {self.key: str(self).removeprefix("crontab ")}

    def next_after(self, moment: datetime, *, zone: ZoneInfo, starts_at: datetime) -> datetime | None:
        """Return the first matching minute after the moment, as clocks in the zone show it."""
        return wall_clock.first_moment_after(
            moment,
            zone=zone,
            walls_after=self._walls_after,
            in_both_showings=len(self._celery_crontab.hour) == HOURS_IN_A_DAY,
        )

    def __str__(self) -> str:
        return f"crontab {self.minute} {self.hour} {self.day_of_month} {self.month_of_year} {self.day_of_week}"

    @property
    def _celery_crontab(self) -> Any:
        return _celery_crontab(self.minute, self.hour, self.day_of_month, self.month_of_year, self.day_of_week)

    def _walls_after(self, wall: datetime) -> Iterator[datetime]:
        crontab = self._celery_crontab
        while True:
            # Celery reckons in a zone; in UTC its reckoning is about the clock's face alone.
            start, step, _ = crontab.remaining_delta(wall.replace(tzinfo=UTC), tz=UTC)
            wall = (start + step).replace(tzinfo=None)
            yield wall


def _explained(crontab: Crontab, error: Exception) -> InvalidTimingError:
    """Find the field that Celery refuses; if it takes each alone, the day does not occur in the months."""
    for name in FIELDS:
        keywords: dict[str, Any] = {name: getattr(crontab, name)}
        try:
            schedules.crontab(**keywords)
        except REFUSALS as refusal:
            return InvalidTimingError(f"The crontab's {name} can't be {keywords[name]!r}: {refusal}", field=name)
    return InvalidTimingError(str(error), field="day_of_month")


def _as_text(field: int | str | Iterable[int]) -> str:
    if isinstance(field, int):
        return str(field)
    if isinstance(field, str):
        return "".join(field.split())
    return ",".join(str(number) for number in sorted(field))


@lru_cache(maxsize=4096)
def _celery_crontab(minute: str, hour: str, day_of_month: str, month_of_year: str, day_of_week: str) -> Any:
    crontab: Any = schedules.crontab(
        minute=minute,
        hour=hour,
        day_of_month=day_of_month,
        month_of_year=month_of_year,
        day_of_week=day_of_week,
        nowfun=lambda: datetime.now(UTC),
    )
    crontab.tz = UTC
    return crontab
