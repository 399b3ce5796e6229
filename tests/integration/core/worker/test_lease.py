"""The thread that keeps this process's lease."""

from __future__ import annotations

import logging

import pytest
from django.db import OperationalError

from engine.jobs import EXPIRED, claim_one, new_job, new_process, states
from real_databases import BOTH_DATABASES
from workbench.waiting import wait_until
from workstate.core.jobs.ledger.processes import ProcessLeases
from workstate.core.jobs.models import Process
from workstate.core.worker import lease
from workstate.core.worker.lease import LeaseKeeper

pytestmark = BOTH_DATABASES


@pytest.fixture
def keeper(database, monkeypatch):
    """A lease that is renewed every ten milliseconds."""
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.01)
    keeper = LeaseKeeper("default", new_process)
    yield keeper
    keeper.stop("stopped")
    if keeper._thread.ident:
        keeper._thread.join(5)  # `stop` itself waits no longer than one renewal


def test_lease_is_taken_kept_and_given_back(keeper):
    keeper.start()
    first = Process.objects.get(id=keeper.process_id)
    wait_until(lambda: Process.objects.get().lease_expires_at > first.lease_expires_at)
    keeper.stop("stopped")
    keeper._thread.join(5)

    ended = Process.objects.get()
    assert (ended.id, ended.ended_reason) == (first.id, "stopped")
    assert ended.ended_at is not None
    assert not keeper._thread.is_alive()


def test_worker_that_was_declared_lost_goes_on_with_a_new_lease(keeper, ledger):
    keeper.start()
    first = keeper.process_id
    ledger.end_process(first, "lost")
    wait_until(lambda: keeper.process_id != first)

    assert Process.objects.get(id=keeper.process_id).ended_at is None


def test_outage_is_told_once_when_it_begins_and_once_when_it_ends(keeper, monkeypatch, caplog):
    refused = []

    def refuse(*_):
        refused.append(1)
        raise OperationalError("away")

    with caplog.at_level(logging.WARNING, logger="workstate.core.worker.lease"):
        with monkeypatch.context() as outage:
            outage.setattr(ProcessLeases, "renew", refuse)
            keeper.start()
            wait_until(lambda: len(refused) > 3)
        wait_until(lambda: not keeper._in_outage)
    told = [record.getMessage() for record in caplog.records]

    assert len(told) == 2
    assert "does not answer" in told[0]
    assert "answers again" in told[1]


def test_worker_judges_others_by_their_leases_once_it_has_kept_its_own(keeper, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(lease, "monotonic", lambda: now[0])
    judges = []
    for gap in (0, 5, 5, 5, 60, 5, 5, 5):
        now[0] += gap
        keeper._note_renewal()
        judges.append(keeper._has_kept_its_own_lease())

    assert judges == [False, False, False, True, False, False, False, True]


def test_jobs_of_a_process_that_is_gone_are_rescued_at_once(keeper, ledger):
    gone = ledger.register(new_process(pid=2**22 + 1, pid_started="1", lease=EXPIRED))
    ledger.insert([new_job("job")])
    claim_one(ledger, gone)
    keeper.start()

    wait_until(lambda: states() == {"job": "available"})
