from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from workstate.core.jobs.models import Job
from workstate.core.live.models import Event
from workstate.core.schedules import selectors, services
from workstate.core.schedules.errors import (
    InvalidScheduleError,
    InvalidTimingError,
    ScheduleError,
    ScheduleKeptInCodeError,
    ScheduleNameTakenError,
    UnknownTimeZoneError,
)
from workstate.core.schedules.models import Schedule, ScheduleRun
from workstate.core.schedules.timings import Crontab

pytestmark = pytest.mark.django_db


def create(**fields):
    defaults = {"name": "report", "task": "tasks.report", "timing": {"crontab": "0 8 * * *"}}
    return services.create_schedule(**defaults | fields)


def test_a_new_schedule_runs_from_its_next_due_time_on():
    schedule = create(time_zone="Europe/Berlin", args=[1], kwargs={"to": "x"}, options={"queue": "report_queue"})

    schedule.refresh_from_db()
    assert schedule.next_run_at > timezone.now()
    assert schedule.next_run_at.astimezone(schedule.zone).strftime("%H:%M") == "08:00"
    assert schedule.source == "database"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"timing": {"crontab": "61 * * * *"}}, InvalidTimingError),
        ({"timing": {"every_seconds": 0}}, InvalidTimingError),
        ({"time_zone": "Europe/Atlantis"}, UnknownTimeZoneError),
        ({"time_zone": None}, UnknownTimeZoneError),
        ({"args": {"a": 1}}, InvalidScheduleError),
        ({"args": [object()]}, InvalidScheduleError),
        ({"kwargs": [1]}, InvalidScheduleError),
        ({"name": " "}, InvalidScheduleError),
        ({"name": "n" * 201}, InvalidScheduleError),
        ({"task": ""}, InvalidScheduleError),
        ({"catch_up": "perhaps"}, InvalidScheduleError),
        ({"catch_up_window_seconds": -1}, InvalidScheduleError),
        ({"catch_up_window_seconds": "an hour"}, InvalidScheduleError),
        ({"starts_at": "soon"}, InvalidScheduleError),
        ({"starts_at": datetime(2026, 1, 1)}, InvalidScheduleError),  # noqa: DTZ001  that is the mistake
        ({"is_enabled": "yes"}, InvalidScheduleError),
        ({"next_run_at": timezone.now()}, InvalidScheduleError),
        ({"colour": "red"}, InvalidScheduleError),
    ],
)
def test_what_can_not_be_stored_is_refused(fields, error):
    with pytest.raises(error) as caught:
        create(**fields)

    assert isinstance(caught.value, ScheduleError)
    assert str(caught.value)
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    "timing",
    [
        {"at": "2020-01-01T00:00"},
        {"rrule": "FREQ=DAILY;UNTIL=20200101"},
        {"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"},
    ],
)
def test_what_will_never_be_due_is_refused(timing):
    with pytest.raises(InvalidTimingError, match="never be due"):
        create(timing=timing)


def test_a_name_that_is_taken_is_refused():
    create()
    other = create(name="other")

    for taken in (create, lambda: services.update_schedule(other, name="report")):
        with pytest.raises(ScheduleNameTakenError, match="'report'"):
            taken()


def test_a_schedule_that_has_ended_can_be_switched_off():
    schedule = create()
    Schedule.objects.update(timing={"at": "2020-01-01T00:00"}, next_run_at=None)

    assert services.update_schedule(schedule, is_enabled=False).next_run_at is None


def test_arguments_keep_the_types_that_celery_messages_keep():
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    schedule = create(args=(moment,), kwargs={"period": (1, 2)})

    schedule.refresh_from_db()
    assert schedule.args == [{"__type__": "datetime", "__value__": "2026-01-01T00:00:00+00:00"}]
    assert schedule.kwargs == {"period": [1, 2]}


def test_new_times_count_from_now_and_catch_nothing_up():
    schedule = create()
    Schedule.objects.update(next_run_at=timezone.now() - timedelta(days=3), problem="it was halted")
    changed = services.update_schedule(schedule, timing=Crontab(minute="30"))

    assert changed.next_run_at > timezone.now()
    assert changed.next_run_at.minute == 30
    assert changed.problem == ""


def test_a_change_of_arguments_leaves_the_next_run_as_it_is():
    schedule = create()
    due = timezone.now() - timedelta(minutes=5)
    Schedule.objects.update(next_run_at=due)

    assert services.update_schedule(schedule, args=[7]).next_run_at == due


def test_a_change_does_not_undo_what_a_scheduler_did_meanwhile():
    schedule = create()
    Schedule.objects.update(total_runs=5, last_run_at=timezone.now())

    assert services.update_schedule(schedule, args=[7]).total_runs == 5


