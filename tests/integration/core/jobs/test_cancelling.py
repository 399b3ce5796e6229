"""A cancelled job does not run, and one that is to be cancelled does not run again, whoever dies in between."""

from __future__ import annotations

import pytest

from engine.fixtures import task_of
from engine.jobs import (
    EXPIRED,
    FAILURE,
    claim_one,
    closing,
    elsewhere,
    header_job,
    job_row,
    new_job,
    new_process,
    states,
    token_of,
)
from real_databases import BOTH_DATABASES
from workstate.core.jobs.cancellations import (
    Cancelling,
    cancel_job,
    cancel_jobs,
    is_cancel_requested,
    raise_if_cancel_requested,
)
from workstate.core.jobs.history import Attempt, Intervention
from workstate.core.jobs.models import Job
from workstate.core.jobs.progress import report_progress
from workstate.core.jobs.states import State
from workstate.core.worker.rescuer import Rescuer

pytestmark = BOTH_DATABASES


def work():
    raise AssertionError


@pytest.fixture
def process(ledger):
    return ledger.register(new_process())


@pytest.fixture
def running(ledger, process):
    """A job that runs and is to be cancelled."""
    ledger.insert([new_job("job")])
    job = claim_one(ledger, process)
    assert cancel_job(task_id="job", reason="withdrawn", by="ada") is Cancelling.REQUESTED
    return job


def test_waiting_job_is_cancelled_at_once(ledger):
    ledger.insert([new_job("job")])

    assert cancel_job(task_id="job", reason="withdrawn", by="ada") is Cancelling.CANCELLED
    assert (job_row("job").state, job_row("job").reason) == ("cancelled", "withdrawn")
    act = Intervention.objects.get()
    assert (act.job_id, act.kind, act.by, act.reason) == (job_row("job").id, "cancel", "ada", "withdrawn")


def test_job_that_has_ended_stays_as_it_is(ledger, process):
    ledger.insert([new_job("job")])
    ledger.close([closing(claim_one(ledger, process), process)])

    assert cancel_job(task_id="job") is Cancelling.TOO_LATE
    assert states() == {"job": "completed"}


def test_job_that_nobody_knows_is_no_error(database):
    assert cancel_job(task_id="nobody") is Cancelling.UNKNOWN


def test_only_the_first_of_several_cancels_is_kept_with_who_and_why(ledger, process):
    ledger.insert([new_job("runs")])
    claim_one(ledger, process)
    ledger.insert([new_job("waits")])
    for by in ("ada", "grace"):
        outcomes = [cancel_job(task_id=task_id, reason=f"{by} says so", by=by) for task_id in ("runs", "waits")]
        assert outcomes[0] is Cancelling.REQUESTED
        assert cancel_jobs(task_ids=["runs", "waits"], reason="again", by=by)[Cancelling.TOO_LATE] == 1

    assert states() == {"runs": "executing", "waits": "cancelled"}
    assert Intervention.objects.count() == 2
    assert set(Intervention.objects.values_list("by", "reason")) == {("ada", "ada says so")}
    assert set(Job.objects.values_list("reason", flat=True)) == {"ada says so"}


def test_many_are_cancelled_each_as_it_stands(ledger, process):
    ledger.insert([new_job("running"), new_job("waiting")])
    claim_one(ledger, process)

    counts = cancel_jobs(task_ids=["running", "waiting", "nobody"])
    assert counts == {
        Cancelling.REQUESTED: 1,
        Cancelling.CANCELLED: 1,
        Cancelling.UNKNOWN: 1,
        Cancelling.TOO_LATE: 0,
    }


def test_second_wish_leaves_the_first_reason(ledger, running):
    cancel_job(task_id="job", reason="other")

    assert job_row("job").reason == "withdrawn"


def test_job_whose_worker_dies_before_it_hears_is_cancelled_and_not_run_again(ledger, app):
    ledger.insert([new_job("job")])
    claim_one(ledger, ledger.register(elsewhere(lease=EXPIRED)))
    cancel_job(task_id="job", reason="withdrawn")
    Rescuer("default").rescue(judges_leases=True)

    assert (job_row("job").state, job_row("job").reason) == ("cancelled", "withdrawn")
    assert Attempt.objects.get().state == "cancelled"


@pytest.mark.parametrize("state", [State.AVAILABLE, State.RETRYABLE])
def test_job_that_asks_for_another_try_is_cancelled_in_place_of_it(ledger, process, running, state):
    ledger.close([closing(running, process, state, successor=new_job("job"), failure=FAILURE)])

    assert (job_row("job").state, job_row("job").reason) == ("cancelled", "withdrawn")
    assert [attempt.state for attempt in Attempt.objects.all()] == ["cancelled"]


def test_job_that_completes_all_the_same_is_completed(ledger, process, running):
    ledger.close([closing(running, process, result='"done"')])

    assert job_row("job").state == "completed"


@pytest.mark.parametrize("begun", [True, False])
def test_job_that_is_given_back_is_cancelled(app, worker, begun):
    task_of(app, work).delay()
    [message] = worker.claim()
    message.is_started = begun
    cancel_job(task_id=message.job.task_id, reason="withdrawn")
    worker.holdings.release(message)
    worker.holdings.flush()

    assert states() == {message.job.task_id: "cancelled"}


def test_job_whose_pool_process_dies_is_cancelled(app, worker):
    task_of(app, work).delay()
    [message] = worker.claim()
    cancel_job(task_id=message.job.task_id, reason="withdrawn")
    worker.holdings.return_lost(message)
    worker.holdings.flush()

    assert states() == {message.job.task_id: "cancelled"}


def test_chord_hears_of_a_header_job_that_is_cancelled_while_its_worker_dies(ledger, app):
    ledger.insert([header_job("part", "sum")])
    ledger.size_chord("sum", 1)
    claim_one(ledger, ledger.register(elsewhere(lease=EXPIRED)))
    cancel_job(task_id="part")
    Rescuer("default").rescue(judges_leases=True)

    assert states() == {"part": "cancelled", "sum-body": "discarded"}


def test_stale_worker_can_not_end_the_wish(ledger, process, running):
    assert ledger.reason_to_cancel(token_of(running, process)) == "withdrawn"
    assert ledger.reason_to_cancel(token_of(running, process + 1)) is None


# --- from within ----------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [lambda: report_progress(1, 2), raise_if_cancel_requested])
def test_running_job_ends_where_it_looks(app, worker, step):
    def work():
        cancel_job(task_id=task.request.id, reason="withdrawn")
        assert is_cancel_requested()
        step()
        raise AssertionError

    task = task_of(app, work)
    result = task.delay()
    worker.drain()

    assert (job_row(result.id).state, job_row(result.id).reason) == ("cancelled", "withdrawn")
    assert result.state == "REVOKED"


def test_job_that_nobody_wants_cancelled_goes_on(app, worker):
    def work():
        raise_if_cancel_requested()
        report_progress(1, 2)
        return is_cancel_requested()

    result = task_of(app, work).delay()
    worker.drain()

    assert result.get(timeout=1) is False


def test_outside_a_job_nothing_is_to_be_cancelled(database):
    assert not is_cancel_requested()
