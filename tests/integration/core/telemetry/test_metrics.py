"""`/metrics`: who may read it, and what it says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from engine.jobs import EXPIRED, elsewhere, new_job, new_process
from real_databases import BOTH_DATABASES
from workstate.core.jobs.models import Job, Process, QueuePause
from workstate.core.schedules.models import Schedule
from workstate.core.telemetry import collector, tallies

pytestmark = BOTH_DATABASES

TOKEN = "a token of the tests"
MOST_QUERIES = 17


@pytest.fixture
def scrape(database, client, settings):
    """Read `/metrics` as Prometheus does; returns {(name, *label values by label): value}."""
    settings.WORKSTATE = {"METRICS_TOKEN": TOKEN}

    def scrape():
        response = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert response.status_code == 200
        families = text_string_to_metric_families(response.content.decode())
        return {
            (sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples
        }

    return scrape


@pytest.mark.parametrize("token", ["", None])
def test_page_is_off_without_a_token(database, client, settings, token):
    settings.WORKSTATE = {"METRICS_TOKEN": token}
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize("given", [None, "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer ", "Bearer ü"])
def test_page_is_closed_to_who_does_not_know_the_token(database, client, settings, given):
    settings.WORKSTATE = {"METRICS_TOKEN": TOKEN}
    response = client.get("/metrics", headers={"Authorization": given} if given else {})
    assert (response.status_code, response.content) == (401, b"")
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_page_speaks_the_formats_of_prometheus(scrape, client):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/metrics", headers=headers)["Content-Type"].startswith("text/plain")
    openmetrics = client.get("/metrics", headers=headers | {"Accept": "application/openmetrics-text; version=1.0.0"})
    assert openmetrics["Content-Type"].startswith("application/openmetrics-text")
    assert openmetrics.content.endswith(b"# EOF\n")


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_page_says_when_the_database_is_away(scrape, client, monkeypatch, error):
    def refuse():
        raise error("away")

    monkeypatch.setattr(collector.readings, "list_queues", refuse)
    assert client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 503


def test_empty_ledger_has_metrics_too(scrape):
    told = scrape()
    assert told["workstate_mode", "embedded"] == 1
    assert told["workstate_mode", "degraded"] == 0
    assert told["workstate_dead_letters",] == told["workstate_schedule_lag_seconds",] == 0


def test_counters_have_the_names_of_celery_exporter(scrape):
    with tallies._lock:
        tallies._counts["task_succeeded", "work", "celery", ""] = 3
        tallies._counts["task_failed", "other", "celery", "ValueError"] = 2
        tallies._counts["task_received", "other", "celery", ""] = 2
        tallies._counts["events", "", "", "job.rescued"] = 1
    told = scrape()
    assert told["celery_task_succeeded_total", "work", "celery"] == 3
    assert told["celery_task_failed_total", "ValueError", "other", "celery"] == 2
    assert told["workstate_events_total", "job.rescued"] == 1


def test_every_known_task_has_every_counter(scrape):
    with tallies._lock:
        tallies._counts["task_received", "work", "celery", ""] = 1
    told = scrape()
    for outcome in ("succeeded", "retried", "revoked", "rejected", "started"):
        assert told[f"celery_task_{outcome}_total", "work", "celery"] == 0
    assert told["celery_task_failed_total", "", "work", "celery"] == 0


def test_run_times_are_a_cumulative_histogram(scrape):
    with tallies._lock:
        tallies._counts["task_runtime_bucket", "work", "celery", "0.005"] = 2
        tallies._counts["task_runtime_bucket", "work", "celery", "1.0"] = 1
        tallies._counts["task_runtime_bucket", "work", "celery", "+Inf"] = 1
        tallies._counts["task_runtime_sum", "work", "celery", ""] = 61.5
    told = scrape()
    bucket = "celery_task_runtime_bucket"
    assert [told[bucket, le, "work", "celery"] for le in ("0.005", "0.75", "1.0", "10.0", "+Inf")] == [2, 2, 3, 3, 4]
    assert told["celery_task_runtime_count", "work", "celery"] == 4
    assert told["celery_task_runtime_sum", "work", "celery"] == 61.5


def test_workers_are_up_or_down_and_tell_what_they_hold(scrape, ledger):
    alive = ledger.register(new_process("celery@one", queues=("celery", "mail"), concurrency=2))
    ledger.register(new_process("celery@two", queues=("mail",), concurrency=4))
    ledger.register(elsewhere("celery@silent", lease=EXPIRED))
    ended = ledger.register(new_process("celery@gone"))
    Process.objects.filter(id=ended).update(ended_at=timezone.now() - timedelta(hours=1))
    ledger.insert([new_job("a"), new_job("b"), new_job("c")])
    ledger.claim(alive, ["celery"], 2)
    ledger.insert([new_job("d", limit_key="organisation", lane="limited")])

    told = scrape()

    assert {key[1]: value for key, value in told.items() if key[0] == "celery_worker_up"} == {
        "celery@one": 1,
        "celery@two": 1,
        "celery@silent": 0,
    }
    assert told["celery_worker_tasks_active", "celery@one"] == 2
    assert (told["celery_active_worker_count", "mail"], told["celery_active_process_count", "mail"]) == (2, 6)
    assert (told["celery_queue_length", "celery"], told["workstate_jobs_executing", "celery"]) == (1, 2)
    assert told["workstate_jobs_limited", "celery"] == 1


def test_worker_that_came_back_under_its_name_is_up(scrape, ledger):
    before = ledger.register(new_process("celery@one"))
    ledger.end_process(before, "lost")
    ledger.register(new_process("celery@one"))
    assert scrape()["celery_worker_up", "celery@one"] == 1


def test_what_needs_attention_is_told(scrape, ledger):
    hour_ago = timezone.now() - timedelta(hours=1)
    ledger.insert([new_job("old"), new_job("dead"), new_job("later", available_at=timezone.now() + timedelta(hours=1))])
    Job.objects.filter(task_id="old").update(available_at=hour_ago)
    Job.objects.filter(task_id="dead").update(state="discarded", ended_at=hour_ago)
    QueuePause.objects.create(queue="mail", paused_at=hour_ago, paused_by="ada")
    Schedule.objects.create(
        name="late",
        task="work",
        timing={"every_seconds": 60},
        starts_at=hour_ago,
        next_run_at=hour_ago,
        problem="no such task",
    )

    told = scrape()

    assert 3500 < told["workstate_queue_oldest_age_seconds", "celery"] < 3700
    assert 3500 < told["workstate_schedule_lag_seconds",] < 3700
    assert told["workstate_queue_paused", "mail"] == 1
    for name in ("workstate_dead_letters", "workstate_jobs_planned", "workstate_schedules_with_problems"):
        assert told[name,] == 1


def test_outage_of_the_broker_is_told_in_seconds(scrape, ledger):
    ledger.register(new_process())
    Process.objects.update(broker_away_since=timezone.now() - timedelta(seconds=90))
    assert 80 < scrape()["workstate_broker_away_seconds",] < 200


def test_scrape_takes_few_queries_however_much_there_is_to_tell(scrape, ledger):
    ledger.insert([new_job(f"{number}", queue=f"queue{number}") for number in range(20)])
    with tallies._lock:
        for number in range(50):
            tallies._counts["task_received", f"work{number}", "celery", ""] = 1
    with CaptureQueriesContext(connection) as queries:
        scrape()
    assert len(queries) <= MOST_QUERIES, [query["sql"] for query in queries]
