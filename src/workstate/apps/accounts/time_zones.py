"""The time zones that a person may choose from."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones

NOT_PLACES = ("Etc/", "posix/", "right/", "SystemV/")


@cache
def list_time_zones() -> list[str]:
    """Return UTC and the zones that are named for a place, by name."""
    places = (name for name in available_timezones() if "/" in name and not name.startswith(NOT_PLACES))
    return ["UTC", *sorted(places)]


def find_time_zone(typed: str) -> str | None:
    """Return the zone that someone means who writes `europe/london` or `America/New York`."""
    return _zones_by_plain_name().get(_plain(typed))


@cache
def _zones_by_plain_name() -> dict[str, str]:
    return {_plain(name): name for name in list_time_zones()}


def _plain(name: str) -> str:
    return name.strip().replace(" ", "_").casefold()
