"""Jobs that people give up stay in history, with who and why."""

from __future__ import annotations

import pytest
from celery import chain

from engine.fixtures import task_of
from engine.jobs import FAILURE, claim_one, closing, header_job, job_row, new_job, new_process, states
from real_databases import BOTH_DATABASES
from workstate.core.jobs.discards import Discarded, discard_jobs
from workstate.core.jobs.filters import JobFilter
from workstate.core.jobs.history import Intervention
from workstate.core.jobs.models import Job
from workstate.core.jobs.replays import replay_job
from workstate.core.jobs.states import State
from workstate.core.worker.rescuer import Rescuer

pytestmark = BOTH_DATABASES


@pytest.fixture
def process(ledger):
    return ledger.register(new_process())


@pytest.fixture
def dead(ledger, process):
    ledger.insert([new_job("dead")])
    ledger.close([closing(claim_one(ledger, process), process, State.DISCARDED, task="work", failure=FAILURE)])


def give_up(*task_ids):
    return discard_jobs(jobs=JobFilter(task_ids=task_ids), reason="not needed", by="ada")


def test_waiting_job_becomes_a_dead_letter_with_a_reason(ledger):
    ledger.insert([new_job("job")])

    assert give_up("job") == Discarded(discarded=1, dismissed=0, left=0)
    row = job_row("job")
    assert (row.state, row.reason, row.has_ended) == ("discarded", "not needed", True)
    assert row.fingerprint
    assert Job.objects.dead_letters().count() == 1
    act = Intervention.objects.get()
    assert (act.kind, act.by, act.reason) == ("discard", "ada", "not needed")


def test_dead_letter_leaves_the_list_and_stays_in_history(dead):
    assert give_up("dead") == Discarded(discarded=0, dismissed=1, left=0)
    assert not Job.objects.dead_letters().exists()
    assert job_row("dead").error_type == FAILURE.type
    assert (Intervention.objects.get().kind, Intervention.objects.get().by) == ("dismiss", "ada")
    assert give_up("dead") == Discarded(discarded=0, dismissed=0, left=1)


def test_dismissed_job_can_be_replayed(dead):
    give_up("dead")
    replay_job(task_id="dead")

    assert (job_row("dead").state, job_row("dead").dismissed_at) == ("available", None)


def test_running_and_completed_jobs_are_left_as_they_are(ledger, process):
    ledger.insert([new_job("completed"), new_job("running")])
    completed, _ = ledger.claim(process, ("celery",), 2)
    ledger.close([closing(completed, process)])

    assert give_up("completed", "running") == Discarded(discarded=0, dismissed=0, left=2)
    assert states() == {"completed": "completed", "running": "executing"}
    assert not Intervention.objects.exists()


def test_chord_learns_that_a_header_job_was_given_up(ledger, app):
    ledger.insert([header_job("part", "sum")])
    ledger.size_chord("sum", 1)
    give_up("part")

    assert states() == {"part": "discarded", "sum-body": "discarded"}


def test_chain_learns_of_it_through_the_next_worker(ledger, app):
    def step(value=None):
        return value

    task = task_of(app, step)
    result = chain(task.s(1), task.s()).apply_async()
    give_up(result.parent.id)
    Rescuer("default").rescue(judges_leases=False)

    assert (result.parent.state, result.state) == ("FAILURE", "FAILURE")
