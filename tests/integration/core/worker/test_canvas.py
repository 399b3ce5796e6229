"""What waits for other jobs (a chord's body, the rest of a chain) always hears of their end, whatever the end is."""

from __future__ import annotations

import pytest
from celery import chain, chord, group
from celery.exceptions import ChordError

from engine.fixtures import task_of
from engine.inline import DroppingPool
from engine.jobs import job_row, states
from real_databases import BOTH_DATABASES
from workstate.core.jobs.models import Job
from workstate.core.jobs.waiting import cancel_waiting, purge

pytestmark = BOTH_DATABASES


def echo(value):
    return value


def total(values):
    return sum(values)


def fail(*args):
    raise ValueError("no")


def assert_failed_with_its_header(result):
    assert result.state == "FAILURE"
    assert isinstance(result.result, ChordError)


@pytest.fixture
def tasks(app):
    class Tasks:
        echo = task_of(app, echo)
        total = task_of(app, total)
        fail = task_of(app, fail)

    return Tasks


def test_chord_runs_its_body_once_with_the_results_in_order(tasks, worker):
    result = chord([tasks.echo.s(number) for number in (1, 2, 3)])(tasks.total.s())

    assert worker.drain() == 4
    assert result.get(timeout=1) == 6
    assert Job.objects.count() == 4


def test_body_of_a_chord_is_a_group(app, tasks, worker):
    result = chord([tasks.echo.s(1), tasks.echo.s(2)], group(tasks.total.s(), tasks.total.s())).apply_async()
    worker.drain()

    assert result.get(timeout=1) == [3, 3]


def test_group_in_the_header_of_a_chord_is_part_of_it(tasks, worker):
    result = chord([tasks.echo.s(1), group(tasks.echo.s(2), tasks.echo.s(3))])(tasks.total.s())
    worker.drain()

    assert result.get(timeout=1) == 6


def test_chain_in_the_header_of_a_chord_counts_when_it_ends(tasks, worker):
    result = chord([chain(tasks.echo.s(1), tasks.echo.s()), tasks.echo.s(2)])(tasks.total.s())
    worker.drain()

    assert result.get(timeout=1) == 3


def test_chain_that_fails_in_the_header_of_a_chord_fails_the_body(tasks, worker):
    result = chord([chain(tasks.fail.s(1), tasks.echo.s()), tasks.echo.s(2)])(tasks.total.s())
    worker.drain()

    assert_failed_with_its_header(result)


def test_purged_header_job_fails_the_body(tasks, worker):
    result = chord([tasks.echo.s(1), tasks.echo.s(2).set(queue="other")])(tasks.total.s())
    purge("other")
    worker.drain()

    assert_failed_with_its_header(result)


def test_header_job_that_was_cancelled_while_it_waited_fails_the_body(tasks, worker):
    result = chord([tasks.echo.s(1), tasks.echo.s(2).set(countdown=60)])(tasks.total.s())
    worker.drain()
    [waiting] = [task_id for task_id, state in states().items() if state == "scheduled"]
    assert cancel_waiting(waiting, "revoked")

    assert_failed_with_its_header(result)


def test_header_job_that_lost_its_worker_too_often_fails_the_body(tasks, worker):
    result = chord([tasks.echo.s(1), tasks.echo.s(2)])(tasks.total.s())
    worker.pool = DroppingPool()
    worker.drain()

    assert_failed_with_its_header(result)


def test_rest_of_a_chain_ends_when_its_first_job_lost_its_worker_too_often(tasks, worker):
    result = chain(tasks.echo.s(1), tasks.echo.s())()
    worker.pool = DroppingPool()
    worker.drain()

    assert result.parent.state == "FAILURE"
    assert result.state == "FAILURE"


def test_errback_is_called_when_a_job_lost_its_worker_too_often(app, tasks, worker):
    heard = []

    def hear(request, error, traceback):
        heard.append(str(error))

    tasks.echo.s(1).on_error(task_of(app, hear).s()).apply_async()
    worker.pool = DroppingPool()
    worker.drain()

    assert len(heard) == 1


def test_header_with_ignored_results_gives_them_to_the_body(app, tasks, worker):
    """As on Redis, where the part's value travels to the chord and not to the result store."""

    def silent(value):
        return value

    silent = task_of(app, silent, ignore_result=True)
    result = chord([silent.s(1), silent.s(2)])(tasks.total.s())
    worker.drain()

    assert result.get(timeout=1) == 3


