"""Chains and errbacks hear of a job's end at least once, also when whoever was to tell them dies."""

from __future__ import annotations

import pytest
from celery import chain
from django.utils import timezone

from engine.fixtures import task_of
from engine.jobs import EXPIRED, elsewhere, job_row, new_job
from real_databases import BOTH_DATABASES
from workstate.core.jobs.history import Notice
from workstate.core.jobs.models import Job
from workstate.core.worker import rescuer as rescuer_module
from workstate.core.worker.followers import PATIENCE
from workstate.core.worker.rescuer import Rescuer

pytestmark = BOTH_DATABASES


def step(value=None):
    return value


class Died(BaseException):
    """The rescuer's process is killed here."""


@pytest.fixture
def rescuer(database, app, settings):
    settings.WORKSTATE = {"MAX_LOST_ATTEMPTS": 1}
    return Rescuer("default")


@pytest.fixture
def lost_chain(app, ledger):
    """A chain whose first job a lost worker holds."""
    task = task_of(app, step)
    result = chain(task.s(1), task.s()).apply_async()
    ledger.claim(ledger.register(elsewhere(lease=EXPIRED)), ("celery",), 1)
    return result


def test_chain_of_a_lost_job_hears_of_it_and_nothing_is_left_to_tell(rescuer, lost_chain):
    rescuer.rescue(judges_leases=True)

    assert (lost_chain.parent.state, lost_chain.state) == ("FAILURE", "FAILURE")
    assert not Notice.objects.exists()


def test_rescuer_that_died_before_it_could_tell_is_followed_by_another(rescuer, lost_chain, monkeypatch):
    def die(*args):
        raise Died

    monkeypatch.setattr(rescuer_module, "tell_followers", die)
    with pytest.raises(Died):
        rescuer.rescue(judges_leases=True)
    monkeypatch.undo()
    rescuer.rescue(judges_leases=True)
    assert lost_chain.state == "PENDING"  # the other one may still be at it

    Notice.objects.update(taken_at=timezone.now() - 2 * PATIENCE)
    rescuer.rescue(judges_leases=True)
    assert lost_chain.state == "FAILURE"
    assert not Notice.objects.exists()


def test_what_was_told_is_no_dead_letter_of_its_own(rescuer, lost_chain):
    rescuer.rescue(judges_leases=True)

    assert list(Job.objects.dead_letters().values_list("task_id", flat=True)) == [lost_chain.parent.id]


def test_notice_of_a_job_that_is_gone_is_dropped(rescuer, ledger):
    ledger.leave_notices([7])
    Notice.objects.update(taken_at=timezone.now() - 2 * PATIENCE)
    rescuer.rescue(judges_leases=True)

    assert not Notice.objects.exists()


def test_errback_that_is_nonsense_is_not_tried_for_ever(rescuer, ledger):
    ledger.insert([new_job("job", body='[[], {}, {"errbacks": 7}]')])
    ledger.claim(ledger.register(elsewhere(lease=EXPIRED)), ("celery",), 1)
    rescuer.rescue(judges_leases=True)

    assert job_row("job").state == "discarded"
    assert not Notice.objects.exists()
