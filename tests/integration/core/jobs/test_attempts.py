"""Every attempt that did not complete its job is remembered, in the transaction that ends it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from engine.jobs import EXPIRED, FAILURE, claim_one, closing, elsewhere, job_row, new_job, new_process, token_of
from real_databases import BOTH_DATABASES
from workstate.core.jobs.history import Attempt
from workstate.core.jobs.states import State
from workstate.core.worker.rescuer import Rescuer

pytestmark = BOTH_DATABASES


@pytest.fixture
def process(ledger):
    return ledger.register(new_process())


@pytest.fixture
def job(ledger, process):
    ledger.insert([new_job("job")])
    return claim_one(ledger, process)


def remembered():
    return list(Attempt.objects.order_by("id").values_list("number", "state", "error_type", "reason"))


def test_success_leaves_no_attempt(ledger, process, job):
    ledger.close([closing(job, process)])

    assert remembered() == []


def test_failure_is_remembered_with_all_that_its_job_tells(ledger, process, job):
    end = closing(job, process, State.DISCARDED, task="work", failure=FAILURE, reason="failed")
    ledger.close([end])

    attempt = Attempt.objects.get()
    assert (attempt.job_id, attempt.number, attempt.process_id, attempt.state) == (job.id, 1, process, "discarded")
    assert (attempt.error_type, attempt.error_message) == (FAILURE.type, FAILURE.message)
    assert (attempt.traceback, attempt.reason) == (FAILURE.traceback, "failed")
    assert (attempt.started_at, attempt.ended_at) == (end.started_at, end.ended_at)


def test_each_try_is_remembered_and_the_success_that_follows_is_the_row(ledger, process, job):
    ledger.close([closing(job, process, State.AVAILABLE, successor=new_job("job"), failure=FAILURE)])
    ledger.close([closing(claim_one(ledger, process), process)])

    assert remembered() == [(1, "available", FAILURE.type, None)]
    assert (job_row("job").state, job_row("job").attempt) == ("completed", 2)


def test_ignored_end_is_no_failed_attempt(ledger, process, job):
    ledger.close([closing(job, process, is_ignored=True)])

    assert remembered() == []


def test_job_that_was_cancelled_before_it_began_leaves_no_attempt(ledger, process, job):
    ledger.close([closing(job, process, State.CANCELLED, started_at=None, reason="revoked")])

    assert remembered() == []


def test_stale_worker_leaves_no_attempt(ledger, process, job):
    ledger.close([closing(job, process + 1, State.DISCARDED, failure=FAILURE)])

    assert remembered() == []


def test_job_that_is_given_back_unbegun_leaves_no_attempt(ledger, process, job):
    ledger.release([token_of(job, process)])

    assert remembered() == []


def test_job_that_was_begun_and_refused_leaves_an_attempt(ledger, process, job):
    ledger.requeue([token_of(job, process)])

    assert remembered() == [(1, "available", None, "given back")]


def test_lost_attempts_are_remembered_and_the_last_one_says_what_became_of_the_job(ledger, app):
    ledger.insert([new_job("poison"), new_job("neighbour")])
    for _ in range(3):
        process_id = ledger.register(elsewhere(lease=EXPIRED))
        poison, _ = ledger.claim(process_id, ("celery",), 2)
        ledger.mark_started(token_of(poison, process_id), acknowledge=False)
        Rescuer("default").rescue(judges_leases=True)

    of_poison = Attempt.objects.filter(job_id=job_row("poison").id).order_by("number")
    assert [attempt.state for attempt in of_poison] == ["available", "available", "discarded"]
    assert {attempt.reason for attempt in of_poison} == {"worker lost"}
    assert all(attempt.started_at <= attempt.ended_at for attempt in of_poison if attempt.started_at)
    assert Attempt.objects.filter(job_id=job_row("neighbour").id).count() == 1


def test_beginning_of_an_earlier_attempt_is_not_taken_for_this_one(ledger, process, job):
    ledger.requeue([token_of(job, process)])
    before = timezone.now()
    ledger.requeue([token_of(claim_one(ledger, process), process)])

    assert Attempt.objects.get(number=2).started_at >= before


# --- fingerprints ---------------------------------------------------------------------------------


def test_dead_letters_of_one_cause_have_one_fingerprint(ledger, process):
    ledger.insert([new_job("first"), new_job("second"), new_job("other")])
    first, second, other = ledger.claim(process, ("celery",), 3)
    ledger.close(
        [
            closing(first, process, State.DISCARDED, task="work", failure=FAILURE),
            closing(second, process, State.DISCARDED, task="work", failure=FAILURE),
            closing(other, process, State.DISCARDED, task="other", failure=FAILURE),
        ]
    )

    prints = [job_row(task_id).fingerprint for task_id in ("first", "second", "other")]
    assert prints[0] == prints[1] != prints[2]


def test_job_that_is_no_dead_letter_has_no_fingerprint(ledger, process, job):
    ledger.close([closing(job, process, State.CANCELLED, failure=FAILURE)])

    assert job_row("job").fingerprint is None
