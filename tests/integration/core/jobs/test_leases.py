"""Processes and their leases, as the ledger keeps them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from engine.jobs import EXPIRED, claim_one, elsewhere, new_job, new_process, token_of
from real_databases import BOTH_DATABASES
from workstate.core.jobs.models import Process
from workstate.core.worker.machine import this_machine

pytestmark = BOTH_DATABASES

NO_TIME = timedelta()


def test_registered_process_is_shown_as_it_described_itself(ledger):
    process_id = ledger.register(new_process(queues=("a", "b"), concurrency=4))

    row = Process.objects.get(id=process_id)
    assert (row.name, row.queues, row.concurrency, row.ended_at) == ("celery@test", "a,b", 4, None)
    assert timezone.now() < row.lease_expires_at <= timezone.now() + timedelta(seconds=15)


def test_renewal_moves_the_lease_on_and_shows_present_queues(ledger):
    process_id = ledger.register(new_process(lease=EXPIRED))
    assert [process.id for process in ledger.expired_processes(overdue=NO_TIME)] == [process_id]

    assert ledger.renew(process_id, new_process(queues=("c",), concurrency=2))
    assert ledger.expired_processes(overdue=NO_TIME) == []
    assert Process.objects.get().queues == "c"


def test_lease_is_overdue_some_time_after_it_ran_out(ledger):
    ledger.register(new_process(lease=timedelta(seconds=-10)))

    assert len(ledger.expired_processes(overdue=timedelta(seconds=5))) == 1
    assert ledger.expired_processes(overdue=timedelta(seconds=60)) == []


def test_lease_that_was_taken_away_can_not_be_renewed(ledger):
    process_id = ledger.register(new_process())
    assert ledger.end_process(process_id, "lost")

    assert not ledger.renew(process_id, new_process())
    assert not ledger.end_process(process_id, "stopped")
    assert Process.objects.get().ended_reason == "lost"


def test_each_process_gets_an_id_of_its_own(ledger):
    assert ledger.register(new_process()) != ledger.register(new_process())


def test_live_processes_are_those_of_one_machine_that_have_not_ended(ledger):
    here, ended, there = (ledger.register(process) for process in (new_process(), new_process(), elsewhere()))
    ledger.end_process(ended, "stopped")

    assert [process.id for process in ledger.processes_on(this_machine())] == [here]
    assert [process.id for process in ledger.processes_on("elsewhere")] == [there]


def test_ended_processes_that_hold_jobs_are_found(ledger):
    holder, stopped = ledger.register(new_process()), ledger.register(new_process())
    ledger.insert([new_job()])
    claim_one(ledger, holder)
    assert ledger.ended_holders() == []
    for process_id in (holder, stopped):
        ledger.end_process(process_id, "stopped")

    assert ledger.ended_holders() == [holder]


def test_held_jobs_tell_what_the_rescuer_must_know(ledger):
    process_id = ledger.register(new_process())
    ledger.insert([new_job("begun"), new_job("acknowledged"), new_job("waiting", chord_id="sum")])
    begun, acknowledged, waiting = ledger.claim(process_id, ("celery",), 3)
    for job, acknowledge in ((begun, False), (acknowledged, True)):
        ledger.mark_started(token_of(job, process_id), acknowledge=acknowledge)

    held = {job.id: job for job in ledger.held_by(process_id)}
    assert [held[job.id].was_started for job in (begun, acknowledged, waiting)] == [1, 1, 0]
    assert [held[job.id].was_acknowledged for job in (begun, acknowledged, waiting)] == [0, 1, 0]
    assert held[waiting.id].chord_id == "sum"


def test_beginning_of_an_earlier_attempt_is_none_of_this_one(ledger):
    """A requeued job keeps when it had begun; held again and not begun, it must not be blamed."""
    process_id = ledger.register(new_process())
    ledger.insert([new_job()])
    ledger.requeue([token_of(claim_one(ledger, process_id), process_id)])
    claim_one(ledger, process_id)

    [held] = ledger.held_by(process_id)
    assert not held.was_started


@pytest.mark.parametrize("counts", [True, False])
def test_lost_job_is_available_again_and_counted_when_it_is_to_be(ledger, counts):
    process_id = ledger.register(new_process())
    ledger.insert([new_job()])
    job = claim_one(ledger, process_id)

    assert ledger.return_lost(token_of(job, process_id), counts=counts)
    assert claim_one(ledger, process_id).lost_attempts == int(counts)