def test_switching_on_again_catches_nothing_up():
    schedule = create()
    services.update_schedule(schedule, is_enabled=False)
    Schedule.objects.update(next_run_at=timezone.now() - timedelta(days=3))

    assert services.update_schedule(schedule, is_enabled=True).next_run_at > timezone.now()


def test_who_paused_a_schedule_and_why_is_kept_until_it_is_on_again():
    schedule = create()
    services.pause_schedule(schedule, by="ada", reason="the moon is down")
    paused = services.pause_schedule(schedule, by="grace")
    assert (paused.is_enabled, paused.paused_by, paused.pause_reason) == (False, "ada", "the moon is down")
    assert paused.paused_at is not None

    resumed = services.resume_schedule(schedule, by="grace")
    assert (resumed.is_enabled, resumed.paused_at, resumed.paused_by, resumed.pause_reason) == (True, None, "", "")
    services.pause_schedule(schedule, by="ada")
    assert services.update_schedule(schedule, is_enabled=True).paused_by == ""


def test_pause_and_resume_of_a_schedule_are_told_to_those_who_operate_if_they_commit():
    schedule = create()
    services.pause_schedule(schedule, by="ada", reason="the moon is down")
    services.pause_schedule(schedule, by="grace")
    services.resume_schedule(schedule, by="grace")
    services.resume_schedule(schedule, by="ada")
    with transaction.atomic():
        services.pause_schedule(schedule, by="ada")
        transaction.set_rollback(True)

    assert list(Event.objects.order_by("offset").values_list("stream", "type", "data")) == [
        ("operations", "schedule.paused", {"schedule": "report", "by": "ada", "reason": "the moon is down"}),
        ("operations", "schedule.resumed", {"schedule": "report", "by": "grace"}),
    ]


def test_a_schedule_of_the_code_is_only_switched_on_and_off():
    schedule = create()
    Schedule.objects.update(source="code")
    schedule.refresh_from_db()

    assert services.update_schedule(schedule, is_enabled=False).is_enabled is False
    for forbidden in (lambda: services.update_schedule(schedule, args=[1]), lambda: services.delete_schedule(schedule)):
        with pytest.raises(ScheduleKeptInCodeError, match="report"):
            forbidden()


def test_a_deleted_schedule_takes_the_record_of_its_runs_along():
    schedule = create()
    services.run_now(schedule, lambda schedule, due_at: schedule.task_id_at(due_at))
    services.delete_schedule(schedule)

    assert not ScheduleRun.objects.exists()


def test_run_now_is_recorded_and_moves_nothing():
    schedule = create()
    run = services.run_now(schedule, lambda schedule, due_at: schedule.task_id_at(due_at))

    assert run.is_manual
    assert run.task_id == schedule.task_id_at(run.due_at)
    assert selectors.list_last_runs(schedule) == [run]
    assert Schedule.objects.get().next_run_at == schedule.next_run_at


def test_run_now_inserts_the_job_and_its_record_together():
    run = services.run_now(create(task="tasks.nobody_knows"))

    assert Job.objects.get().task_id == run.task_id


def test_the_preview_works_for_a_schedule_that_is_not_saved():
    schedule = Schedule(timing={"crontab": "3 3,16 * * *"}, starts_at=timezone.now())

    assert [
        run.strftime("%H:%M") for run in selectors.next_runs(schedule, 4, after=datetime(2026, 1, 1, tzinfo=UTC))
    ] == [
        "03:03",
        "16:03",
        "03:03",
        "16:03",
    ]


def test_the_preview_of_what_ends_is_short():
    schedule = Schedule(timing={"at": "2100-01-01T00:00"}, starts_at=timezone.now())

    assert len(selectors.next_runs(schedule, 5)) == 1


def test_old_runs_are_pruned_and_new_ones_kept():
    schedule, now = create(), timezone.now()
    for days in range(4):
        ScheduleRun.objects.create(
            schedule=schedule,
            due_at=now - timedelta(days=days),
            outcome="missed",
            recorded_at=now - timedelta(days=days),
        )

    assert services.prune_runs(before=now - timedelta(days=1, hours=12)) == 2
    assert ScheduleRun.objects.count() == 2


def test_schedules_of_unknown_tasks_are_listed():
    known, unknown = create(name="known", task="tasks.known"), create(name="unknown", task="tasks.gone")
    create(name="off", task="tasks.gone", is_enabled=False)

    assert selectors.list_schedules_of_unknown_tasks({known.task}) == [unknown]
