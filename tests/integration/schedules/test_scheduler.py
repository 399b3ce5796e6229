import json
import logging
import os
import signal
from datetime import timedelta

import pytest
from celery import Celery, platforms
from celery.schedules import crontab
from django.db import OperationalError
from django.utils import timezone

from workstate.core.jobs.models import Job, Process
from workstate.core.schedules.errors import InvalidScheduleError
from workstate.core.schedules.models import Schedule, ScheduleRun
from workstate.core.schedules.scheduler import LedgerScheduler

pytestmark = pytest.mark.django_db(transaction=True)

EVENTS = "workstate.events"


@pytest.fixture
def app():
    app = Celery("schedules", broker="workstate://", set_as_current=False)
    app.conf.beat_schedule = {"work": {"task": "tasks.work", "schedule": 3600, "args": [7], "kwargs": {"to": "x"}}}
    app.conf.result_expires = None
    app.conf.task_routes = {"tasks.routed": {"queue": "email_queue", "priority": 3}}

    @app.task(name="tasks.routed", shared=False)
    def routed():
        pass

    return app


@pytest.fixture
def make_scheduler(app, monkeypatch):
    """Schedulers that do not sleep, and are closed after the test."""
    monkeypatch.setattr(LedgerScheduler, "_sleep", lambda self, seconds: self.slept.append(seconds))
    monkeypatch.setattr(LedgerScheduler, "slept", [], raising=False)
    made = []

    def make():
        made.append(LedgerScheduler(app))
        return made[-1]

    yield make
    for scheduler in made:
        scheduler.close()


def let_it_be_due(name="work"):
    Schedule.objects.filter(name=name).update(next_run_at=timezone.now())


def test_a_tick_brings_the_schedules_of_the_code_into_the_database(make_scheduler):
    assert make_scheduler().tick() == 0

    assert list(Schedule.objects.values_list("name", "source")) == [("work", "code")]


def test_a_due_schedule_becomes_a_job_of_the_ledger(make_scheduler):
    scheduler = make_scheduler()
    scheduler.tick()
    let_it_be_due()
    scheduler.tick()

    job, run = Job.objects.get(), ScheduleRun.objects.get()
    assert (job.task, job.task_id, job.state) == ("tasks.work", run.task_id, "available")
    assert json.loads(job.body)[:2] == [[7], {"to": "x"}]
    headers = json.loads(job.headers)
    assert (headers["schedule"], headers["due_at"]) == ("work", run.due_at.isoformat())
    assert headers["celery_beat_task"] is True


def test_a_known_task_brings_its_own_queue_and_priority(make_scheduler, app):
    app.conf.beat_schedule = {"mail": {"task": "tasks.routed", "schedule": 3600}}
    scheduler = make_scheduler()
    scheduler.tick()
    let_it_be_due("mail")
    scheduler.tick()

    job = Job.objects.get()
    assert (job.queue, job.priority) == ("email_queue", 3)


def test_options_of_the_entry_come_before_those_of_the_task(make_scheduler, app):
    entry = {"task": "tasks.routed", "schedule": 3600, "options": {"queue": "report_queue", "headers": {"a": 1}}}
    app.conf.beat_schedule = {"mail": entry}
    scheduler = make_scheduler()
    scheduler.tick()
    let_it_be_due("mail")
    scheduler.tick()

    job = Job.objects.get()
    assert job.queue == "report_queue"
    assert json.loads(job.headers)["a"] == 1


def test_a_periodic_task_added_by_a_signal_is_a_schedule(make_scheduler, app):
    @app.on_after_finalize.connect
    def add(sender, **kwargs):
        sender.add_periodic_task(30.0, sender.tasks["tasks.routed"].s(), name="added")

    app.finalize()
    make_scheduler().tick()

    assert set(Schedule.objects.values_list("name", flat=True)) == {"work", "added"}


def test_a_clean_up_that_celery_wants_is_a_schedule(make_scheduler, app):
    app.conf.result_expires = 3600
    app.backend.supports_autoexpire = False
    make_scheduler().tick()

    assert Schedule.objects.get(name="celery.backend_cleanup").timing == {"crontab": "0 4 * * *"}


def test_wall_clock_times_of_the_code_are_in_the_zone_of_celery(make_scheduler, app):
    app.conf.timezone = "Asia/Tokyo"
    app.conf.beat_schedule = {"work": {"task": "tasks.work", "schedule": crontab(hour=9, minute=0)}}
    make_scheduler().tick()

    assert Schedule.objects.get().next_run_at.hour == 0


