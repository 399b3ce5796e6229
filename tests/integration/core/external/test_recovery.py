"""Calls that were left behind: by a job that was lost, by a sender that is no job, by nobody's fault."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from engine.jobs import job_row
from real_databases import BOTH_DATABASES
from workstate.core.external import selectors, services, transitions
from workstate.core.external.errors import CallAmbiguousError, CallInProgressError, NotAmbiguousError
from workstate.core.external.models import ExternalCall
from workstate.core.external.states import CallState
from workstate.core.external.sweeper import sweep_calls
from workstate.core.external.work import Answer, get_work
from workstate.core.jobs.execution import Execution
from workstate.core.jobs.models import Job
from workstate.core.jobs.records import Token
from workstate.core.tasks import perform_external_call
from workstate.core.telemetry import subscribe, unsubscribe
from workstate.core.telemetry.catalogue import ExternalCallAmbiguous

pytestmark = [BOTH_DATABASES, pytest.mark.usefixtures("database", "app")]

HOUR = timedelta(hours=1)


def leave_sent(work, key="order 7", *, hold=HOUR, job=None):
    """Leave a call as a process does that was killed while it waited for the answer."""
    call = services.plan_call(work, key=key)
    if job is None:
        transitions.begin_send(call, get_work(work.purpose))
    else:
        token = Token(job.pk, job.process_id, job.attempt)
        with Execution(task_id=job.task_id, token=token).running():
            transitions.begin_send(call, get_work(work.purpose))
    ExternalCall.objects.filter(pk=call.pk).update(hold_expires_at=timezone.now() + hold)
    return call


def leave_answered(work, **options):
    call = leave_sent(work, **options)
    transitions.store_answer(call, Answer(body="stored"))
    return call


def make_job(state="executing", **fields):
    now = timezone.now()
    times = {"enqueued_at": now, "available_at": now, "claimed_at": now}
    defaults = {"task": "charge", "queue": "celery", "headers": "{}", "properties": "{}", "body": "[[], {}, {}]"}
    holder = {"process_id": 1} if state == "executing" else {}
    if state in {"completed", "discarded", "cancelled"}:
        times["ended_at"] = now
    return Job.objects.create(
        task_id=f"job-{Job.objects.count()}", state=state, attempt=1, **defaults | times | holder | fields
    )


def state_of(call):
    return ExternalCall.objects.get(pk=call.pk).state


def follow_ups():
    return list(Job.objects.filter(task=perform_external_call.name).values_list("state", flat=True))


def test_a_call_that_somebody_is_making_is_left_to_him(house, work):
    leave_sent(work)

    with pytest.raises(CallInProgressError):
        services.perform_call(work, key="order 7")
    assert sweep_calls() == 0
    assert house.sent == []


def test_a_call_whose_job_runs_is_left_to_it_however_long_it_takes(house, works):
    leave_sent(works.Webhook, hold=-HOUR, job=make_job())

    with pytest.raises(CallInProgressError):
        services.perform_call(works.Webhook, key="order 7")
    assert sweep_calls() == 0


@pytest.mark.parametrize("lost", ["its process", "its attempt", "its job"])
def test_the_next_attempt_of_a_lost_job_decides_by_what_was_declared(house, works, lost):
    for work in (works.Mail, works.Webhook, works.Payment):
        job = make_job()
        leave_sent(work, job=job)
        Job.objects.filter(pk=job.pk).update(
            **{"its process": {"process_id": 2}, "its attempt": {"attempt": 2}, "its job": {"state": "available"}}[lost]
        )

    assert services.perform_call(works.Webhook, key="order 7").state == "applied"
    for work in (works.Mail, works.Payment):
        with pytest.raises(CallAmbiguousError, match="its process died"):
            services.perform_call(work, key="order 7")
    assert house.sent == [("tests.webhook", "order 7")]
    assert [call.purpose for call in selectors.list_awaiting_decision()] == ["tests.payment"]


def test_the_sweep_leaves_a_call_whose_job_will_run_again_to_that_job(house, work):
    call = leave_sent(work, job=make_job("available"))
    answered = leave_answered(work, key="order 8", job=make_job("retryable"))

    assert sweep_calls() == 0
    assert (state_of(call), state_of(answered)) == ("sent", "answered")


@pytest.mark.parametrize("left", ["by a job that ended", "by a sender that is no job"])
def test_the_sweep_finds_what_was_left_for_good(house, work, worker, left):
    job = make_job("discarded") if left == "by a job that ended" else None
    call = leave_sent(work, job=job, hold=-HOUR)

    sweep_calls()  # as the worker's own thread may have done already
    sweep_calls()
    if work.purpose == "tests.webhook":
        worker.run(*worker.claim())
        assert (state_of(call), house.sent) == ("applied", [("tests.webhook", "order 7")])
    else:
        assert (state_of(call), follow_ups()) == ("ambiguous", [])


@pytest.mark.parametrize("left", ["by a job that ended", "by a sender that is no job"])
def test_an_answer_that_was_left_unapplied_is_applied_without_another_call(house, work, worker, left):
    job = make_job("completed") if left == "by a job that ended" else None
    call = leave_answered(work, job=job, hold=-HOUR)

    sweep_calls()  # as the worker's own thread may have done already
    sweep_calls()
    assert follow_ups() == ["available"]
    worker.run(*worker.claim())
    assert state_of(call) == "applied"
    assert (house.sent, house.applied) == ([], [("order 7", "stored")])


def test_an_answer_whose_apply_failed_is_listed_and_left_to_people(house, work, worker):
    call = leave_answered(work)
    transitions.note_error(call, ValueError("a field is missing"))
    ExternalCall.objects.update(hold_expires_at=timezone.now() - HOUR)

    assert sweep_calls() == 0
    assert selectors.list_unapplied() == [call]
    assert services.continue_call(call)
    assert not services.continue_call(ExternalCall(pk=call.pk, state="answered"))  # somebody else was quicker
    worker.run(*worker.claim())
    assert (state_of(call), house.sent) == ("applied", [])


def test_a_call_that_may_be_repeated_is_not_swept_round_for_ever(house, works):
    call = leave_sent(works.Webhook, hold=-HOUR)
    assert sweep_calls() == 1
    leave_sent(works.Webhook, hold=-HOUR)
    assert sweep_calls() == 1

    assert (state_of(call), ExternalCall.objects.get().sends) == ("ambiguous", 2)
    assert selectors.list_awaiting_decision() == [call]


def test_calls_of_a_purpose_that_is_gone_become_ambiguous_and_wait(house, works, caplog):
    call = leave_sent(works.Webhook, hold=-HOUR)
    ExternalCall.objects.update(purpose="of a module that was removed")

    assert sweep_calls() == 1
    assert state_of(call) == "ambiguous"
    assert "No ExternalWork has the purpose" in caplog.text


def test_planning_and_enqueueing_belong_to_the_callers_transaction(house, work, worker):
    with transaction.atomic():
        services.enqueue_call(work, key="order 7", request=[1])
        transaction.set_rollback(True)
    assert not ExternalCall.objects.exists()
    assert not Job.objects.exists()

    with transaction.atomic():
        call = services.enqueue_call(work, key="order 7", request=[1])
        services.enqueue_call(work, key="order 7", request=[1])
    assert follow_ups() == ["available"]
    worker.run(*worker.claim())
    assert (state_of(call), len(house.sent)) == ("applied", 1)
    assert job_row(Job.objects.get().task_id).state == "completed"


def test_the_job_of_a_call_is_tried_again_while_that_may_help_and_ends_when_it_may_not(house, works, worker):
    def refuse_the_line(call):
        raise OSError("connection reset")

    house.send = refuse_the_line
    services.enqueue_call(works.Payment, key="order 7")
    worker.run(*worker.claim())
    payment = Job.objects.get()
    assert (payment.state, payment.error_type.split(".")[-1]) == ("discarded", "CallAmbiguousError")
    assert "connection reset" in payment.error_message

    services.enqueue_call(works.Webhook, key="order 7")
    worker.run(*worker.claim())
    webhook = Job.objects.exclude(pk=payment.pk).get()
    assert webhook.state in {"retryable", "available"}  # the first pause may be none
    assert webhook.error_type == "builtins.OSError"


@pytest.mark.parametrize(
    ("decision", "outcome"),
    [
        ({"as_": CallState.APPLIED}, ("applied", 0, 0)),
        ({"as_": CallState.FAILED}, ("failed", 0, 0)),
        ({"as_": CallState.ANSWERED, "answer": Answer(body="found in their log")}, ("applied", 0, 1)),
        ({"as_": CallState.PLANNED}, ("applied", 1, 1)),
    ],
    ids=["it happened", "it failed", "it was answered", "once more"],
)
def test_somebody_says_what_became_of_an_ambiguous_call(house, work, worker, decision, outcome):
    call = leave_sent(work)
    transitions.mark_ambiguous(call, None)

    services.resolve_ambiguous(call, **decision, by="ada", reason="I asked them")
    for message in worker.claim():
        worker.run(message)

    row = ExternalCall.objects.get()
    assert (row.state, len(house.sent), len(house.applied)) == outcome
    assert (row.resolved_by, row.resolved_reason) == ("ada", "I asked them")
    assert row.resolved_at


def test_a_call_that_became_ambiguous_is_told_once(house, works):
    told = []
    subscribe(told.append, ExternalCallAmbiguous)
    call = leave_sent(works.Payment)
    another_sight = ExternalCall.objects.get()
    try:
        assert transitions.mark_ambiguous(call, None)
        assert not transitions.mark_ambiguous(another_sight, None)
    finally:
        unsubscribe(told.append)

    assert [(event.purpose, event.key, event.error) for event in told] == [
        ("tests.payment", "order 7", transitions.GONE)
    ]


def test_a_call_is_resolved_once(house, works):
    call = leave_sent(works.Payment)
    transitions.mark_ambiguous(call, None)
    seen_by_another = ExternalCall.objects.get()
    services.resolve_ambiguous(call, as_=CallState.FAILED, by="ada", reason="no trace")

    with pytest.raises(NotAmbiguousError, match="It is failed"):
        services.resolve_ambiguous(seen_by_another, as_=CallState.PLANNED, by="bob", reason="once more")
    assert (state_of(call), follow_ups()) == ("failed", [])


@pytest.mark.parametrize(
    ("as_", "answer"), [(CallState.SENT, None), (CallState.ANSWERED, None), (CallState.FAILED, Answer(body=""))]
)
def test_a_resolution_that_says_nothing_is_refused(house, works, as_, answer):
    call = leave_sent(works.Payment)
    transitions.mark_ambiguous(call, None)

    with pytest.raises(ValueError, match="can't be resolved"):
        services.resolve_ambiguous(call, as_=as_, answer=answer, by="ada", reason="?")
    assert state_of(call) == "ambiguous"


def test_what_ended_is_forgotten_in_batches_and_what_waits_is_kept(house, works):
    for number in range(5):
        services.perform_call(works.Payment, key=f"order {number}")
    waiting = leave_sent(works.Payment, key="waiting")
    transitions.mark_ambiguous(waiting, None)
    once = leave_sent(works.Mail, key="never again")
    transitions.mark_ambiguous(once, None)
    soon = timezone.now() + HOUR

    assert services.prune(timezone.now() - HOUR) == 0
    assert [services.prune(soon, limit=4), services.prune(soon, limit=4), services.prune(soon)] == [4, 2, 0]
    assert list(ExternalCall.objects.all()) == [waiting]
    assert selectors.count_by_state() == {CallState.AMBIGUOUS: 1}


def test_the_list_is_by_purpose_and_state(house, works):
    services.perform_call(works.Mail, key="a")
    services.perform_call(works.Payment, key="b")
    leave_sent(works.Payment, key="c")

    assert [call.key for call in selectors.list_calls()] == ["c", "b", "a"]
    assert [call.key for call in selectors.list_calls(purpose="tests.payment", states=[CallState.SENT])] == ["c"]
    assert selectors.find_call("tests.mail", "a").state == "applied"
    assert selectors.find_call("tests.mail", "b") is None
