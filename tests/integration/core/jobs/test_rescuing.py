"""The rules by which the jobs of dead workers run again or end, one by one."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.utils import timezone

from engine.jobs import (
    EXPIRED,
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
from workstate.core.jobs.models import Process
from workstate.core.jobs.states import State
from workstate.core.worker.machine import process_start
from workstate.core.worker.rescuer import GRACE, Rescuer

pytestmark = BOTH_DATABASES


@pytest.fixture
def rescuer(database, app):
    return Rescuer("default")


def hold(ledger, *task_ids, **process):
    """Let a worker whose lease has run out hold jobs; returns its id and the jobs."""
    ledger.insert([new_job(task_id) for task_id in task_ids])
    return hold_available(ledger, **process)


def hold_available(ledger, **process):
    process_id = ledger.register(elsewhere(**{"lease": EXPIRED} | process))
    return process_id, ledger.claim(process_id, ("celery",), 100)


def vars_of_here():
    """What says that a process is of this machine and lives."""
    here = new_process()
    return {"machine": here.machine, "pid": here.pid, "pid_started": here.pid_started}


def lose(ledger, rescuer, *, started=(), acknowledge=False):
    """Claim all that is available, begin some of it, and lose the worker."""
    process_id, jobs = hold_available(ledger)
    for job in jobs:
        if job.task_id in started:
            ledger.mark_started(token_of(job, process_id), acknowledge=acknowledge)
    rescuer.rescue(judges_leases=True)


# --- rule 1 ----------------------------------------------------------------------------------------


def test_process_whose_lease_has_run_out_is_lost(ledger, rescuer):
    process_id, _ = hold(ledger, "job")

    assert rescuer.rescue(judges_leases=True) == 1
    assert states() == {"job": "available"}
    assert Process.objects.get(id=process_id).ended_reason == "lost"


def test_process_whose_lease_runs_keeps_its_jobs(ledger, rescuer):
    hold(ledger, "job", lease=new_process().lease)

    assert rescuer.rescue(judges_leases=True) == 0
    assert states() == {"job": "executing"}


def test_process_of_this_machine_that_is_gone_is_lost_before_its_lease_runs_out(ledger, rescuer):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = process_start(child.pid)
    process_id = ledger.register(new_process(pid=child.pid, pid_started=started))
    ledger.insert([new_job("job")])
    claim_one(ledger, process_id)
    assert rescuer.rescue(judges_leases=True) == 0
    child.communicate(b"\n")

    assert rescuer.rescue(judges_leases=True) == 1
    assert states() == {"job": "available"}


def test_process_of_another_machine_is_not_judged_by_its_pid(ledger, rescuer):
    hold(ledger, "job", lease=new_process().lease, pid=2**22 + 1, pid_started="1")

    assert rescuer.rescue(judges_leases=True) == 0


def test_process_of_this_machine_that_lives_has_time_to_renew_an_overdue_lease(ledger, rescuer):
    hold(ledger, "job", **vars_of_here(), lease=EXPIRED)
    assert rescuer.rescue(judges_leases=True) == 0

    Process.objects.update(lease_expires_at=timezone.now() - 2 * GRACE)
    assert rescuer.rescue(judges_leases=True) == 1
    assert states() == {"job": "available"}


def test_whoever_could_not_renew_its_own_lease_judges_nobody_by_a_lease(ledger, rescuer):
    hold(ledger, "job")

    assert rescuer.rescue(judges_leases=False) == 0
    assert states() == {"job": "executing"}


def test_jobs_of_a_process_that_has_ended_are_rescued(ledger, rescuer):
    """It claimed at the moment when its lease was taken away."""
    process_id, _ = hold(ledger, "job", lease=new_process().lease)
    ledger.end_process(process_id, "stopped")

    assert rescuer.rescue(judges_leases=True) == 1
    assert states() == {"job": "available"}


# --- rule 2 ----------------------------------------------------------------------------------------


def test_second_rescuer_finds_nothing_to_do(ledger, rescuer):
    hold(ledger, "job")
    rescuer.rescue(judges_leases=True)

    assert rescuer.rescue(judges_leases=True) == 0
    assert job_row("job").lost_attempts == 1


def test_worker_that_was_only_silent_changes_nothing_afterwards(ledger, rescuer):
    process_id, [job] = hold(ledger, "job")
    rescuer.rescue(judges_leases=True)
    living = ledger.register(new_process())
    claim_one(ledger, living)
    ledger.close([closing(job, process_id, result='"stale"')])

    assert (job_row("job").state, job_row("job").process_id) == ("executing", living)


# --- rule 3 ----------------------------------------------------------------------------------------


def test_job_that_was_acknowledged_early_is_discarded(ledger, rescuer):
    ledger.insert([new_job("once")])
    lose(ledger, rescuer, started={"once"}, acknowledge=True)

    row = job_row("once")
    assert (row.state, row.reason) == ("discarded", "worker lost")
    assert "acks_late=False" in row.error_message


def test_job_that_would_be_acknowledged_early_and_has_not_begun_runs_again(ledger, rescuer):
    ledger.insert([new_job("once")])
    lose(ledger, rescuer)

    assert states() == {"once": "available"}


def test_retry_of_a_job_that_was_acknowledged_early_has_not_begun_by_that(ledger, rescuer):
    ledger.insert([new_job("once")])
    living = ledger.register(new_process())
    first = claim_one(ledger, living)
    ledger.mark_started(token_of(first, living), acknowledge=True)
    ledger.close([closing(first, living, State.AVAILABLE, successor=new_job("once"))])
    lose(ledger, rescuer)

    assert states() == {"once": "available"}


# --- rule 4 ----------------------------------------------------------------------------------------


def test_first_loss_counts_for_all_that_the_worker_held(ledger, rescuer):
    ledger.insert([new_job("poison"), new_job("neighbour")])
    lose(ledger, rescuer, started={"poison"})

    assert [job_row(task_id).lost_attempts for task_id in ("poison", "neighbour")] == [1, 1]


def test_later_losses_count_only_for_jobs_that_had_begun(ledger, rescuer):
    ledger.insert([new_job("poison"), new_job("neighbour")])
    for _ in range(2):
        lose(ledger, rescuer, started={"poison"})

    assert [job_row(task_id).lost_attempts for task_id in ("poison", "neighbour")] == [2, 1]


# --- rule 5 ----------------------------------------------------------------------------------------


def test_job_that_has_lost_as_many_attempts_as_it_may_is_discarded(ledger, rescuer):
    ledger.insert([new_job("poison"), new_job("neighbour")])
    for _ in range(3):
        lose(ledger, rescuer, started={"poison"})

    assert states() == {"poison": "discarded", "neighbour": "available"}
    row = job_row("poison")
    assert (row.reason, row.error_type) == ("worker lost", "billiard.exceptions.WorkerLostError")
    assert "3 times" in row.error_message


def test_project_says_how_many_attempts_may_be_lost(ledger, rescuer, settings):
    settings.WORKSTATE = {"MAX_LOST_ATTEMPTS": 1}
    ledger.insert([new_job("poison")])
    lose(ledger, rescuer)

    assert states() == {"poison": "discarded"}


def test_neighbour_of_many_deaths_is_never_discarded_for_them(ledger, rescuer):
    ledger.insert([new_job("neighbour")])
    for _ in range(6):
        lose(ledger, rescuer)

    assert (job_row("neighbour").state, job_row("neighbour").lost_attempts) == ("available", 1)


def test_discarded_header_job_lets_its_chord_go_on(ledger, rescuer):
    ledger.insert([header_job("part", "sum")])
    ledger.size_chord("sum", 1)
    for _ in range(3):
        lose(ledger, rescuer, started={"part"})

    assert states() == {"part": "discarded", "sum-body": "discarded"}
    assert job_row("sum-body").error_type == "celery.exceptions.ChordError"


def test_header_job_whose_errback_is_nonsense_stops_no_other_rescue(ledger, rescuer):
    body = {"task": "sum", "args": [], "options": {"task_id": "body", "queue": None, "link_error": [{"task": 7}]}}
    ledger.insert([header_job("part", "sum", body)])
    ledger.size_chord("sum", 1)
    process_id, [job] = hold_available(ledger)
    ledger.mark_started(token_of(job, process_id), acknowledge=True)
    hold(ledger, "other")
    rescuer.rescue(judges_leases=True)

    assert states()["other"] == "available"
    assert states()["part"] == "discarded"
