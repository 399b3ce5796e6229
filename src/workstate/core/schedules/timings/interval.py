"""Every so often, in absolute time: an hour is an hour on the day of a clock change as well."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from celery.utils.time import delta_resolution

from workstate.core.schedules.errors import InvalidTimingError
from workstate.core.schedules.timings.base import Timing

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval(Timing):
    """Due at `starts_at` and every `every` from there.

    `is_rounded` is Celery's `relative=True`: the count begins at the full day, hour, minute
    or second before `starts_at`, the largest of these that is not above the interval.
    """

    key: ClassVar[str] = "every_seconds"

    every: timedelta
    is_rounded: bool = False

    def __post_init__(self) -> None:
        if self.every <= timedelta(0):
            raise InvalidTimingError(f"An interval must be above zero, not {self.every}.", field=self.key)

    @classmethod
    def from_json(cls, stored: dict[str, object]) -> Self:
        """Read {"every_seconds": 300}, with "is_rounded" if wanted."""
        seconds = stored[cls.key]
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise InvalidTimingError(f"every_seconds must be a number, not {seconds!r}.", field=cls.key)
        try:
            every = timedelta(seconds=seconds)
        except (OverflowError, ValueError) as error:
            raise InvalidTimingError(f"every_seconds can't be {seconds!r}: {error}.", field=cls.key) from error
        return cls(every=every, is_rounded=bool(stored.get("is_rounded", False)))

    def to_json(self) -> dict[str, object]:
        """Give whole seconds as an integer."""
        seconds = self.every.total_seconds()
        stored: dict[str, object] = {self.key: int(seconds) if seconds.is_integer() else seconds}
        return stored | ({"is_rounded": True} if self.is_rounded else {})

    def next_after(self, moment: datetime, *, zone: ZoneInfo, starts_at: datetime) -> datetime | None:
        """Return the first multiple of the interval after the moment; an interval never ends."""
        origin = self._origin(starts_at, zone)
        passed = max((moment - origin) // self.every, -1)
        try:
            return origin + (passed + 1) * self.every
        except OverflowError:
            return None  # beyond the year 9999

    def __str__(self) -> str:
        return f"every {self.every}"

    def _origin(self, starts_at: datetime, zone: ZoneInfo) -> datetime:
        if not self.is_rounded:
            return starts_at.astimezone(UTC)
        round_down = cast("Any", delta_resolution)
        return cast("datetime", round_down(starts_at.astimezone(zone), self.every)).astimezone(UTC)
