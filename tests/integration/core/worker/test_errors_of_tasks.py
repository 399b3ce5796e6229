"""What a task raises reaches its row and the caller, whatever it is made of, and harms no neighbour."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from celery.exceptions import Ignore, Reject

from engine.fixtures import task_of
from engine.jobs import job_row, states
from real_databases import BOTH_DATABASES
from workstate.core.jobs.models import Job

pytestmark = BOTH_DATABASES


class Outer:
    class NestedError(Exception):
        pass


def quiet():
    return "done"


def run_together(worker, messages):
    """Run jobs and write their ends in one commit, as on the event loop."""
    worker.holdings.on_pending = lambda: None
    for running in [worker.receive(message) for message in messages]:
        running.execute_using_pool(worker.pool)
    worker.holdings.flush()


@pytest.mark.parametrize("argument", ["a\x00b", "\udc80"], ids=["NUL", "lone surrogate"])
def test_error_with_odd_text_fails_its_job_and_no_neighbour(app, worker, argument):
    def work():
        raise ValueError(argument)

    odd = task_of(app, work).delay()
    neighbour = task_of(app, quiet).delay()
    messages = worker.claim()
    run_together(worker, messages)

    assert states() == {odd.id: "discarded", neighbour.id: "completed"}
    assert job_row(odd.id).error_type == "builtins.ValueError"


@pytest.mark.parametrize(
    "argument",
    [uuid.UUID(int=1), Decimal("1.5"), datetime(2026, 1, 1, tzinfo=UTC)],
    ids=["uuid", "decimal", "datetime"],
)
def test_error_with_an_argument_that_only_kombu_can_encode_is_kept(app, worker, argument):
    def work():
        raise ValueError(argument)

    result = task_of(app, work).delay()
    worker.drain()

    assert isinstance(result.result, ValueError)
    assert job_row(result.id).error_type == "builtins.ValueError"


def test_error_of_a_nested_class_comes_back_as_that_class(app, worker):
    def work():
        raise Outer.NestedError("no")

    result = task_of(app, work).delay()
    worker.drain()

    with pytest.raises(Outer.NestedError, match="no"):
        result.get(timeout=1)


def test_traceback_of_an_earlier_try_is_not_that_of_a_success(app, worker):
    def work(self):
        if not self.request.retries:
            raise self.retry(exc=ValueError("first"), countdown=0)
        return "done"

    result = task_of(app, work, bind=True).delay()
    worker.drain()

    assert (result.state, result.result) == ("SUCCESS", "done")
    assert result.traceback is None


def test_job_that_waits_for_its_retry_says_retry_whatever_it_had_reported(app, worker):
    def work(self):
        self.update_state(state="HALFWAY", meta={"done": 1})
        raise self.retry(countdown=60)

    result = task_of(app, work, bind=True).delay()
    worker.drain()

    assert job_row(result.id).state == "retryable"
    assert result.state == "RETRY"


def test_failure_that_a_task_declares_itself_and_then_ignores_is_a_failure(app, worker):
    """The pattern of Celery's guide: update_state(FAILURE) and raise Ignore."""

    def work(self):
        meta = {"exc_type": "ValueError", "exc_module": "builtins", "exc_message": ["by hand"]}
        self.update_state(state="FAILURE", meta=meta)
        raise Ignore

    result = task_of(app, work, bind=True).delay()
    worker.drain()

    assert result.state == "FAILURE"


def test_success_that_a_task_declares_itself_and_then_ignores_is_a_success(app, worker):
    def work(self):
        self.update_state(state="SUCCESS", meta="by hand")
        raise Ignore

    result = task_of(app, work, bind=True).delay()
    worker.drain()

    assert (result.state, result.result) == ("SUCCESS", "by hand")


def test_retry_into_a_queue_whose_name_is_too_long_harms_no_neighbour(app, worker):
    def work(self):
        raise self.retry(queue="q" * 200, countdown=0)

    odd = task_of(app, work, bind=True).delay()
    neighbour = task_of(app, quiet).delay()
    run_together(worker, worker.claim())

    assert job_row(neighbour.id).state == "completed"
    assert not Job.objects.filter(task_id=odd.id, state="executing").exists()


def test_rejected_task_that_asked_to_start_once_is_a_dead_letter_even_if_it_wants_to_be_requeued(app, worker):
    def work():
        raise Reject("later", requeue=True)

    rejected = task_of(app, work, acks_late=False).delay()
    assert worker.drain() == 1

    assert (job_row(rejected.id).state, job_row(rejected.id).reason) == ("discarded", "rejected")
