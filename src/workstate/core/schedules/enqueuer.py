"""Enqueues what is due, exactly once, however many schedulers run.

Of a batch of due schedules, in one transaction:

1. their rows are locked; those that another scheduler has in hand are left alone;
2. the due times that are to run are worked out (`catch_up`);
3. `next_run_at` moves on, if it still is what was read;
4. a job is enqueued for each due time, with a task id that follows from schedule and due time;
5. each due time is recorded under its unique key (schedule, due time), as a duplicate when another
   job holds the unique key of the task.

Each step is one statement for the whole batch. When the database refuses one of them, the batch
is rolled back and done again one by one, so that the others do not suffer from the one.

A scheduler that dies on the way leaves nothing of it behind, and the next one begins again
at 1. Looking for due rows is a range scan of a partial index: it costs what is due, not how
many schedules there are.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, router, transaction
from kombu.exceptions import OperationalError as BrokerError

from workstate.core.jobs.enqueue import enqueue as enqueue_jobs
from workstate.core.jobs.enqueue import gathering
from workstate.core.jobs.uniqueness import noting_firsts
from workstate.core.schedules.catch_up import Plan, plan_runs
from workstate.core.schedules.errors import ScheduleError
from workstate.core.schedules.models import Schedule, ScheduleRun
from workstate.core.schedules.moving_on import MoveOn, move_on_one_by_one, move_on_together
from workstate.core.telemetry import emit
from workstate.core.telemetry.catalogue import ScheduleHalted, ScheduleMissed, ScheduleRefused

if TYPE_CHECKING:
    from workstate.core.jobs.records import NewJob
    from workstate.core.telemetry import Event

logger = logging.getLogger(__name__)

BATCH_SIZE = 100
# The database or the broker is away: nothing is wrong with the schedule, and it is tried again.
OUTAGE_ERRORS = (OperationalError, InterfaceError, BrokerError, ConnectionError, TimeoutError)

Enqueue = Callable[[Schedule, datetime], str]
"""Enqueues the schedule's task for one due time with `task_id_at` that time, and returns this id.

Returns the id of another job when that one holds the task's unique key.
"""

EnqueueRuns = Callable[[list[ScheduleRun]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What one look at the schedules did, in due times."""

    enqueued: int = 0
    duplicates: int = 0
    missed: int = 0
    refused: int = 0
    lost: int = 0
    schedules: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


class ScheduleEnqueuer:
    """Enqueues the jobs of due schedules."""

    def __init__(self, enqueue: Enqueue, *, batch_size: int = BATCH_SIZE) -> None:
        self._enqueue = enqueue
        self._batch_size = batch_size

    def tick(self, now: datetime) -> Tick:
        """Enqueue everything that is due, a batch to a transaction.

        Raises one of OUTAGE_ERRORS when the database or the broker is away; what was not
        committed by then is still due.
        """
        done = Tick()
        while _is_something_due(now):
            batch = self._enqueue_batch(now)
            done += batch
            if batch.schedules < self._batch_size:
                break
        return done

    def _enqueue_batch(self, now: datetime) -> Tick:
        try:
            return self._work_off(now, move_on=move_on_together, enqueue=self._enqueue_together)
        except OUTAGE_ERRORS:
            raise
        except Exception:
            # Whatever the database refuses, or Celery does to the transaction: it is the doing of one schedule.
            logger.warning("The due schedules could not be enqueued together; now one by one", exc_info=True)
            return self._work_off(now, move_on=move_on_one_by_one, enqueue=self._enqueue_one_by_one)

    def _work_off(self, now: datetime, *, move_on: MoveOn, enqueue: EnqueueRuns) -> Tick:
        with transaction.atomic(using=router.db_for_write(Schedule), durable=True):
            due = list(Schedule.objects.due(now).locked_for_enqueuing()[: self._batch_size])
            plans = {schedule: plan for schedule in due if (plan := _plan(schedule, now)) is not None}
            moved = move_on(plans)
            wanted = [run for schedule in moved for run in _runs_of(schedule, plans[schedule], now)]
            runs = _without_recorded(wanted)
            enqueue([run for run in runs if run.outcome == ScheduleRun.Outcome.ENQUEUED])
            ScheduleRun.objects.bulk_create(runs)
        return _counted(runs) + Tick(
            schedules=len(due),
            refused=len(due) - len(plans),
            lost=len(plans) - len(moved) + len(wanted) - len(runs),
        )

    def _enqueue_together(self, runs: list[ScheduleRun]) -> None:
        """Have Celery make all messages, then insert them as jobs by one statement."""
        jobs: list[NewJob] = []
        for run in runs:
            try:
                with gathering() as gathered:
                    self._enqueue(run.schedule, run.due_at)
            except (*OUTAGE_ERRORS, DatabaseError):
                raise
            except Exception as error:  # noqa: BLE001  whatever is wrong with one schedule must not stop the others
                _refuse(run, error)
            else:
                jobs += gathered
        if jobs:
            with noting_firsts() as firsts:
                enqueue_jobs(jobs)
            for run in runs:
                run.note_job(firsts.get(run.task_id, run.task_id))

    def _enqueue_one_by_one(self, runs: list[ScheduleRun]) -> None:
        for run in runs:
            try:
                with transaction.atomic(using=router.db_for_write(Schedule)):
                    run.note_job(self._enqueue(run.schedule, run.due_at))
            except OUTAGE_ERRORS:
                raise
            except Exception as error:  # noqa: BLE001  whatever is wrong with one schedule must not stop the others
                _refuse(run, error)


