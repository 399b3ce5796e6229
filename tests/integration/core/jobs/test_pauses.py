"""Queues that are paused: who sees it, and what it keeps from being claimed."""

from __future__ import annotations

import pytest
from django.db import transaction

from engine.fixtures import task_of
from engine.jobs import new_job, new_process, states
from real_databases import BOTH_DATABASES
from workstate.core.jobs.ledger import ledger_on
from workstate.core.jobs.pauses import list_paused_queues, pause_queue, resume_queue
from workstate.core.live.models import Event

pytestmark = BOTH_DATABASES


@pytest.fixture
def process(ledger):
    return ledger.register(new_process())


def claimed(ledger, process, *queues):
    return [job.task_id for job in ledger.claim(process, queues, 100)]


def test_nothing_is_claimed_from_a_paused_queue_and_the_others_go_on(ledger, process):
    ledger.insert([new_job("mail", queue="mail"), new_job("report", queue="reports")])
    pause_queue(queue="mail", by="ada")

    assert claimed(ledger, process, "mail") == []
    assert claimed(ledger, process, "mail", "reports") == ["report"]


def test_resumed_queue_is_claimed_from_again(ledger, process):
    ledger.insert([new_job("mail", queue="mail")])
    pause_queue(queue="mail", by="ada")

    assert resume_queue(queue="mail", by="grace")
    assert claimed(ledger, process, "mail") == ["mail"]
    assert not resume_queue(queue="mail", by="grace")


def test_first_pause_stays_when_somebody_pauses_again(database):
    pause_queue(queue="mail", by="ada", reason="the provider is down")
    again = pause_queue(queue="mail", by="grace", reason="no idea")

    assert (again.paused_by, again.reason) == ("ada", "the provider is down")
    assert [pause.queue for pause in list_paused_queues()] == ["mail"]


def test_pause_that_is_rolled_back_never_was(ledger, process):
    ledger.insert([new_job("mail", queue="mail")])
    with transaction.atomic():
        pause_queue(queue="mail", by="ada")
        transaction.set_rollback(True)

    assert claimed(ledger, process, "mail") == ["mail"]
    assert not Event.objects.exists()


def test_pause_and_resume_are_told_to_those_who_operate(database):
    pause_queue(queue="mail", by="ada", reason="the provider is down")
    pause_queue(queue="mail", by="grace")
    resume_queue(queue="mail", by="ada")

    assert list(Event.objects.order_by("offset").values_list("stream", "type", "data")) == [
        ("operations", "queue.paused", {"queue": "mail", "by": "ada", "reason": "the provider is down"}),
        ("operations", "queue.resumed", {"queue": "mail", "by": "ada"}),
    ]


def test_what_was_claimed_and_has_not_begun_is_given_back(app, worker):
    def work():
        return None

    task = task_of(app, work)
    running, waiting = (task.apply_async(queue=queue) for queue in ("celery", "mail"))
    [first, _] = worker.holdings.claim(["celery", "mail"], 2, worker.channel)
    pause_queue(queue="mail", by="ada")
    worker.holdings.release_paused()

    assert states() == {running.id: "executing", waiting.id: "available"}
    assert worker.holdings.holds(first)


def test_what_runs_is_not_given_back(app, worker):
    def work():
        return None

    task_id = task_of(app, work).delay().id
    [message] = worker.claim()
    message.is_with_pool = True
    pause_queue(queue="celery", by="ada")
    worker.holdings.release_paused()

    assert states() == {task_id: "executing"}


def test_paused_queue_is_known_through_any_connection(database, connect):
    pause_queue(queue="mail", by="ada")

    assert ledger_on(connect()).paused_of({"mail", "reports"}) == {"mail"}


def test_job_that_a_broker_delivers_is_not_claimed_while_its_queue_is_paused(ledger, process):
    ledger.insert([new_job("mail", queue="mail")], hands_over=True)
    pause_queue(queue="mail", by="ada")

    assert ledger.claim(process, ["mail"], 1, lanes=["broker"]) == []
    assert not ledger.has_handed_over()
    assert ledger.queues_to_hand_over(["mail"]) == []
    assert ledger.hand_over("mail", 10) == []
    resume_queue(queue="mail", by="ada")
    assert [job.task_id for job in ledger.hand_over("mail", 10)] == ["mail"]
