"""Many schedulers at the same schedules, as processes of their own."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from schedulebench import Schedules, launch_beat, launch_ticker
from workbench.marks import few_lanes
from workbench.waiting import wait_until

pytestmark = few_lanes

SCHEDULES = 6


def test_each_due_time_is_enqueued_once_by_many_schedulers(deployment):
    schedules = Schedules(deployment)
    schedules.create_with_missed_runs(SCHEDULES)
    tickers = [launch_ticker(deployment, deployment.directory / f"ticker{number}") for number in range(4)]

    wait_until(lambda: not schedules.table("Schedule").filter(next_run_at__isnull=False).exists(), timeout=60)

    assert [ticker.returncode for ticker in tickers] == [None] * 4
    schedules.assert_each_missed_run_was_enqueued_once(SCHEDULES)


def test_two_beats_start_at_once_and_agree(deployment):
    schedules = Schedules(deployment)
    beats = [launch_beat(deployment, f"beat{number}") for number in range(2)]
    schedulers = schedules.table("Process").filter(kind="scheduler", ended_at__isnull=True)
    wait_until(lambda: schedulers.all().count() == 2, timeout=30)
    wait_until(lambda: schedules.table("ScheduleRun").count() >= 3, timeout=30)

    assert [beat.stop() for beat in beats] == [0, 0]
    due_times = sorted(due_at for _, due_at, _, _ in schedules.runs())
    assert {later - earlier for earlier, later in pairwise(due_times)} == {timedelta(seconds=1)}
    assert sorted(task_id for *_, task_id in schedules.runs()) == sorted(schedules.task_ids())
    assert schedulers.all().count() == 0


def test_a_schedule_made_while_a_beat_runs_is_enqueued_at_its_time(deployment):
    schedules = Schedules(deployment)
    launch_beat(deployment, "beat")
    wait_until(lambda: schedules.table("ScheduleRun").exists(), timeout=30)
    due_at = datetime.now(UTC) + timedelta(seconds=0.3)
    schedules.create("once", timing={"at": due_at.isoformat()})

    once = schedules.table("ScheduleRun").filter(schedule__name="once")
    wait_until(lambda: once.all().exists())
    recorded_at = once.values_list("recorded_at", flat=True)[0]
    assert timedelta(0) <= recorded_at - due_at < timedelta(seconds=1)