def _is_something_due(now: datetime) -> bool:
    # Not exists(): that drops the order, and PostgreSQL then may read the whole table to find nothing.
    return Schedule.objects.due(now).values("pk").first() is not None


def _refuse(run: ScheduleRun, error: Exception) -> None:
    """Note on the run and its schedule why Celery would not take it."""
    _emit_after_commit(ScheduleRefused(schedule=run.schedule.name, due_at=run.due_at, error=repr(error)))
    run.outcome, run.task_id, run.reason = ScheduleRun.Outcome.REFUSED, "", repr(error)
    Schedule.objects.filter(pk=run.schedule_id).update(problem=run.reason)


def _plan(schedule: Schedule, now: datetime) -> Plan | None:
    """Work out what to do with a due schedule; one that can't be worked out halts and says why.

    It has no next run then, until it is saved with valid times.
    """
    try:
        return plan_runs(schedule, now)
    except ScheduleError as error:
        _emit_after_commit(ScheduleHalted(schedule=schedule.name, error=str(error)))
        Schedule.objects.filter(pk=schedule.pk).update(next_run_at=None, problem=str(error))
        return None


def _runs_of(schedule: Schedule, plan: Plan, now: datetime) -> Iterator[ScheduleRun]:
    """Yield the runs to record: the missed stretch, then each due time that is to be enqueued."""
    if plan.missed is not None:
        missed = ScheduleMissed(schedule=schedule.name, count=plan.missed.count, since=plan.missed.since)
        _emit_after_commit(missed)
        yield ScheduleRun(
            schedule=schedule,
            due_at=plan.missed.since,
            outcome=ScheduleRun.Outcome.MISSED,
            missed_count=plan.missed.count,
            recorded_at=now,
        )
    for due_at in plan.due:
        yield ScheduleRun(
            schedule=schedule,
            due_at=due_at,
            outcome=ScheduleRun.Outcome.ENQUEUED,
            task_id=schedule.task_id_at(due_at),
            recorded_at=now,
        )


def _emit_after_commit(event: Event) -> None:
    transaction.on_commit(lambda: emit(event), using=router.db_for_write(Schedule))


def _without_recorded(runs: list[ScheduleRun]) -> list[ScheduleRun]:
    """Leave out due times that were dealt with before: somebody set the schedule back by hand."""
    recorded = set(
        ScheduleRun.objects.filter(
            schedule__in={run.schedule_id for run in runs}, due_at__in={run.due_at for run in runs}
        ).values_list("schedule_id", "due_at")
    )
    return [run for run in runs if (run.schedule_id, run.due_at) not in recorded]


def _counted(runs: list[ScheduleRun]) -> Tick:
    outcomes = Counter(run.outcome for run in runs)
    return Tick(
        enqueued=outcomes[ScheduleRun.Outcome.ENQUEUED],
        duplicates=outcomes[ScheduleRun.Outcome.DUPLICATE],
        refused=outcomes[ScheduleRun.Outcome.REFUSED],
        missed=sum(run.missed_count for run in runs),
    )
