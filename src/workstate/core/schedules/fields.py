"""Checks what a schedule is made of, before it is stored."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils import timezone
from kombu.utils.json import dumps

from workstate.core.schedules.errors import InvalidScheduleError
from workstate.core.schedules.models import Schedule
from workstate.core.schedules.time_zones import get_zone
from workstate.core.schedules.timings import Timing, parse_timing

EDITABLE = frozenset(
    {"name", "task", "args", "kwargs", "options", "timing", "time_zone", "starts_at"}
    | {"catch_up", "catch_up_window_seconds", "is_enabled"}
)
MOVES_NEXT_RUN = frozenset({"timing", "time_zone", "starts_at", "is_enabled"})


def set_fields(schedule: Schedule, fields: dict[str, Any]) -> set[str]:
    """Set checked values on the schedule and return the names of those that changed."""
    if unknown := fields.keys() - EDITABLE:
        raise InvalidScheduleError(f"A schedule has no {', '.join(sorted(unknown))} to set.", field=min(unknown))
    changed = set()
    for field, value in fields.items():
        checked = _check(field, value)
        if getattr(schedule, field) != checked:
            setattr(schedule, field, checked)
            changed.add(field)
    schedule.__dict__.pop("parsed_timing", None)
    return changed


def _check(field: str, value: Any) -> Any:
    match field:
        case "timing":
            return (value if isinstance(value, Timing) else parse_timing(value)).to_json()
        case "time_zone":
            return get_zone(value).key
        case "args" | "kwargs" | "options":
            return _check_arguments(field, value)
        case _:
            return _check_column(field, value)


def _check_arguments(field: str, value: Any) -> Any:
    stored = _as_stored(value, field=field)
    expected = list if field == "args" else dict
    if not isinstance(stored, expected):
        raise InvalidScheduleError(f"The {field} of a schedule are a {expected.__name__}, not {value!r}.", field=field)
    return stored


def _check_column(field: str, value: Any) -> Any:
    """Let the column itself judge: its type, length, range and choices."""
    column: Any = Schedule._meta.get_field(field)  # noqa: SLF001  Django's documented API for fields
    try:
        checked = column.clean(value.strip() if isinstance(value, str) else value, None)
    except ValidationError as error:
        raise InvalidScheduleError(f"{field} can't be {value!r}: {' '.join(error.messages)}", field=field) from error
    if isinstance(checked, datetime) and timezone.is_naive(checked):
        raise InvalidScheduleError(f"{field} needs an offset from UTC; {value!r} has none.", field=field)
    return checked


def _as_stored(value: object, *, field: str) -> Any:
    """Return the JSON form in which Celery's own messages would carry the value.

    Raises InvalidScheduleError for what has none.
    """
    try:
        return json.loads(dumps(value))
    except (TypeError, ValueError) as error:
        raise InvalidScheduleError(f"The {field} of a schedule are stored as JSON: {error}.", field=field) from error