def test_body_that_ignores_its_result_runs(app, tasks, worker):
    ran = []

    def note(values):
        ran.append(values)

    chord([tasks.echo.s(1), tasks.echo.s(2)])(task_of(app, note, ignore_result=True).s())
    worker.drain()

    assert ran == [[1, 2]]


def test_task_that_replaces_itself_with_a_group_gives_the_results_of_the_group(app, tasks, worker):
    def replace(self):
        raise self.replace(group(tasks.echo.s(1), tasks.echo.s(2)))

    result = task_of(app, replace, bind=True).delay()
    worker.drain()

    assert result.get(timeout=1) == [1, 2]


def test_group_that_ends_before_the_task_that_it_replaces_still_gives_its_results(app, tasks, worker):
    """Another worker may be quicker than this one's commit."""

    def replace(self):
        raise self.replace(group(tasks.echo.s(1), tasks.echo.s(2)))

    result = task_of(app, replace, bind=True).delay()
    [message] = worker.claim(1)
    worker.receive(message).execute_using_pool(HastyPool(worker))
    worker.holdings.flush()
    worker.drain()

    assert result.get(timeout=1) == [1, 2]


def test_header_task_that_replaces_itself_with_a_group_counts_once(app, tasks, worker):
    def replace(self):
        raise self.replace(group(tasks.echo.s(1), tasks.echo.s(2)) | tasks.total.s())

    result = chord([task_of(app, replace, bind=True).s(), tasks.echo.s(3)])(tasks.total.s())
    worker.drain()

    assert result.get(timeout=1) == 6


def test_body_for_a_queue_that_does_not_exist_does_not_keep_its_header_from_ending(app, tasks, worker):
    result = chord([tasks.echo.s(1)] * 2)(tasks.total.s().set(queue="unknown"))
    app.conf.task_create_missing_queues = False
    app.amqp.queues.create_missing = False
    worker.drain()

    assert sorted(states().values()) == ["completed", "completed", "discarded"]
    assert result.state == "FAILURE"


def test_chord_whose_header_fails_in_the_header_of_a_chord_fails_the_outer_body(tasks, worker):
    inner = chord([tasks.fail.s(), tasks.echo.s(1)], tasks.total.s())
    result = chord([inner, tasks.echo.s(2)])(tasks.total.s())
    worker.drain()

    assert_failed_with_its_header(result)


def test_chord_whose_parts_all_ended_before_its_size_was_known_runs_its_body(app, tasks, worker):
    part = tasks.echo.s(1).freeze(group_id="early", chord=tasks.total.s().freeze())
    signature = tasks.echo.s(1).set(group_id="early", chord=tasks.total.s(), task_id=part.id)
    signature.options["chord"].freeze()
    signature.apply_async()
    worker.drain()
    app.backend.set_chord_size("early", 1)
    worker.drain()

    assert Job.objects.filter(task="total", state="completed").count() == 1


class HastyPool:
    """Lets the jobs that a task enqueued run to their end before it tells its own."""

    def __init__(self, worker):
        self.worker = worker

    def apply_async(self, target, args, accept_callback, callback, **options):
        accept_callback(1, 0.0)
        outcome = target(*args)
        held = self.worker.holdings._held._messages.copy()
        self.worker.drain()
        self.worker.holdings._held._messages.update(held)
        callback(outcome)


def test_row_of_a_replaced_job_begins_anew(app, tasks, worker):
    def replace(self):
        raise self.replace(group(tasks.echo.s(1)) | tasks.total.s())

    result = task_of(app, replace, bind=True, acks_late=False).delay()
    for _ in range(2):
        [message] = worker.claim(1)
        worker.run(message)

    row = job_row(result.id)
    assert (row.state, row.task) == ("available", "total")
    assert (row.started_at, row.acknowledged_at) == (None, None)


def test_chord_with_a_header_job_that_nobody_can_read_fails(tasks, worker):
    result = chord([tasks.echo.s(1), tasks.echo.s(2)])(tasks.total.s())
    unreadable = Job.objects.order_by("id").first()
    Job.objects.filter(id=unreadable.id).update(headers="{no JSON")
    assert worker.claim(1) == []
    worker.drain()

    assert job_row(unreadable.task_id).reason == "unreadable message"
    assert_failed_with_its_header(result)
