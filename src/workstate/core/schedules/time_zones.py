"""Time zones by name."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workstate.core.schedules.errors import UnknownTimeZoneError


def get_zone(name: str) -> ZoneInfo:
    """Return the zone of that name; raise UnknownTimeZoneError when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError) as error:  # a folder of zones, a path, no text
        raise UnknownTimeZoneError(name) from error
