"""Timings: when something is due, as values that can be stored, compared and asked for the next due time.

`crontab`, `every_seconds`, `at` and `rrule` each have a sibling module here; `base` is what they share.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from celery import schedules

from workstate.core.schedules.errors import InvalidTimingError
from workstate.core.schedules.timings.base import Timing
from workstate.core.schedules.timings.crontab import Crontab
from workstate.core.schedules.timings.interval import Interval
from workstate.core.schedules.timings.one_off import OneOff
from workstate.core.schedules.timings.recurrence import Recurrence

__all__ = ["Crontab", "Interval", "OneOff", "Recurrence", "Timing", "parse_timing", "timing_from_celery"]

KINDS: dict[str, type[Timing]] = {kind.key: kind for kind in (Crontab, Interval, OneOff, Recurrence)}


def parse_timing(stored: object) -> Timing:
    """Read a timing from its JSON form.

    Raises InvalidTimingError, which names the field that is wrong.
    """
    if not isinstance(stored, dict):
        raise InvalidTimingError(f"A timing is an object with one of {_listed_keys()}, not {stored!r}.")
    keys = KINDS.keys() & stored.keys()
    if len(keys) != 1:
        raise InvalidTimingError(f"A timing has exactly one of {_listed_keys()}; {stored!r} has {len(keys)}.")
    return KINDS[keys.pop()].from_json(stored)


def timing_from_celery(schedule: object, *, is_relative: bool = False) -> Timing:
    """Translate what CELERY_BEAT_SCHEDULE may hold: seconds, a timedelta, a crontab or a `schedule`.

    Raises InvalidTimingError for solar schedules and classes of a project's own: they have no
    form that could be stored.
    """
    match schedule:
        case Timing():
            return schedule
        case schedules.crontab():
            return Crontab.from_celery(schedule)
        case schedules.solar():
            raise InvalidTimingError(
                "Solar schedules are not supported; use a crontab, or let the task look at the sun."
            )
        case schedules.schedule():
            return Interval(every=cast("Any", schedule).run_every, is_rounded=is_relative or bool(schedule.relative))
        case timedelta():
            return Interval(every=schedule, is_rounded=is_relative)
        case int() | float() if not isinstance(schedule, bool):
            return Interval(every=timedelta(seconds=schedule), is_rounded=is_relative)
        case _:
            raise InvalidTimingError(f"{schedule!r} is not a schedule; use seconds, a timedelta or a crontab.")


def _listed_keys() -> str:
    return ", ".join(sorted(KINDS))
