"""What is inserted, when it becomes due, and who gets it first."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from engine.jobs import HOUR, claim_one, closing, job_row, new_job, new_process, states, token_of
from real_databases import BOTH_DATABASES
from workstate.core.jobs.enqueue import enqueue
from workstate.core.jobs.ledger import ledger_on
from workstate.core.jobs.models import Job
from workstate.core.jobs.records import Failure
from workstate.core.jobs.states import State

pytestmark = BOTH_DATABASES


@pytest.fixture
def process(ledger):
    return ledger.register(new_process())


def claimed(ledger, process, *queues, limit=100):
    return [job.task_id for job in ledger.claim(process, queues or ("celery",), limit)]


def test_lower_priority_numbers_come_first_then_older_jobs(ledger, process):
    ledger.insert([new_job("late", priority=9), new_job("first"), new_job("second"), new_job("urgent", priority=-1)])

    assert claimed(ledger, process) == ["urgent", "first", "second", "late"]


def test_queues_are_merged_by_priority_and_age(ledger, process):
    ledger.insert(
        [
            new_job("a1", queue="a", priority=5),
            new_job("b1", queue="b"),
            new_job("c1", queue="c"),
            new_job("a2", queue="a"),
        ]
    )

    assert claimed(ledger, process, "a", "b", "c", limit=3) == ["b1", "c1", "a2"]


def test_nothing_is_claimed_from_other_queues(ledger, process):
    ledger.insert([new_job("here"), new_job("there", queue="other")])

    assert claimed(ledger, process) == ["here"]
    assert states() == {"here": "executing", "there": "available"}


@pytest.mark.parametrize("queues", [("celery",), ("celery", "a", "b", "c", "d", "e", "f", "g", "h")])
def test_a_claim_takes_no_more_than_its_limit(ledger, process, queues):
    ledger.insert([new_job() for _ in range(10)])

    assert [len(claimed(ledger, process, *queues, limit=4)) for _ in range(4)] == [4, 4, 2, 0]


def test_claim_counts_the_attempt_and_names_its_holder(ledger, process):
    ledger.insert([new_job("job")])
    job = claim_one(ledger, process)

    row = job_row("job")
    assert (job.attempt, job.lost_attempts, job.begun_at) == (1, 0, None)
    assert (row.state, row.attempt, row.process_id) == ("executing", 1, process)
    assert row.claimed_at is not None


def test_process_whose_lease_was_taken_away_claims_nothing(ledger, process):
    ledger.insert([new_job("job")])
    ledger.end_process(process, "lost")

    assert claimed(ledger, process) == []
    assert states() == {"job": "available"}


def test_process_that_nobody_knows_claims_nothing(ledger):
    ledger.insert([new_job("job")])

    assert claimed(ledger, 4711) == []


def test_jobs_of_the_broker_s_lane_are_not_claimed(ledger, process):
    ledger.insert([new_job("job")])
    Job.objects.update(lane="broker")

    assert claimed(ledger, process) == []


def test_claims_made_at_once_never_overlap(database, ledger, connect):
    ledger.insert([new_job(str(number)) for number in range(300)])
    took = [[] for _ in range(4)]
    connections = [connect() for _ in took]
    gate = threading.Barrier(len(took))
    errors = []

    def claim_all(own, other):
        try:
            own.inc_thread_sharing()
            mine = ledger_on(own)
            process = mine.register(new_process())
            gate.wait()
            idle = 0
            while idle < 3:  # what others have locked is skipped, so one empty claim says little
                jobs = mine.claim(process, ("celery",), 7)
                other.extend(jobs)
                idle = 0 if jobs else idle + 1
        except BaseException as error:  # noqa: BLE001  for the main thread
            errors.append(error)

    threads = [threading.Thread(target=claim_all, args=pair) for pair in zip(connections, took, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    ids = [job.task_id for jobs in took for job in jobs]
    assert len(ids) == len(set(ids))
    assert len(ids) + Job.objects.filter(state="available").count() == 300
    assert Job.objects.filter(state="executing").count() == len(ids)


def test_claim_passes_over_what_another_transaction_has_locked(database, ledger, process, connect):
    if database.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    ledger.insert([new_job("locked"), new_job("free")])
    other = ledger_on(connect())
    with other.transaction():
        other.query("SELECT id FROM workstate_job WHERE task_id = 'locked' FOR UPDATE")
        assert claimed(ledger, process) == ["free"]
    assert claimed(ledger, process) == ["locked"]


def test_job_of_an_open_transaction_is_claimed_after_its_commit(ledger, process, connect):
    with transaction.atomic():
        enqueue([new_job("job")])
        if connection.vendor == "postgresql":
            assert claimed(ledger_on(connect()), process) == []

    assert claimed(ledger, process) == ["job"]


def test_job_of_a_transaction_that_is_rolled_back_never_existed(ledger):
    with transaction.atomic():
        enqueue([new_job("job")])
        transaction.set_rollback(True)

    assert not Job.objects.exists()


def test_jobs_that_are_enqueued_together_come_all_or_none(ledger):
    with pytest.raises(Exception, match=r"(?i)null"):
        enqueue([new_job("good"), new_job("bad", body=None)])

    assert not Job.objects.exists()


# --- time ----------------------------------------------------------------------------------------


def test_job_for_later_is_scheduled_and_not_claimed(ledger, process):
    due = timezone.now() + HOUR
    ledger.insert([new_job("later", available_at=due)])

    assert states() == {"later": "scheduled"}
    assert claimed(ledger, process) == []
    assert ledger.promote_due() == 0
    assert ledger.next_due_at() == due


def test_job_for_a_time_that_is_past_is_available_at_once(ledger, process):
    ledger.insert([new_job("past", available_at=timezone.now() - HOUR)])

    assert claimed(ledger, process) == ["past"]


def test_due_jobs_become_available_and_others_stay(ledger, process):
    ledger.insert([new_job(task_id, available_at=timezone.now() + HOUR) for task_id in ("due", "retried", "later")])
    Job.objects.filter(task_id="retried").update(state="retryable")
    Job.objects.exclude(task_id="later").update(available_at=timezone.now() - HOUR)

    assert ledger.promote_due() == 2
    assert states() == {"due": "available", "retried": "available", "later": "scheduled"}
    assert sorted(claimed(ledger, process)) == ["due", "retried"]


def test_many_due_jobs_are_promoted_in_batches(ledger):
    ledger.insert([new_job(available_at=timezone.now() + HOUR) for _ in range(1100)])
    Job.objects.update(available_at=timezone.now() - HOUR)

    assert [ledger.promote_due() for _ in range(3)] == [1000, 100, 0]


def test_next_due_time_is_the_earliest_of_scheduled_and_retryable(ledger):
    assert ledger.next_due_at() is None
    moments = [timezone.now() + timedelta(minutes=minutes) for minutes in (30, 10, 20)]
    ledger.insert([new_job(str(moment), available_at=moment) for moment in moments])
    Job.objects.filter(task_id=str(moments[1])).update(state="retryable")

    assert ledger.next_due_at() == moments[1]


# --- ids -----------------------------------------------------------------------------------------


def test_second_message_of_a_task_id_is_dropped(ledger, process):
    ledger.insert([new_job("job", body="[[1], {}, {}]")])
    ledger.insert([new_job("job", body="[[2], {}, {}]", queue="other")])

    assert (job_row("job").body, job_row("job").queue) == ("[[1], {}, {}]", "celery")
    assert Job.objects.count() == 1


@pytest.mark.parametrize("state", ["executing", "completed", "discarded", "cancelled", "retryable", "scheduled"])
def test_second_message_changes_no_row_in_any_state(ledger, state):
    ledger.insert([new_job("job")])
    Job.objects.update(state=state)
    ledger.insert([new_job("job", body="[[2], {}, {}]")])

    row = job_row("job")
    assert (row.state, row.body) == (state, "[[], {}, {}]")


def test_message_takes_the_place_of_a_job_that_gave_it_away(ledger, process):
    """Task.replace() sends the new message and ends in Ignore."""
    ledger.insert([new_job("job")])
    job = claim_one(ledger, process)
    ledger.close([closing(job, process, is_ignored=True)])
    assert (job_row("job").state, job_row("job").custom_state) == ("completed", "IGNORED")
    ledger.insert([new_job("job", task="other", body="[[2], {}, {}]")])

    row = job_row("job")
    assert (row.state, row.task, row.body, row.custom_state, row.ended_at) == (
        "available",
        "other",
        "[[2], {}, {}]",
        None,
        None,
    )
    assert claim_one(ledger, process).attempt == 2


def test_job_that_ended_without_ever_being_enqueued_is_recorded(ledger):
    failure = Failure(type="builtins.ValueError", message='["no"]', traceback="…")
    ledger.record_ended("rest", "work", State.DISCARDED, result=None, failure=failure, reason="depended on another")

    row = job_row("rest")
    assert (row.state, row.task, row.error_type, row.reason) == (
        "discarded",
        "work",
        "builtins.ValueError",
        "depended on another",
    )
    assert row.ended_at is not None


def test_record_of_an_end_changes_no_job_that_is_there(ledger):
    ledger.insert([new_job("job")])
    ledger.record_ended("job", "work", State.COMPLETED, result="1", failure=None, reason=None)

    assert states() == {"job": "available"}


def test_token_of_a_claim_names_row_process_and_attempt(ledger, process):
    ledger.insert([new_job("job")])
    job = claim_one(ledger, process)

    assert token_of(job, process) == (job_row("job").id, process, 1)
