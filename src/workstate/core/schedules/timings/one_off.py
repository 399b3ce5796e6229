"""Once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Self

from workstate.core.schedules.errors import InvalidTimingError
from workstate.core.schedules.timings import wall_clock
from workstate.core.schedules.timings.base import Timing

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOff(Timing):
    """Due once: at a moment, or when the clock in the schedule's zone shows `at` if that has no offset."""

    key: ClassVar[str] = "at"

    at: datetime

    @classmethod
    def from_json(cls, stored: dict[str, object]) -> Self:
        """Read {"at": "2026-12-24T18:00"} or {"at": "2026-12-24T18:00:00+01:00"}."""
        try:
            return cls(at=datetime.fromisoformat(str(stored[cls.key])))
        except ValueError as error:
            raise InvalidTimingError(
                f"{stored[cls.key]!r} is not a date and time; write 2026-12-24T18:00, with an offset if you like.",
                field=cls.key,
            ) from error

    def to_json(self) -> dict[str, object]:
        """Give the ISO form."""
        return {self.key: self.at.isoformat()}

    def next_after(self, moment: datetime, *, zone: ZoneInfo, starts_at: datetime) -> datetime | None:
        """Return its moment until that has come."""
        [due] = [self.at.astimezone(UTC)] if self.at.tzinfo else wall_clock.moments_of(self.at, zone)
        return due if due > moment else None

    def __str__(self) -> str:
        return f"once at {self.at.isoformat(sep=' ')}"
