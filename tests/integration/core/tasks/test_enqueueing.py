"""How Django tasks become jobs, and in what order they run."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from kombu import Queue

from engine.django_tasks import (
    InvalidTask,
    add,
    describe,
    echo,
    fail,
    framework,
    send_mail,
    task,
    task_enqueued,
    task_finished,
    task_started,
)
from engine.fixtures import task_of
from real_databases import BOTH_DATABASES
from workstate.core.jobs.models import Job
from workstate.core.worker.tasks import WorkstateBackend
from workstate.core.worker.tasks.registry import find_task

pytestmark = BOTH_DATABASES
Status = framework.TaskResultStatus


def total(numbers):
    return sum(numbers)


@pytest.fixture
def signals():
    """What was told, in order: (signal, sender, status)."""
    told = []

    def listen(name):
        def note(sender, task_result, **kwargs):
            told.append((name, sender, task_result.status))

        return note

    receivers = {
        signal: listen(name)
        for name, signal in (("enqueued", task_enqueued), ("started", task_started), ("finished", task_finished))
    }
    for signal, receiver in receivers.items():
        signal.connect(receiver)
    yield told
    for signal, receiver in receivers.items():
        signal.disconnect(receiver)


def test_job_has_the_path_of_the_task(app):
    result = add.enqueue(1)

    job = Job.objects.get(task_id=result.id)
    assert (job.task, job.queue, job.priority) == ("engine.django_tasks.add", "celery", 0)
    assert json.loads(job.headers)["task"] == "engine.django_tasks.add"


def test_rolled_back_transaction_takes_the_job_with_it(app):
    with transaction.atomic():
        result = add.enqueue(1)
        assert add.get_result(result.id).status == Status.READY
        transaction.set_rollback(True)
    assert Job.objects.count() == 0


def test_higher_priority_runs_first_and_zero_stands_beside_celery(worker):
    for priority in (-100, 0, 100, 50):
        echo.using(priority=priority).enqueue(priority)
    task_of(worker.app, total).delay([1])

    claimed = [(message.job.priority, message.headers["task"]) for message in worker.claim()]

    path = "engine.django_tasks.echo"
    assert claimed == [(-100, path), (-50, path), (0, path), (0, "total"), (100, path)]


def test_task_waits_until_it_may_run(worker):
    result = add.using(run_after=timezone.now() + timedelta(hours=1)).enqueue(1)
    assert worker.drain() == 0
    assert (Job.objects.get().state, add.get_result(result.id).status) == ("scheduled", Status.READY)


def test_naive_moment_is_one_of_the_projects_zone(app, settings):
    settings.USE_TZ = False
    due = timezone.now() + timedelta(hours=1)

    add.using(run_after=due).enqueue(1)

    assert abs(Job.objects.get().available_at.replace(tzinfo=None) - due) < timedelta(seconds=1)


def test_queue_of_the_framework_is_a_queue_of_celery(app):
    send_mail.enqueue()
    assert list(Job.objects.values_list("queue", "priority")) == [("email_queue", -7)]


def test_default_queue_is_where_celery_routes_the_task(app):
    app.conf.task_routes = {"engine.django_tasks.add": {"queue": "sums"}}
    app.amqp.flush_routes()

    add.enqueue(1)

    assert Job.objects.get().queue == "sums"


def test_queue_that_the_backend_does_not_have_is_refused(app):
    with pytest.raises(InvalidTask):
        add.using(queue_name="nowhere")


@pytest.mark.parametrize("priority", [101, -101, 1.5])
def test_priority_out_of_range_is_refused(app, priority):
    with pytest.raises(InvalidTask):
        add.using(priority=priority)


def test_function_inside_another_one_is_no_task(app):
    with pytest.raises(InvalidTask):

        @task
        def inner():
            pass


def test_backend_says_that_it_can_do_everything(app):
    backend = framework.default_task_backend
    assert isinstance(framework.task_backends["default"], WorkstateBackend)
    assert backend.supports_defer
    assert backend.supports_async_task
    assert backend.supports_get_result
    assert backend.supports_priority


def test_signals_tell_of_enqueue_start_and_end(worker, signals):
    add.enqueue(1)
    assert signals == [("enqueued", WorkstateBackend, Status.READY)]
    worker.drain()

    fail.enqueue("no")
    worker.drain()

    assert [(name, status) for name, _, status in signals] == [
        ("enqueued", Status.READY),
        ("started", Status.RUNNING),
        ("finished", Status.SUCCESSFUL),
        ("enqueued", Status.READY),
        ("started", Status.RUNNING),
        ("finished", Status.FAILED),
    ]


def test_eager_task_runs_at_the_call_and_its_result_is_final(app, signals):
    app.conf.task_always_eager = True

    result = describe.enqueue("now")
    failed = fail.enqueue("no")

    assert (result.status, result.return_value["word"], result.is_finished) == (Status.SUCCESSFUL, "now", True)
    assert (failed.status, [error.exception_class.__name__ for error in failed.errors]) == (Status.FAILED, ["OwnError"])
    assert [name for name, _, _ in signals] == ["enqueued", "started", "finished"] * 2
    assert Job.objects.count() == 0


def test_worker_finds_a_task_by_its_path_and_nothing_else(app):
    assert find_task("engine.django_tasks.add").name == "engine.django_tasks.add"
    assert app.tasks["engine.django_tasks.add"] is find_task("engine.django_tasks.add")
    assert [find_task(path) for path in ("add", "engine.django_tasks.OwnError", "no.such.module", "os.path")] == [
        None
    ] * 4


def test_check_finds_a_celery_application_without_the_ledger(app, settings):
    assert list(framework.default_task_backend.check()) == []
    app.amqp_cls = "celery.app.amqp:AMQP"
    assert [message.id for message in framework.default_task_backend.check()] == ["workstate.E001"]


def test_check_finds_queues_that_celery_does_not_know(app):
    app.conf.task_queues = [Queue("celery")]
    assert [message.id for message in framework.default_task_backend.check()] == ["workstate.W001"]