def test_an_entry_that_is_wrong_stops_the_start_with_its_name(make_scheduler, app):
    app.conf.beat_schedule = {"wrong": {"task": "tasks.work", "schedule": "daily"}}

    with pytest.raises(InvalidScheduleError, match="CELERY_BEAT_SCHEDULE\\['wrong'\\]"):
        make_scheduler()


def test_a_task_that_nobody_knows_is_enqueued_and_named_in_the_log(make_scheduler, caplog):
    make_scheduler().tick()

    assert "Schedule work: no task tasks.work is registered here" in caplog.text


def test_a_lazy_scheduler_touches_nothing(app, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert "workstate_schedule" in LedgerScheduler(app, lazy=True).info


def test_it_sleeps_until_the_next_due_time_and_at_most_a_second(make_scheduler):
    scheduler = make_scheduler()
    scheduler.tick()
    Schedule.objects.update(next_run_at=timezone.now() + timedelta(seconds=0.5))
    scheduler.tick()

    first, second = scheduler.slept
    assert first == 1
    assert 0 < second <= 0.5


def test_an_outage_is_logged_once_at_its_begin_and_once_at_its_end(make_scheduler, monkeypatch, caplog):
    caplog.set_level(logging.INFO, EVENTS)
    scheduler = make_scheduler()
    scheduler.tick()
    let_it_be_due()
    caplog.clear()
    with monkeypatch.context() as away:
        away.setattr(scheduler._enqueuer, "tick", lambda _now: (_ for _ in ()).throw(OperationalError("no answer")))
        for _ in range(5):
            scheduler.tick()
    scheduler.tick()
    scheduler.tick()

    told = [record.getMessage() for record in caplog.records if record.name == EVENTS]
    assert len(told) == 2
    assert "no answer" in told[0]
    assert "is back" in told[1]
    assert sorted(scheduler.slept[1:6]) == scheduler.slept[1:6]
    assert Job.objects.count() == 1


def test_a_scheduler_holds_a_lease_until_it_is_closed(make_scheduler):
    scheduler = make_scheduler()
    scheduler.tick()

    process = Process.objects.get()
    assert (process.kind, process.name.partition("@")[0], process.ended_at) == ("scheduler", "celerybeat", None)
    assert process.lease_expires_at > timezone.now()
    scheduler.close()
    scheduler.close()
    process.refresh_from_db()
    assert process.ended_at is not None
    assert process.ended_reason == "stopped"


def test_a_scheduler_whose_lease_was_taken_away_takes_another(make_scheduler):
    scheduler = make_scheduler()
    scheduler.tick()
    Process.objects.update(ended_at=timezone.now(), ended_reason="lost")
    scheduler._presence._renewed_at = float("-inf")
    scheduler.tick()

    assert Process.objects.filter(ended_at=None).count() == 1
    assert Process.objects.count() == 2


def test_closing_inside_a_tick_waits_for_its_end(make_scheduler, monkeypatch):
    """Celery's signal handler closes the scheduler wherever it is, in the middle of a query too."""
    scheduler = make_scheduler()
    monkeypatch.setattr(LedgerScheduler, "_sleep", lambda self, _seconds: self.close())
    scheduler.tick()
    assert Process.objects.get().ended_at is None

    scheduler.close()
    assert Process.objects.get().ended_at is not None


def test_signal_that_ends_beat_waits_for_the_work_of_a_tick(make_scheduler, monkeypatch):
    """Between a BEGIN and what Django notes of it, it would leave a transaction that takes the rest with it."""
    steps = []
    former = signal.getsignal(signal.SIGUSR1)
    monkeypatch.setattr(platforms, "signals", platforms.Signals())
    scheduler = make_scheduler()

    def stop(*_):
        steps.append("stopped")
        raise SystemExit

    def work():
        os.kill(os.getpid(), signal.SIGUSR1)
        steps.append("worked")
        return 0.0

    monkeypatch.setattr(scheduler, "_work", work)
    platforms.signals["SIGUSR1"] = stop
    try:
        with pytest.raises(SystemExit):
            scheduler.tick()
    finally:
        signal.signal(signal.SIGUSR1, former)
    assert steps == ["worked", "stopped"]
