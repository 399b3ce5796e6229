"""Jobs go from the table to an outside broker and back, and are claimed once wherever they lie."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from engine.jobs import claim_one, job_row, new_job, new_process, states, token_of
from real_databases import BOTH_DATABASES
from workstate.core.jobs.models import Job

pytestmark = BOTH_DATABASES


@pytest.fixture
def process(ledger):
    return ledger.register(new_process())


def lanes():
    return dict(Job.objects.values_list("task_id", "lane"))


def test_jobs_are_noted_as_handed_over_only_when_they_are_due(ledger):
    later = timezone.now() + timedelta(hours=1)

    ledger.insert([new_job("now"), new_job("later", available_at=later)], hands_over=True)

    assert lanes() == {"now": "broker", "later": "database"}
    assert job_row("now").handed_over_at is not None
    assert job_row("later").handed_over_at is None


def test_the_first_of_a_queue_are_handed_over_first(ledger):
    ledger.insert([new_job("late", priority=9), new_job("first"), new_job("second")])

    assert ledger.queues_to_hand_over(["other", "celery"]) == ["celery"]
    assert [job.task_id for job in ledger.hand_over("celery", 2)] == ["first", "second"]
    assert lanes() == {"late": "database", "first": "broker", "second": "broker"}


def test_what_was_handed_over_is_not_handed_over_again(ledger):
    ledger.insert([new_job("one")])
    ledger.hand_over("celery", 10)

    assert ledger.queues_to_hand_over(["celery"]) == []
    assert ledger.hand_over("celery", 10) == []


def test_a_job_that_a_broker_delivers_twice_is_claimed_once(ledger, process):
    ledger.insert([new_job("one")], hands_over=True)

    first = ledger.claim(process, ["celery"], 2, lanes=["broker"])

    assert [job.task_id for job in first] == ["one"]
    assert ledger.claim(process, ["celery"], 1, lanes=["broker"]) == []
    assert states() == {"one": "executing"}


def test_a_worker_without_the_broker_claims_in_both_lanes_by_priority(ledger, process):
    ledger.insert([new_job("handed over")], hands_over=True)
    ledger.insert([new_job("urgent", priority=-1), new_job("late", priority=1)])

    assert ledger.has_handed_over()
    assert [job.task_id for job in ledger.claim(process, ["celery"], 10)] == ["urgent", "late"]
    assert [job.task_id for job in ledger.claim(process, ["celery"], 10, lanes=["database", "broker"])] == [
        "handed over"
    ]
    assert not ledger.has_handed_over()


def test_a_job_that_becomes_available_again_lies_in_the_table(ledger, process):
    ledger.insert([new_job("one")], hands_over=True)
    [claimed] = ledger.claim(process, ["celery"], 1, lanes=["broker"])

    ledger.release([token_of(claimed, process)])

    assert states() == {"one": "available"}
    assert lanes() == {"one": "database"}


def test_nobody_claims_for_a_process_that_was_declared_lost(ledger, process):
    ledger.insert([new_job("one")], hands_over=True)
    ledger.end_process(process, "lost")

    assert ledger.claim(process, ["celery"], 1, lanes=["broker"]) == []


def test_only_unclaimed_jobs_are_taken_back(ledger, process):
    ledger.insert([new_job("running"), new_job("waiting")], hands_over=True)
    ledger.claim(process, ["celery"], 1, lanes=["broker"])

    assert ledger.take_back(["waiting", "running", "unknown"]) == 1
    assert claim_one(ledger, process).task_id == "waiting"


def test_the_oldest_is_told_for_each_queue_and_priority(ledger):
    ledger.insert([new_job("a"), new_job("b", priority=3), new_job("c", priority=3)], hands_over=True)
    ledger.insert([new_job("d", queue="other")], hands_over=True)
    long_ago = timezone.now() - timedelta(minutes=5)
    Job.objects.filter(task_id="c").update(handed_over_at=long_ago)

    oldest = ledger.oldest_handed_over(["celery", "other", "empty"])

    assert [(head.queue, head.priority) for head in oldest] == [("celery", 0), ("other", 0), ("celery", 3)]
    assert oldest[2].handed_over_at == long_ago


def test_those_handed_over_long_ago_are_taken_back(ledger):
    ledger.insert([new_job("old"), new_job("new"), new_job("other priority", priority=3)], hands_over=True)
    now = timezone.now()
    Job.objects.exclude(task_id="new").update(handed_over_at=now - timedelta(minutes=5))

    assert ledger.take_back_before("celery", 0, now - timedelta(minutes=1)) == 1
    assert lanes() == {"old": "database", "new": "broker", "other priority": "broker"}
    assert job_row("old").handed_over_at is None
    assert job_row("new").handed_over_at is not None
