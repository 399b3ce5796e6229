"""The end of an attempt: it is written once, by whoever holds the job, and by nobody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from engine.jobs import FAILURE, HOUR, claim_one, closing, job_row, new_job, new_process, token_of
from real_databases import BOTH_DATABASES
from workstate.core.jobs.errors import IllegalMoveError
from workstate.core.jobs.models import Job
from workstate.core.jobs.records import Token
from workstate.core.jobs.states import State

pytestmark = BOTH_DATABASES


@pytest.fixture
def process(ledger):
    return ledger.register(new_process())


@pytest.fixture
def job(ledger, process):
    ledger.insert([new_job("job")])
    return claim_one(ledger, process)


def everything_of(task_id):
    return Job.objects.filter(task_id=task_id).values().get()


def test_success_keeps_its_result_and_who_ended_it(ledger, process, job):
    assert ledger.close([closing(job, process, result='"done"', children="[]")]) == []

    row = job_row("job")
    assert (row.state, row.result, row.children, row.process_id) == ("completed", '"done"', "[]", process)
    assert row.started_at <= row.ended_at


def test_many_successes_are_closed_in_one_call(ledger, process):
    ledger.insert([new_job(str(number)) for number in range(20)])
    jobs = ledger.claim(process, ("celery",), 20)
    ledger.close([closing(job, process, result=job.task_id) for job in jobs])

    assert all(row.result == row.task_id for row in Job.objects.filter(state="completed"))
    assert Job.objects.filter(state="completed").count() == 20


AWKWARD = ["", "NULL", "{}", ",", 'a"b', "back\\slash", '\\"', "line\nbreak\ttab", " äß€🙂 ", "'; --", "%s", "?1"]


def test_texts_that_travel_in_batches_arrive_as_they_were(ledger, process):
    """A batch of jobs or of ends may travel as one text, in which quotes and commas mean something."""
    ledger.insert([new_job(str(number), body=text, queue="celery") for number, text in enumerate(AWKWARD)])
    jobs = ledger.claim(process, ("celery",), len(AWKWARD))
    ledger.close([closing(job, process, result=text) for job, text in zip(jobs, AWKWARD, strict=True)])

    assert [job.body for job in jobs] == AWKWARD
    assert list(Job.objects.order_by("id").values_list("result", flat=True)) == AWKWARD


@pytest.mark.parametrize("state", [State.DISCARDED, State.CANCELLED])
def test_failure_keeps_its_error_and_reason(ledger, process, job, state):
    ledger.close([closing(job, process, state, failure=FAILURE, reason="failed")])

    row = job_row("job")
    assert (row.state, row.error_type, row.error_message, row.traceback, row.reason) == (
        state,
        FAILURE.type,
        FAILURE.message,
        FAILURE.traceback,
        "failed",
    )


def test_completed_job_forgets_what_it_said_of_itself(ledger, process, job):
    ledger.set_custom_state(token_of(job, process), "HALFWAY", "{}")
    ledger.close([closing(job, process)])

    assert (job_row("job").custom_state, job_row("job").meta) == (None, None)


def test_ignored_job_keeps_the_state_that_it_had_set_itself(ledger, process, job):
    ledger.set_custom_state(token_of(job, process), "HANDED_ON", '{"to": 7}')
    ledger.close([closing(job, process, is_ignored=True)])

    row = job_row("job")
    assert (row.state, row.custom_state, row.meta) == ("completed", "HANDED_ON", '{"to": 7}')


def test_retry_carries_the_next_message_in_the_same_row(ledger, process, job):
    row_id = job.id
    due = timezone.now() + HOUR
    successor = new_job("job", body="[[2], {}, {}]", queue="other", priority=3, available_at=due)
    ledger.close([closing(job, process, State.RETRYABLE, successor=successor, failure=FAILURE)])

    row = job_row("job")
    assert (row.id, row.state, row.body, row.queue, row.priority) == (row_id, "retryable", "[[2], {}, {}]", "other", 3)
    assert (row.available_at, row.error_type, row.process_id, row.ended_at) == (due, FAILURE.type, None, None)
    Job.objects.update(available_at=timezone.now() - HOUR)
    ledger.promote_due()
    again = claim_one(ledger, process, "other")
    assert (again.id, again.attempt, again.begun_at) == (row_id, 2, None)


def test_retry_at_once_is_available(ledger, process, job):
    ledger.close([closing(job, process, State.AVAILABLE, successor=new_job("job"))])

    assert claim_one(ledger, process).attempt == 2


@pytest.mark.parametrize("state", [State.SCHEDULED, State.EXECUTING])
def test_attempt_can_not_end_in_a_state_that_is_no_end(process, job, state):
    with pytest.raises(IllegalMoveError):
        closing(job, process, state)


# --- tokens ---------------------------------------------------------------------------------------

STALE = {
    "of an earlier attempt": lambda token: token._replace(attempt=token.attempt - 1),
    "of another process": lambda token: token._replace(process_id=token.process_id + 1),
    "of another job": lambda token: token._replace(job_id=token.job_id + 1),
}


def as_closing(job, token, **fields):
    return closing(job._replace(id=token.job_id, attempt=token.attempt), token.process_id, **fields)


def success(ledger, job, token):
    ledger.close([as_closing(job, token, result="1")])


def failure(ledger, job, token):
    ledger.close([as_closing(job, token, state=State.DISCARDED, failure=FAILURE)])


def ignored(ledger, job, token):
    ledger.close([as_closing(job, token, is_ignored=True)])


def retry(ledger, job, token):
    ledger.close([as_closing(job, token, state=State.RETRYABLE, successor=new_job("job", queue="other"))])


def release(ledger, job, token):
    ledger.release([token])


def requeue(ledger, job, token):
    ledger.requeue([token])


def mark_started(ledger, job, token):
    assert not ledger.mark_started(token, acknowledge=True)


def set_custom_state(ledger, job, token):
    assert not ledger.set_custom_state(token, "HALFWAY", "{}")


def return_lost(ledger, job, token):
    assert not ledger.return_lost(token, counts=True)


@pytest.mark.parametrize("stale", STALE.values(), ids=STALE)
@pytest.mark.parametrize(
    "write",
    [success, failure, ignored, retry, release, requeue, mark_started, set_custom_state, return_lost],
    ids=lambda write: write.__name__,
)
def test_stale_token_changes_nothing(ledger, process, job, write, stale):
    before = everything_of("job")
    write(ledger, job, stale(token_of(job, process)))

    assert everything_of("job") == before


@pytest.mark.parametrize(
    "write",
    [success, failure, ignored, retry, release, requeue, mark_started, set_custom_state, return_lost],
    ids=lambda write: write.__name__,
)
def test_token_of_a_job_that_has_ended_changes_nothing(ledger, process, job, write):
    ledger.close([closing(job, process, result='"first"')])
    before = everything_of("job")
    write(ledger, job, token_of(job, process))

    assert everything_of("job") == before


def test_stale_closing_in_a_batch_harms_no_other(ledger, process):
    ledger.insert([new_job("a"), new_job("b"), new_job("c")])
    jobs = ledger.claim(process, ("celery",), 3)
    ledger.return_lost(token_of(jobs[1], process), counts=True)
    ledger.close([closing(job, process) for job in jobs])

    assert [job_row(task_id).state for task_id in "abc"] == ["completed", "available", "completed"]


# --- given back -----------------------------------------------------------------------------------


def test_released_job_is_as_if_it_had_never_been_claimed(ledger, process, job):
    ledger.release([token_of(job, process)])

    row = job_row("job")
    assert (row.state, row.process_id, row.claimed_at, row.lost_attempts) == ("available", None, None, 0)
    assert claim_one(ledger, process)[3:5] == (2, 0)


def test_requeued_job_says_at_its_next_delivery_that_it_had_begun(ledger, process, job):
    ledger.requeue([token_of(job, process)])

    assert claim_one(ledger, process).begun_at is not None


def test_beginning_is_noted_with_or_without_its_acknowledgement(ledger, process):
    ledger.insert([new_job("late"), new_job("early")])
    late, early = ledger.claim(process, ("celery",), 2)
    assert ledger.mark_started(token_of(late, process), acknowledge=False)
    assert ledger.mark_started(token_of(early, process), acknowledge=True)

    assert (job_row("late").started_at is None, job_row("late").acknowledged_at is None) == (False, True)
    assert (job_row("early").started_at is None, job_row("early").acknowledged_at is None) == (False, False)


def test_token_can_be_written_by_whoever_holds_it(ledger, process, job):
    token = Token(job.id, process, 1)
    assert ledger.set_custom_state(token, "HALFWAY", '{"done": 1}')

    assert (job_row("job").custom_state, job_row("job").meta) == ("HALFWAY", '{"done": 1}')


def test_moments_are_stored_as_django_reads_them(ledger, process, job):
    before = timezone.now()
    ledger.mark_started(token_of(job, process), acknowledge=False)

    assert before - timedelta(milliseconds=1) <= job_row("job").started_at <= timezone.now()
