"""What a process has claimed and not yet closed."""

from __future__ import annotations

import os
import threading

import pytest

from engine.fixtures import task_of
from engine.jobs import job_row, new_job, states
from real_databases import BOTH_DATABASES
from workstate.core.broker.holdings import Holdings
from workstate.core.jobs.models import Job, Process
from workstate.core.jobs.states import State

pytestmark = BOTH_DATABASES


@pytest.fixture
def holdings(worker):
    """On an event loop that the test turns itself."""
    worker.holdings.on_pending = lambda: None
    return worker.holdings


@pytest.fixture
def claimed(ledger, worker, holdings):
    ledger.insert([new_job(str(number)) for number in range(4)])
    return worker.claim()


def test_claimed_jobs_are_held_in_their_order(holdings, claimed):
    assert [message.job.task_id for message in claimed] == ["0", "1", "2", "3"]
    assert all(holdings.holds(message) and holdings.get(message.job.task_id) is message for message in claimed)
    assert Holdings.find("2") == (holdings, claimed[2])


def test_closings_are_written_together_and_not_before(holdings, claimed):
    for message in claimed:
        holdings.complete(message)
    assert set(states().values()) == {"executing"}

    holdings.flush()
    assert set(states().values()) == {"completed"}
    assert Holdings.find("2") is None


def test_closings_are_written_with_the_next_claim(ledger, worker, holdings, claimed):
    holdings.complete(claimed[0])
    ledger.insert([new_job("next")])
    [message] = worker.claim()

    assert (message.job.task_id, states()["0"]) == ("next", "completed")


def test_closing_is_written_even_when_there_is_no_room_for_a_claim(worker, holdings, claimed):
    holdings.complete(claimed[0])
    worker.claim(0)

    assert states()["0"] == "completed"


def test_without_an_event_loop_every_closing_is_written_at_once(holdings, claimed):
    holdings.on_pending = None
    holdings.complete(claimed[0])

    assert states()["0"] == "completed"


def test_second_end_of_a_job_changes_nothing(holdings, claimed):
    holdings.close(claimed[0], State.COMPLETED, result='"first"')
    holdings.discard(claimed[0], reason="second")
    holdings.release(claimed[0])
    holdings.flush()
    holdings.discard(claimed[0], reason="third")
    holdings.flush()

    assert (job_row("0").state, job_row("0").result) == ("completed", '"first"')


def test_released_job_can_be_claimed_again_and_its_old_message_is_nothing_any_more(worker, holdings, claimed):
    old = claimed[0]
    holdings.release(old)
    holdings.flush()
    [new] = worker.claim()
    holdings.complete(old)
    holdings.flush()

    assert (new.job.task_id, new.job.attempt) == ("0", 2)
    assert states()["0"] == "executing"
    assert holdings.holds(new)
    assert not holdings.holds(old)


def test_job_that_was_rescued_meanwhile_is_not_closed_by_its_stale_holder(ledger, holdings, claimed):
    ledger.return_lost(claimed[0].token, counts=True)
    holdings.close(claimed[0], State.COMPLETED, result='"stale"')
    holdings.complete(claimed[1])
    holdings.flush()

    assert (states()["0"], states()["1"]) == ("available", "completed")
    assert job_row("0").result is None


def test_group_is_due_by_time_or_by_number(holdings, claimed, monkeypatch):
    monkeypatch.setattr("workstate.core.broker.pending.WRITE_AFTER_SECONDS", 3600)
    monkeypatch.setattr("workstate.core.broker.pending.WRITE_AT", 2)
    due = []
    for message in claimed[:2]:
        due.append(holdings.pending.are_due)
        holdings.complete(message)
    assert [*due, holdings.pending.are_due] == [False, False, True]
    monkeypatch.setattr("workstate.core.broker.pending.WRITE_AT", 64)
    assert not holdings.pending.are_due
    monkeypatch.setattr("workstate.core.broker.pending.WRITE_AFTER_SECONDS", 0)
    assert holdings.pending.are_due


def test_loop_is_told_once_for_each_group(holdings, claimed):
    told = []
    holdings.on_pending = lambda: told.append(1)
    holdings.complete(claimed[0])
    holdings.complete(claimed[1])
    assert told == [1]
    holdings.flush()
    holdings.complete(claimed[2])
    assert told == [1, 1]


def test_job_of_a_lost_pool_process_is_available_again(holdings, claimed):
    claimed[0].is_started = True
    holdings.return_lost(claimed[0])
    holdings.flush()

    assert (states()["0"], job_row("0").lost_attempts) == ("available", 1)


def test_failure_that_is_told_after_the_closing_still_reaches_the_row(holdings, claimed):
    from engine.jobs import FAILURE

    holdings.discard(claimed[0], reason="time limit exceeded")
    holdings.note_failure(claimed[0], FAILURE)
    holdings.flush()

    assert (job_row("0").error_type, job_row("0").reason) == (FAILURE.type, "time limit exceeded")


def test_process_that_stops_gives_back_what_has_not_begun_and_ends_its_lease(holdings, claimed):
    claimed[0].is_started = True
    holdings.complete(claimed[1])
    holdings.stop()

    assert states() == {"0": "executing", "1": "completed", "2": "available", "3": "available"}
    assert Process.objects.get().ended_reason == "stopped"


def test_forked_child_holds_nothing_of_its_parent_s(holdings, claimed):
    child = os.fork()
    if child == 0:
        os._exit(int(Holdings.find("0") is not None))
    assert os.waitpid(child, 0)[1] == 0
    assert Holdings.find("0") is not None


@pytest.mark.parametrize("headers", ["{half", pytest.param("[" * 100_000, id="too deep")])
def test_message_that_can_not_be_read_becomes_a_dead_letter_and_the_others_come(ledger, worker, holdings, headers):
    ledger.insert([new_job("good"), new_job("bad", headers=headers), new_job("best")])

    assert [message.job.task_id for message in worker.claim()] == ["good", "best"]
    holdings.flush()
    assert states() == {"good": "executing", "bad": "discarded", "best": "executing"}
    assert "unreadable" in job_row("bad").reason


def test_pool_threads_may_end_jobs_at_once(ledger, worker, holdings):
    """The threads pool calls back from its own threads while the main thread writes."""
    ledger.insert([new_job(f"many-{number}") for number in range(400)])
    messages = worker.claim(400)
    shares = [messages[start::4] for start in range(4)]
    threads = [threading.Thread(target=lambda share: [holdings.complete(m) for m in share], args=(s,)) for s in shares]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        holdings.flush()
    holdings.flush()

    assert Job.objects.filter(state="completed").count() == 400
    assert not holdings._held


def test_outcome_of_a_task_is_closed_with_its_times(app, worker):
    def work():
        return "done"

    result = task_of(app, work).delay()
    worker.drain()
    row = job_row(result.id)

    assert row.enqueued_at <= row.claimed_at <= row.started_at <= row.ended_at
    assert result.date_done == row.ended_at


@pytest.mark.timeout(20)
def test_signal_that_interrupts_the_main_thread_may_give_jobs_back(worker):
    """A cold shutdown cancels what runs from within its signal's handler, wherever the main thread is."""
    Holdings.of_process("default")._ledger().insert([new_job("interrupted")])
    [message] = worker.claim()
    with worker.holdings.pending._lock:
        worker.holdings.release_all([message])

    assert states() == {"interrupted": "available"}
