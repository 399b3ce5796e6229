"""`workstate schedules`: what an operator sees of schedules, and does to them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from real_databases import BOTH_DATABASES
from workstate.cli import schedules
from workstate.core.health.tasks import canary
from workstate.core.jobs.models import Job
from workstate.core.jobs.unique import Unique
from workstate.core.schedules.models import Schedule, ScheduleRun
from workstate.core.schedules.services import create_schedule

pytestmark = [BOTH_DATABASES, pytest.mark.usefixtures("database")]

HOUR = timedelta(hours=1)


@pytest.fixture
def report():
    return create_schedule(
        name="morning report",
        task="workstate.core.health.tasks.canary",
        args=["song"],
        timing={"crontab": "30 7 * * *"},
        time_zone="Asia/Tokyo",
    )


def said(capsys, *arguments):
    assert schedules.run(arguments) == 0
    return capsys.readouterr().out


def test_without_schedules_it_says_so(capsys):
    assert said(capsys, "list") == "there are no schedules\n"
    assert json.loads(said(capsys, "list", "--json")) == []


def test_the_list_shows_next_last_and_missed_runs_in_the_schedules_own_zone(report, capsys):
    for hours, count in ((1, 3), (2, 4), (24 * 30, 50)):
        moment = timezone.now() - hours * HOUR
        ScheduleRun.objects.create(
            schedule=report, due_at=moment, recorded_at=moment, outcome="missed", missed_count=count
        )

    line = said(capsys, "list").splitlines()[1]
    assert "07:30:00 JST" in line
    assert line.split()[-1] == "7"
    [described] = json.loads(said(capsys, "list", "--json"))
    assert (described["name"], described["missed_in_7_days"]) == ("morning report", 7)


@pytest.mark.parametrize(
    ("fields", "standing"),
    [
        ({"is_enabled": False}, "switched off"),
        ({"problem": "no such zone"}, "no such zone"),
        ({"next_run_at": None}, "ended"),
        ({"next_run_at": timezone.now() - HOUR}, "overdue"),
        ({"time_zone": "Europe/Atlantis", "problem": "no such zone"}, "no such zone"),
    ],
)
def test_what_keeps_a_schedule_from_running_is_said(report, capsys, fields, standing):
    Schedule.objects.update(**fields)

    assert standing in said(capsys, "list")
    assert f"standing: {standing}" in said(capsys, "show", "morning report")


def test_a_schedule_is_shown_with_what_becomes_and_became_of_its_due_times(report, capsys):
    moment = timezone.now() - HOUR
    ScheduleRun.objects.create(schedule=report, due_at=moment, recorded_at=moment, outcome="missed", missed_count=3)
    said(capsys, "run", "morning report")

    text = said(capsys, "show", "morning report")
    assert text.count("07:30:00 JST") == 5
    assert "missed 3, beginning here" in text
    assert f"enqueued (asked for)  {Job.objects.get().task_id}" in text
    shown = json.loads(said(capsys, "show", "morning report", "--json"))
    assert [run["outcome"] for run in shown["last_runs"]] == ["enqueued", "missed"]
    assert len(shown["next_runs"]) == 5


def test_a_run_that_another_job_stood_for_says_which_one(capsys, monkeypatch):
    monkeypatch.setattr(canary, "unique", Unique(), raising=False)
    report = create_schedule(name="report", task=canary.name, args=["song"], timing={"every_seconds": 60})
    holder = canary.delay("song").id

    assert said(capsys, "run", report.name) == (
        f"report is not enqueued: its task is unique, and job {holder} holds the key\n"
    )
    assert f"duplicate of (asked for)  {holder}" in said(capsys, "show", report.name)


def test_a_paused_schedule_stays_off_until_it_is_resumed_and_then_catches_nothing_up(report, capsys):
    assert said(capsys, "pause", "morning report", "--by", "ada", "--reason", "the moon is down") == (
        "morning report is paused by ada, 0 s ago: the moon is down\n"
    )
    assert "paused by ada" in said(capsys, "list")
    assert "standing: paused by ada" in said(capsys, "show", "morning report")
    shown = json.loads(said(capsys, "show", "morning report", "--json"))
    assert (shown["paused_by"], shown["pause_reason"]) == ("ada", "the moon is down")
    assert not Schedule.objects.due(timezone.now() + 48 * HOUR).exists()
    Schedule.objects.update(next_run_at=timezone.now() - 48 * HOUR)

    assert "next run" in said(capsys, "resume", "morning report")
    report.refresh_from_db()
    assert report.is_enabled
    assert "paused" not in said(capsys, "list")
    assert report.next_run_at > timezone.now()


def test_an_unknown_name_is_refused_with_the_nearest_one(report, capsys):
    assert schedules.run(["pause", "moming report"]) == 2
    assert "Did you mean 'morning report'?" in capsys.readouterr().err
