"""Schedulers that are killed with -9, wherever they are, and started again."""

import random
from contextlib import contextmanager
from itertools import pairwise

import psycopg
import pytest
from psycopg import sql

from schedulebench import MINUTES_MISSED, SCHEDULER, Schedules, launch_beat, launch_ticker
from workbench.marks import POSTGRESQL, few_lanes
from workbench.waiting import wait_until

SCHEDULES = 6
KILLS = 6
SUBJECT = "The schedules' database or broker"


@pytest.fixture
def dice(request):
    seed = random.randrange(10**6)
    request.node.add_report_section("call", "seed", f"random.Random({seed})")
    return random.Random(seed)


@few_lanes
def test_due_times_are_enqueued_once_while_schedulers_are_killed_at_random(deployment, dice):
    schedules = Schedules(deployment)
    schedules.create_with_missed_runs(SCHEDULES)
    for number in range(KILLS):
        tickers = [launch_ticker(deployment, deployment.directory / f"ticker{number}-{twin}") for twin in range(2)]
        goal = dice.randrange(SCHEDULES * MINUTES_MISSED * (number + 1) // (KILLS + 1))
        wait_until(lambda goal=goal: schedules.table("ScheduleRun").count() >= goal, timeout=30)
        for ticker in dice.sample(tickers, len(tickers)):
            ticker.kill()
    launch_ticker(deployment, deployment.directory / "the last one")
    wait_until(lambda: not schedules.table("Schedule").filter(next_run_at__isnull=False).exists(), timeout=60)

    schedules.assert_each_missed_run_was_enqueued_once(SCHEDULES)


@few_lanes
def test_two_beats_killed_and_started_again_miss_nothing_that_is_to_be_caught_up(deployment):
    schedules = Schedules(deployment)
    schedules.create("each", timing={"every_seconds": 0.5}, catch_up="run_all")
    runs = schedules.table("ScheduleRun").filter(schedule__name="each")
    for generation in range(2):
        before = runs.all().count()
        beats = [launch_beat(deployment, f"beat{generation}-{twin}") for twin in range(2)]
        wait_until(lambda before=before: runs.all().count() >= before + 3, timeout=30)
        for beat in beats:
            beat.kill()

    due_times = sorted(due_at for name, due_at, _, _ in schedules.runs() if name == "each")
    assert {(b - a).total_seconds() for a, b in pairwise(due_times)} == {0.5}
    assert sorted(task_id for *_, task_id in schedules.runs() if task_id) == sorted(schedules.task_ids())


@few_lanes
def test_a_beat_stopped_by_a_signal_gives_its_lease_back_and_leaves_no_file(deployment):
    schedules = Schedules(deployment)
    before = set(deployment.directory.iterdir())
    beat = launch_beat(deployment, "beat")
    wait_until(lambda: schedules.table("ScheduleRun").exists(), timeout=30)

    assert beat.stop() == 0
    assert list(schedules.table("Process").filter(kind="scheduler").values_list("ended_reason", flat=True)) == [
        "stopped"
    ]
    assert {path.name for path in set(deployment.directory.iterdir()) - before} <= {"beat.log", "client.log"}


@few_lanes
def test_a_worker_with_a_beat_inside_runs_what_is_due(deployment):
    schedules = Schedules(deployment)
    # Not prefork: its pool waits up to 30 s when a worker is stopped just as a task ends, with any broker.
    worker = deployment.launch_worker("-B", "--scheduler", SCHEDULER, pool="threads")
    deployment.wait_for_effects("beat", 2, timeout=30)

    kinds = schedules.table("Process").filter(ended_at__isnull=True).values_list("kind", flat=True)
    assert sorted(kinds) == ["scheduler", "worker"]
    assert worker.stop() == 0
    assert not schedules.table("Process").filter(ended_at__isnull=True).exists()
    assert not list(deployment.directory.glob("celerybeat*"))


@pytest.mark.parametrize("lane", [POSTGRESQL], indirect=True)
def test_a_beat_outlives_its_database_and_catches_up(deployment):
    schedules = Schedules(deployment)
    beat = launch_beat(deployment, "beat")
    runs = schedules.table("ScheduleRun").filter(outcome="enqueued")
    wait_until(lambda: runs.all().count() >= 2, timeout=30)
    before = runs.all().count()
    schedules.module("django.db").connections.close_all()

    with unreachable(deployment.address.database_url):
        wait_until(lambda: f"{SUBJECT} is away" in beat.log(), timeout=30)
    wait_until(lambda: f"{SUBJECT} is back" in beat.log(), timeout=30)

    wait_until(lambda: runs.all().count() >= before + 2, timeout=30)
    assert beat.returncode is None
    assert (beat.log().count(f"{SUBJECT} is away"), beat.log().count(f"{SUBJECT} is back")) == (1, 1)


@contextmanager
def unreachable(database_url):
    """Throw everybody out of a PostgreSQL database and let nobody in, for a while."""
    server, _, database = database_url.rpartition("/")
    name = sql.Identifier(database)
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])
        yield
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
