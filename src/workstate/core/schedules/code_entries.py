"""Keeps the schedules of CELERY_BEAT_SCHEDULE in step with their rows."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import router, transaction
from django.db.models import Q
from django.utils import timezone

from workstate.core.schedules.errors import InvalidScheduleError, ScheduleError
from workstate.core.schedules.fields import MOVES_NEXT_RUN, set_fields
from workstate.core.schedules.models import Schedule
from workstate.core.schedules.timings import timing_from_celery

if TYPE_CHECKING:
    from collections.abc import Mapping

logger = logging.getLogger(__name__)

SETTING = "CELERY_BEAT_SCHEDULE"
CELERY_KEYS = frozenset({"task", "schedule", "args", "kwargs", "options", "relative"})
OWN_KEYS = frozenset({"time_zone", "catch_up", "catch_up_window_seconds"})

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """What a sync changed, by name."""

    added: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()


def read_entries(entries: Mapping[str, Mapping[str, Any]], *, time_zone: str) -> dict[str, Fields]:
    """Translate entries as Celery takes them into the fields of schedules.

    An entry may also have `time_zone`, `catch_up` and `catch_up_window_seconds`; without a zone
    of its own it gets the given one. Raises a ScheduleError that names the entry.
    """
    return {name: _read_entry(name, entry, time_zone) for name, entry in entries.items()}


def sync_entries(entries: Mapping[str, Fields]) -> SyncResult:
    """Add, change and remove the rows of schedules that are kept in code.

    Whether one is switched on is left as it is, so that an operator can stop a schedule of the
    code; an entry whose times did not change keeps its next run, so that what was missed is
    caught up. Any number of schedulers may do this at once.
    """
    with transaction.atomic(using=router.db_for_write(Schedule)):
        rows = {
            row.name: row for row in Schedule.objects.filter(Q(source="code") | Q(name__in=entries)).select_for_update()
        }
        removed = {name for name, row in rows.items() if row.source == Schedule.Source.CODE} - entries.keys()
        Schedule.objects.in_code().filter(name__in=removed).delete()
        added = [_new_row(name, fields) for name, fields in entries.items() if name not in rows]
        Schedule.objects.bulk_create(added, ignore_conflicts=True)
        changed = {name for name in entries.keys() & rows.keys() if _change_row(rows[name], entries[name])}
    return SyncResult(
        added=frozenset(row.name for row in added), changed=frozenset(changed), removed=frozenset(removed)
    )


def _read_entry(name: str, entry: Mapping[str, Any], time_zone: str) -> Fields:
    try:
        return _fields_of(entry, time_zone)
    except ScheduleError as error:
        raise InvalidScheduleError(f"{SETTING}[{name!r}]: {error}", field=name) from error


def _fields_of(entry: Mapping[str, Any], time_zone: str) -> Fields:
    if unknown := entry.keys() - CELERY_KEYS - OWN_KEYS:
        raise InvalidScheduleError(f"There is no setting {', '.join(sorted(unknown))} here.", field=min(unknown))
    if missing := {"task", "schedule"} - entry.keys():
        raise InvalidScheduleError(f"It needs {', '.join(sorted(missing))}.", field=min(missing))
    fields = {
        "task": entry["task"],
        "timing": timing_from_celery(entry["schedule"], is_relative=bool(entry.get("relative"))),
        "args": list(entry.get("args") or ()),
        "kwargs": entry.get("kwargs") or {},
        "options": entry.get("options") or {},
        "time_zone": entry.get("time_zone") or time_zone,
        "catch_up": entry.get("catch_up") or Schedule.CatchUp.RUN_ONCE,
        "catch_up_window_seconds": entry.get("catch_up_window_seconds"),
    }
    set_fields(Schedule(), fields)
    return fields


def _new_row(name: str, fields: Fields) -> Schedule:
    now = timezone.now()
    row = Schedule(source=Schedule.Source.CODE)
    set_fields(row, {"name": name, "starts_at": now} | fields)
    row.next_run_at = row.next_due_after(now)
    return row


def _change_row(row: Schedule, fields: Fields) -> bool:
    if row.source != Schedule.Source.CODE:
        row.problem = f"{SETTING} has an entry of the same name, which does not run; rename one of them."
        logger.error("Schedule %s: %s", row.name, row.problem)
        row.save(update_fields=["problem"])
        return False
    changed = set_fields(row, fields)
    if changed & MOVES_NEXT_RUN:
        row.next_run_at, row.problem = row.next_due_after(timezone.now()), ""
    if changed:
        row.save()
    return bool(changed)
