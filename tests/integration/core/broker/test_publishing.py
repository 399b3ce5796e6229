"""From `delay()` to a row and from a row to a message: nothing of what a caller asked for is lost on the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from celery import signals
from django.utils import timezone
from kombu import Exchange, Queue
from kombu.exceptions import EncodeError
from kombu.exceptions import OperationalError as BrokerError

from engine.fixtures import task_of
from engine.jobs import job_row, states
from real_databases import BOTH_DATABASES
from workstate.core.broker import amqp
from workstate.core.jobs.bulk import enqueue_many
from workstate.core.jobs.models import Job

pytestmark = BOTH_DATABASES


def work(*args, **kwargs):
    return [list(args), kwargs]


@pytest.fixture
def task(app):
    return task_of(app, work)


def test_row_holds_the_whole_message(task, worker):
    result = task.apply_async((1, "ü"), {"key": [None]}, priority=3, queue="other")

    row = job_row(result.id)
    assert (row.task, row.queue, row.priority, row.state) == ("work", "other", 3, "available")
    assert json.loads(row.headers)["id"] == result.id
    assert json.loads(row.body)[:2] == [[1, "ü"], {"key": [None]}]
    [message] = worker.claim(queue="other")
    worker.run(message)
    assert result.get(timeout=1) == [[1, "ü"], {"key": [None]}]


@pytest.mark.parametrize(
    "eta",
    [
        datetime(2099, 1, 1, 12, tzinfo=UTC),
        datetime(2099, 1, 1, 13, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(2099, 1, 1, 12),  # noqa: DTZ001  a naive eta is UTC, as Celery says
    ],
    ids=["UTC", "another zone", "naive"],
)
def test_eta_is_the_same_moment_however_it_is_said(task, eta):
    result = task.apply_async(eta=eta)

    row = job_row(result.id)
    assert (row.state, row.available_at) == ("scheduled", datetime(2099, 1, 1, 12, tzinfo=UTC))


def test_eta_that_is_past_runs_at_once(task, worker):
    result = task.apply_async(eta=timezone.now() - timedelta(days=1))

    assert worker.drain() == 1
    assert result.state == "SUCCESS"


def test_countdown_of_zero_runs_at_once(task, worker):
    task.apply_async(countdown=0)

    assert worker.drain() == 1


def test_expired_job_is_cancelled_and_not_run(app, worker):
    ran = []

    def note():
        ran.append(1)

    result = task_of(app, note).apply_async(expires=datetime(2020, 1, 1, tzinfo=UTC))
    [message] = worker.claim()
    request = worker.receive(message)
    assert request.revoked()
    worker.holdings.flush()

    assert (ran, job_row(result.id).state, job_row(result.id).reason) == ([], "cancelled", "expired")
    assert result.state == "REVOKED"


@pytest.mark.parametrize("priority", [-32768, 0, 9, 255, 32767])
def test_priorities_are_kept(task, priority):
    assert job_row(task.apply_async(priority=priority).id).priority == priority


def test_default_queue_of_the_project_is_used(app, task):
    app.conf.task_default_queue = "main"
    app.conf.task_default_exchange = "main"
    app.conf.task_default_routing_key = "main"

    assert job_row(task.delay().id).queue == "main"


@pytest.mark.parametrize("task_id", ["ü/%s'\"", "x" * 255])
def test_task_ids_of_any_text_are_kept(task, worker, task_id):
    result = task.apply_async(task_id=task_id)
    worker.drain()

    assert states() == {task_id: "completed"}
    assert result.state == "SUCCESS"


def test_long_task_id_is_refused_or_kept_but_never_cut(task):
    try:
        task.apply_async(task_id="x" * 300)
    except BrokerError:
        return
    assert set(states()) == {"x" * 300}


def test_signals_of_celery_are_sent_for_every_publish(task):
    heard = []

    def before(sender, headers, **kwargs):
        heard.append(("before", sender, headers["id"]))

    def after(sender, headers, **kwargs):
        heard.append(("after", sender, headers["id"]))

    signals.before_task_publish.connect(before)
    signals.after_task_publish.connect(after)
    try:
        result = task.delay()
    finally:
        signals.before_task_publish.disconnect(before)
        signals.after_task_publish.disconnect(after)

    assert heard == [("before", "work", result.id), ("after", "work", result.id)]


@pytest.mark.parametrize(
    "options", [{"compression": "zlib"}, {"serializer": "json"}, {"exchange": "", "routing_key": "celery"}]
)
def test_other_ways_to_publish_end_in_the_ledger_too(task, worker, options):
    result = task.apply_async((1,), **options)
    worker.drain()

    assert result.get(timeout=1) == [[1], {}]


def test_exchange_with_a_topic_reaches_the_queues_that_the_app_bound_to_it(app, task):
    """On Redis the bindings of all processes stand in Redis; a publisher need not have declared them."""
    exchange = Exchange("feed", type="topic")
    app.conf.task_queues = [Queue("feed", exchange, routing_key="news.#")]
    task.apply_async(exchange="feed", routing_key="news.today")

    assert Job.objects.filter(queue="feed").count() == 1


@pytest.mark.parametrize(
    "queue", [Queue("brief", durable=False), Queue("brief", auto_delete=True)], ids=["transient", "auto-delete"]
)
def test_jobs_of_a_queue_that_need_not_last_are_consumed(app, task, worker, queue):
    """On Redis such a queue is like any other."""
    app.amqp.queues.select_add(queue)
    result = task.apply_async(queue=queue)
    queue(worker.channel).declare()
    worker.channel.basic_consume("brief", no_ack=False, callback=print, consumer_tag="brief")

    assert job_row(result.id).queue == "brief"
    assert worker.channel.job_queues == ("brief",)


# --- many at once ----------------------------------------------------------------------------------


def test_many_jobs_are_enqueued_in_order_and_run(task, worker):
    ids = enqueue_many(task, [(number,) for number in range(5)])

    assert list(Job.objects.order_by("id").values_list("task_id", flat=True)) == ids
    worker.drain()
    assert [json.loads(job.result) for job in Job.objects.order_by("id")] == [[[number], {}] for number in range(5)]


def test_bulk_headers_are_those_of_delay(task):
    single = job_row(task.delay(1).id)
    [task_id] = enqueue_many(task, [(1,)])
    many = job_row(task_id)
    mine, its = json.loads(many.headers), json.loads(single.headers)

    assert set(mine) == set(its)
    own = {"id", "root_id", "argsrepr", "kwargsrepr"}
    assert {key: mine[key] for key in mine if key not in own} == {key: its[key] for key in its if key not in own}
    assert (mine["id"], mine["root_id"]) == (task_id, task_id)
    assert json.loads(many.body) == json.loads(single.body)
    assert set(json.loads(single.properties)) - set(json.loads(many.properties)) == {"reply_to"}  # of the RPC backend


def test_bulk_keeps_what_the_task_declares(app):
    app.conf.task_routes = {"work": {"queue": "declared", "priority": 4}}
    task = task_of(app, work, expires=60, ignore_result=True)
    single = job_row(task.delay().id)
    [task_id] = enqueue_many(task, [()])
    many = job_row(task_id)

    assert (many.priority, many.queue) == (single.priority, single.queue) == (4, "declared")
    assert json.loads(many.headers)["ignore_result"]
    assert bool(json.loads(many.headers)["expires"]) == bool(json.loads(single.headers)["expires"])


def test_bulk_takes_queue_priority_and_time(task):
    due = timezone.now() + timedelta(hours=1)
    enqueue_many(task, [()], queue="other", priority=2, available_at=due)

    row = Job.objects.get()
    assert (row.queue, row.priority, row.available_at, row.state) == ("other", 2, due, "scheduled")


def test_bulk_with_an_argument_that_is_not_json_enqueues_nothing(task):
    with pytest.raises(EncodeError):
        enqueue_many(task, [(1,), (object(),)])

    assert not Job.objects.exists()


def test_bulk_of_nothing_is_nothing(task):
    assert enqueue_many(task, []) == []


def test_bulk_in_a_task_names_its_parent_and_root(app, task, worker):
    def spread():
        enqueue_many(task, [()])
        task.delay()

    result = task_of(app, spread).delay()
    [message] = worker.claim(1)
    worker.run(message)

    headers = [json.loads(row.headers) for row in Job.objects.filter(task="work")]
    assert [(h["root_id"], h["parent_id"]) for h in headers] == [(result.id, result.id)] * 2


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"queue": "other"},
        {"priority": 3},
        {"countdown": 5},
        {"expires": 60},
        {"task_id": "chosen"},
    ],
)
def test_ordinary_tasks_take_the_short_way(task, monkeypatch, options):
    sent = []
    send = amqp._send
    monkeypatch.setattr(amqp, "_send", lambda name, *rest: (sent.append(name), send(name, *rest)))
    task.apply_async(**options)

    assert sent == ["work"]
