"""Everything that people and programs do to schedules."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from celery import current_app
from django.db import router, transaction
from django.utils import timezone

from workstate.core.jobs.records import storable_reason
from workstate.core.live import publish
from workstate.core.schedules.celery_enqueue import CeleryEnqueue
from workstate.core.schedules.errors import InvalidTimingError, ScheduleKeptInCodeError, ScheduleNameTakenError
from workstate.core.schedules.fields import MOVES_NEXT_RUN, set_fields
from workstate.core.schedules.models import Schedule, ScheduleRun
from workstate.core.telemetry import emit
from workstate.core.telemetry.catalogue import SchedulePaused, ScheduleResumed
from workstate.core.wakeup import hint

if TYPE_CHECKING:
    from datetime import datetime

    from workstate.core.schedules.enqueuer import Enqueue
    from workstate.core.schedules.timings import Timing

CHANNEL = "workstate_schedules"
STREAM = "operations"

PRUNED_AT_ONCE = 1000


def create_schedule(*, name: str, task: str, timing: Timing | dict[str, object], **fields: Any) -> Schedule:
    """Store a schedule and let it run from its next due time on.

    `fields` are those of Schedule that a person may edit. Raises a ScheduleError for what can't be stored.
    """
    schedule = Schedule()
    set_fields(schedule, {"name": name, "task": task, "timing": timing, "starts_at": timezone.now()} | fields)
    _check_name_is_free(schedule)
    schedule.next_run_at = _next_run(schedule)
    schedule.save(force_insert=True)
    _announce_change()
    return schedule


def update_schedule(schedule: Schedule, **fields: Any) -> Schedule:
    """Change a schedule; a running scheduler follows at once.

    A change of its times lets it run from the next due time on, and catches nothing up. Raises
    ScheduleKeptInCodeError for more than switching a schedule of the code on or off.
    """
    if schedule.source == Schedule.Source.CODE and fields.keys() - {"is_enabled"}:
        raise ScheduleKeptInCodeError(schedule.name)
    with transaction.atomic(using=router.db_for_write(Schedule)):
        current = Schedule.objects.select_for_update().get(pk=schedule.pk)
        changed = set_fields(current, fields)
        if "name" in changed:
            _check_name_is_free(current)
        if changed & MOVES_NEXT_RUN:
            current.next_run_at = _next_run(current)
            current.problem = ""
        if current.is_enabled:
            current.paused_at, current.paused_by, current.pause_reason = None, "", ""
        current.save()
    _announce_change()
    return current


def pause_schedule(schedule: Schedule, *, by: str, reason: str = "") -> Schedule:
    """Switch a schedule off, one of the code as well, and keep who did it and why; it stays off until it is resumed.

    One that is off stays as it is: the first pause is returned.
    """
    alias = router.db_for_write(Schedule)
    by, reason = storable_reason(by), storable_reason(reason)
    with transaction.atomic(using=alias):
        current = Schedule.objects.select_for_update().get(pk=schedule.pk)
        if not current.is_enabled:
            return current
        pause = {"paused_at": timezone.now(), "paused_by": by, "pause_reason": reason}
        Schedule.objects.filter(pk=current.pk).update(**pause)
        paused = update_schedule(current, is_enabled=False)
        publish(STREAM, "schedule.paused", {"schedule": paused.name, "by": by, "reason": reason})
        event = SchedulePaused(schedule=paused.name, by=by, reason=reason)
        transaction.on_commit(lambda: emit(event), using=alias)
    return paused


def resume_schedule(schedule: Schedule, *, by: str) -> Schedule:
    """Switch a schedule on again: it runs from its next due time on, and what it slept through is not caught up.

    One that is on stays as it is.
    """
    alias = router.db_for_write(Schedule)
    by = storable_reason(by)
    with transaction.atomic(using=alias):
        current = Schedule.objects.select_for_update().get(pk=schedule.pk)
        if current.is_enabled:
            return current
        resumed = update_schedule(current, is_enabled=True)
        publish(STREAM, "schedule.resumed", {"schedule": resumed.name, "by": by})
        event = ScheduleResumed(schedule=resumed.name, by=by)
        transaction.on_commit(lambda: emit(event), using=alias)
    return resumed


def delete_schedule(schedule: Schedule) -> None:
    """Remove a schedule and the record of its runs; jobs that it enqueued stay.

    Raises ScheduleKeptInCodeError for a schedule of the code: the next start would bring it back.
    """
    if schedule.source == Schedule.Source.CODE:
        raise ScheduleKeptInCodeError(schedule.name)
    schedule.delete()


def run_now(schedule: Schedule, enqueue: Enqueue | None = None) -> ScheduleRun:
    """Enqueue the schedule's task at once, beside its due times, and record that it was asked for.

    When another job holds the unique key of the task, that one stands for it, and the run is a duplicate.

    Without `enqueue` it goes through the current Celery application.
    """
    if enqueue is None:
        with closing(CeleryEnqueue(current_app)) as enqueue_in_celery:
            return run_now(schedule, enqueue_in_celery)
    now = timezone.now()
    with transaction.atomic(using=router.db_for_write(Schedule)):
        run = ScheduleRun(
            schedule=schedule,
            due_at=now,
            outcome=ScheduleRun.Outcome.ENQUEUED,
            is_manual=True,
            task_id=schedule.task_id_at(now),
            recorded_at=now,
        )
        run.note_job(enqueue(schedule, now))
        run.save(force_insert=True)
    return run


def prune_runs(*, before: datetime, limit: int = PRUNED_AT_ONCE) -> int:
    """Forget what became of up to `limit` due times recorded before a moment; return how many."""
    batch = ScheduleRun.objects.recorded_before(before).values_list("pk", flat=True)[:limit]
    return ScheduleRun.objects.filter(pk__in=list(batch)).delete()[0]


def _check_name_is_free(schedule: Schedule) -> None:
    """Give the good message; the unique column is what holds."""
    if Schedule.objects.filter(name=schedule.name).exclude(pk=schedule.pk).exists():
        raise ScheduleNameTakenError(schedule.name)


def _next_run(schedule: Schedule) -> datetime | None:
    next_run_at = schedule.next_due_after(timezone.now())
    if next_run_at is None and schedule.is_enabled:
        raise InvalidTimingError(f"A schedule that runs {schedule.parsed_timing} will never be due.", field="timing")
    return next_run_at


def _announce_change() -> None:
    """Wake the schedulers when the caller's transaction has committed."""
    hint(router.db_for_write(Schedule), CHANNEL)
