from datetime import timedelta

import pytest
from celery.beat import BeatLazyFunc
from celery.schedules import crontab
from django.utils import timezone

from workstate.core.schedules import services
from workstate.core.schedules.code_entries import SyncResult, read_entries, sync_entries
from workstate.core.schedules.errors import InvalidScheduleError
from workstate.core.schedules.models import Schedule

pytestmark = pytest.mark.django_db


def sync(**entries):
    return sync_entries(read_entries(entries, time_zone="UTC"))


def entry(schedule=60, **keys):
    return {"task": "tasks.work", "schedule": schedule, **keys}


def test_a_new_entry_becomes_a_row():
    result = sync(
        ppm={
            "task": "facility.create_ppm_job",
            "schedule": crontab(minute=3, hour="3,16"),
            "args": (1, "x"),
            "kwargs": {"site": 7},
            "options": {"queue": "high_priority", "expires": 60},
        }
    )

    assert result == SyncResult(added=frozenset({"ppm"}))
    row = Schedule.objects.get(name="ppm")
    assert (row.source, row.task, row.timing) == ("code", "facility.create_ppm_job", {"crontab": "3 3,16 * * *"})
    assert (row.args, row.kwargs, row.options) == ([1, "x"], {"site": 7}, {"queue": "high_priority", "expires": 60})
    assert row.next_run_at > timezone.now()


def test_an_entry_may_have_a_zone_and_a_rule_of_its_own():
    sync(mail=entry(crontab(hour=7, minute=0), time_zone="Asia/Tokyo", catch_up="skip", catch_up_window_seconds=30))

    row = Schedule.objects.get()
    assert (row.time_zone, row.catch_up, row.catch_up_window_seconds) == ("Asia/Tokyo", "skip", 30)
    assert (row.next_run_at.hour, row.next_run_at.minute) == (22, 0)


def test_without_a_zone_of_its_own_an_entry_has_that_of_celery():
    sync_entries(read_entries({"mail": entry(crontab(hour=7))}, time_zone="Europe/Berlin"))

    assert Schedule.objects.get().time_zone == "Europe/Berlin"


def test_an_unchanged_entry_keeps_its_next_run_so_that_it_is_caught_up():
    sync(work=entry())
    due = timezone.now() - timedelta(hours=1)
    Schedule.objects.update(next_run_at=due)

    assert sync(work=entry()) == SyncResult()
    assert Schedule.objects.get().next_run_at == due


def test_a_changed_time_counts_from_now():
    sync(work=entry())
    Schedule.objects.update(next_run_at=timezone.now() - timedelta(hours=1))

    assert sync(work=entry(crontab(minute=5))) == SyncResult(changed=frozenset({"work"}))
    assert Schedule.objects.get().next_run_at > timezone.now()


def test_a_changed_argument_leaves_the_next_run():
    sync(work=entry())
    before = Schedule.objects.get().next_run_at

    assert sync(work=entry(args=[5])).changed == {"work"}
    row = Schedule.objects.get()
    assert (row.args, row.next_run_at) == ([5], before)


def test_a_removed_entry_removes_its_row_and_no_other():
    services.create_schedule(name="by hand", task="tasks.work", timing={"every_seconds": 60})
    sync(work=entry(), more=entry())

    assert sync(more=entry()) == SyncResult(removed=frozenset({"work"}))
    assert set(Schedule.objects.values_list("name", flat=True)) == {"more", "by hand"}


def test_an_entry_that_an_operator_switched_off_stays_off():
    sync(work=entry())
    services.update_schedule(Schedule.objects.get(), is_enabled=False)
    sync(work=entry(args=[1]))

    assert Schedule.objects.get().is_enabled is False


def test_an_entry_with_the_name_of_a_row_leaves_the_row_alone_and_says_so():
    services.create_schedule(name="work", task="tasks.by_hand", timing={"every_seconds": 5})
    sync(work=entry())

    row = Schedule.objects.get()
    assert (row.task, row.source) == ("tasks.by_hand", "database")
    assert "same name" in row.problem


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"task": "tasks.work"}, "needs schedule"),
        ({"schedule": 5}, "needs task"),
        (entry(0), "above zero"),
        (entry("daily"), "not a schedule"),
        (entry(colour="red"), "colour"),
        (entry(args=[BeatLazyFunc(timezone.now)]), "JSON"),
        (entry(time_zone="Europe/Atlantis"), "time zone"),
    ],
)
def test_a_wrong_entry_is_refused_by_its_name(wrong, message):
    with pytest.raises(InvalidScheduleError, match=message) as caught:
        sync(right=entry(), wrong=wrong)

    assert "CELERY_BEAT_SCHEDULE['wrong']" in str(caught.value)
    assert not Schedule.objects.exists()
