"""The database goes away and comes back: nothing that a worker had is lost, run twice or ended for it."""

from __future__ import annotations

import os
from collections import deque
from time import monotonic
from types import SimpleNamespace

import pytest
from celery.worker import state as worker_state
from django.db import InterfaceError, OperationalError, connection
from kombu.asynchronous import Hub

from engine.fixtures import task_of
from engine.inline import InlinePool
from engine.jobs import EXPIRED, claim_one, elsewhere, job_row, new_job, new_process, states, token_of
from real_databases import BOTH_DATABASES
from workstate.core.broker.holdings import Holdings
from workstate.core.jobs.connections import private_connection
from workstate.core.jobs.ledger import ledger_on
from workstate.core.jobs.ledger.database import LedgerDatabase
from workstate.core.jobs.models import Job, Process
from workstate.core.worker.cancelling import CancelEar
from workstate.core.worker.draining import DrainStep, drain
from workstate.core.worker.lease import LeaseKeeper

pytestmark = BOTH_DATABASES


def work():
    return "done"


def end_sessions(database):
    """End every session but this test's own, as a restart of PostgreSQL does."""
    if database.vendor != "postgresql":
        pytest.skip("SQLite has no server to restart")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def stop(keeper):
    keeper.stop("stopped")
    keeper._thread.join(5)  # `stop` itself waits no longer than one renewal


class Outage:
    """While it lasts the ledger's database refuses every statement."""

    def __init__(self, monkeypatch):
        self._patches = monkeypatch
        self._execute = LedgerDatabase.execute

    def begin(self):
        self._patches.setattr(LedgerDatabase, "execute", self._refuse)

    def end(self):
        self._patches.setattr(LedgerDatabase, "execute", self._execute)

    @staticmethod
    def _refuse(*_):
        raise OperationalError("the database is away")


@pytest.fixture
def outage(monkeypatch):
    return Outage(monkeypatch)


@pytest.fixture
def work_task(app):
    return task_of(app, work)


def test_closings_that_can_not_be_written_are_kept_and_written_later(work_task, worker, outage):
    result = work_task.delay()
    [message] = worker.claim()
    request = worker.receive(message)
    worker.holdings.on_pending = lambda: None
    request.execute_using_pool(worker.pool)
    outage.begin()
    with pytest.raises(OperationalError):
        worker.holdings.flush()
    outage.end()
    assert worker.holdings.pending
    worker.holdings.flush()

    assert (result.state, result.result) == ("SUCCESS", "done")
    assert not worker.holdings.pending


def test_outage_is_no_error_of_the_pool_that_tells_of_an_end(work_task, worker, outage):
    """The pool would be left half-way through its bookkeeping of a dead process, and end the worker later."""
    result = work_task.delay()
    [message] = worker.claim()
    request = worker.receive(message)
    worker.holdings.on_pending = None
    outage.begin()
    request.execute_using_pool(worker.pool)
    outage.end()
    assert worker.holdings.pending
    worker.holdings.flush()

    assert (result.state, result.result) == ("SUCCESS", "done")


def test_all_jobs_that_wait_in_a_worker_are_given_back_when_its_connection_fails(work_task, worker, outage):
    """Celery forgets its requests then; whoever is not given back stays executing as long as this process lives."""
    for _ in range(3):
        work_task.delay()
    for message in worker.claim():
        worker.receive(message)
    outage.begin()
    worker.connection.transport.close_connection(worker.connection.connection)
    outage.end()
    worker.holdings.flush()

    assert set(states().values()) == {"available"}


def test_claim_whose_answer_was_lost_is_given_back(app, work_task, worker, monkeypatch):
    """The database committed and the connection broke before it said so."""
    result = work_task.delay()
    monkeypatch.setattr(Holdings, "_hold", _break)
    with pytest.raises(OperationalError):
        worker.claim()
    monkeypatch.undo()
    again = app.connection_for_read()
    loop = Hub()
    again.transport.register_with_event_loop(again, loop)  # as the consumer does when it starts again
    again.transport.close_connection(again)
    loop.close()

    assert job_row(result.id).state == "available"


def test_connection_that_the_ledger_refuses_leaves_nothing_with_the_loop(app, monkeypatch):
    connection = app.connection_for_read()
    transport = connection.transport
    monkeypatch.setattr(Holdings, "settle", _break)
    loop = Hub()
    with pytest.raises(OperationalError):
        transport.register_with_event_loop(connection, loop)

    assert (loop.on_tick, loop.readers) == (set(), {})
    assert (transport._watcher, transport._bell) == (None, None)
    loop.close()
    connection.close()


def _break(*args):
    raise OperationalError("server closed the connection unexpectedly")


def test_transaction_begins_on_a_new_connection_after_the_old_one_was_lost(database, app, ledger):
    private = ledger_on(private_connection("default"))
    private.query("SELECT 1")
    end_sessions(database)
    with pytest.raises(OperationalError), private.transaction():
        pass
    with private.transaction():
        assert private.query("SELECT 1") == [(1,)]


def test_job_that_may_start_once_is_not_ended_by_a_lost_connection_of_its_pool_process(database, app, worker):
    """Its beginning could not be noted, so it has not begun: another try is no second start."""
    once = task_of(app, work, acks_late=False)
    first = once.delay()
    worker.drain()
    assert first.state == "SUCCESS"
    end_sessions(database)
    worker.holdings._ledger().connection.close()
    second = once.delay()
    messages = worker.claim()
    private_connection("default").inc_thread_sharing()
    end_sessions(database)  # now the pool process notices
    requests = [worker.receive(message) for message in messages]
    worker.holdings.on_pending = lambda: None
    for request in requests:
        request.execute_using_pool(worker.pool)
    private_connection("default").close()
    worker.holdings.flush()
    worker.holdings.on_pending = None
    worker.drain()

    assert second.state == "SUCCESS"


def test_job_that_may_start_once_and_did_is_not_given_back_by_a_cold_shutdown(database, app, worker):
    task_of(app, work, acks_late=False).delay()
    [message] = worker.claim()
    request = worker.receive(message)
    request.on_accepted(os.getpid(), monotonic())
    worker.holdings._ledger().mark_started(request.held.token, acknowledge=True)
    request._announce_cancelled(emit_retry=False)

    job = job_row(request.id)
    assert (job.state, job.reason) == ("discarded", "worker lost")
    assert "asked not to be started twice" in job.error_message


def test_lease_thread_survives_an_error_that_is_not_the_database_s(database, app, monkeypatch):
    """A worker without its lease thread loses its jobs after 15 s and claims nothing more, without a word."""
    monkeypatch.setattr("workstate.core.worker.lease.RENEW_SECONDS", 0.01)
    calls = []

    def describe():
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("dictionary changed size during iteration")
        return new_process()

    keeper = LeaseKeeper("default", describe)
    monkeypatch.setattr("threading.excepthook", lambda _: None)
    keeper.start()
    try:
        keeper._stopping.wait(0.3)
        assert keeper._thread.is_alive()
    finally:
        stop(keeper)


def test_process_never_takes_its_own_lease_away(database, ledger, monkeypatch):
    """After an outage longer than a lease its own has run out as well."""
    monkeypatch.setattr("workstate.core.worker.lease.RENEW_SECONDS", 0.01)
    keeper = LeaseKeeper("default", lambda: new_process(lease=EXPIRED))
    own = keeper.process_id
    ledger.insert([new_job("running")])
    claim_one(ledger, own)
    monkeypatch.setattr(keeper, "_describe", new_process)
    keeper.start()
    try:
        keeper._stopping.wait(0.3)
        assert job_row("running").state == "executing"
        assert Process.objects.get(id=own).ended_at is None
    finally:
        stop(keeper)


def test_neighbours_have_time_to_renew_their_leases_after_an_outage(database, ledger, monkeypatch):
    """All leases ran out while the database was away: that says nothing about who lives."""
    monkeypatch.setattr("workstate.core.worker.lease.RENEW_SECONDS", 0.02)
    keeper = LeaseKeeper("default", new_process)
    neighbour = ledger.register(elsewhere(lease=EXPIRED))
    ledger.insert([new_job("running")])
    claim_one(ledger, neighbour)
    keeper._in_outage = True  # the round before could not reach the database
    keeper.start()
    try:
        keeper._stopping.wait(0.3)
        assert job_row("running").state == "executing"
    finally:
        stop(keeper)


def test_lease_of_a_process_of_this_machine_that_lives_is_not_taken_away_after_an_outage(database, ledger, monkeypatch):
    """A long write transaction keeps every process of a SQLite file from renewing; its pid says that it lives."""
    monkeypatch.setattr("workstate.core.worker.lease.RENEW_SECONDS", 0.02)
    keeper = LeaseKeeper("default", new_process)
    neighbour = ledger.register(new_process(lease=EXPIRED))
    ledger.insert([new_job("running")])
    claim_one(ledger, neighbour)
    keeper._in_outage = True
    keeper.start()
    try:
        keeper._stopping.wait(0.3)
        assert job_row("running").state == "executing"
    finally:
        stop(keeper)


def test_start_that_was_noted_is_not_given_back(database, ledger):
    """The pool process began; the main process, which has not heard of it yet, gives back what has not begun."""
    ledger.insert([new_job("once")])
    process = ledger.register(new_process())
    job = claim_one(ledger, process)
    assert ledger.mark_started(token_of(job, process), acknowledge=True)
    ledger.release([token_of(job, process)])

    assert not Job.objects.filter(task_id="once", state="available").exists()


def test_job_whose_noted_beginning_was_not_heard_of_does_not_stay_executing(app, worker, ledger):
    """The pool process noted that it begins, its connection broke before it knew, and so it did not begin."""
    once = task_of(app, work, acks_late=False)
    result = once.delay()
    [message] = worker.claim()
    ledger.mark_started(message.token, acknowledge=True)
    worker.holdings.forget(message)
    worker.holdings.settle()

    assert job_row(result.id).state != "executing"


@pytest.mark.parametrize("priority", [99_999, pytest.param(2**70, id="beyond 64 bits")])
def test_refusal_of_one_end_keeps_no_claim_from_happening(app, work_task, worker, priority):
    def odd(self):
        raise self.retry(queue="q" * 200, priority=priority, countdown=0)

    task_of(app, odd, bind=True).delay()
    first = work_task.delay()
    worker.holdings.on_pending = lambda: None
    for message in worker.claim():
        worker.receive(message).execute_using_pool(worker.pool)
    following = work_task.delay()
    claimed = worker.claim() or worker.claim()  # the one that met the refusal may come back empty

    assert job_row(first.id).state == "completed"
    assert following.id in {message.job.task_id for message in claimed}


def test_transaction_that_fails_takes_all_of_it_along_and_the_next_statement_works(database, app):
    private = ledger_on(private_connection("default"))
    with pytest.raises(ZeroDivisionError), private.transaction():
        private.insert([new_job("first")]) or 1 / 0
    private.insert([new_job("second")])

    assert states() == {"second": "available"}


def test_ear_for_cancels_outlives_a_connection_that_is_already_closed(work_task, worker, monkeypatch):
    work_task.delay()
    [message] = worker.claim()
    monkeypatch.setattr(worker_state, "requests", {message.job.task_id: worker.receive(message)})
    monkeypatch.setattr(Holdings, "cancel_requests", _find_closed)

    CancelEar(SimpleNamespace()).listen()


def test_worker_that_stops_outlives_a_connection_that_is_already_closed(work_task, worker, monkeypatch):
    """Celery would wait for its pool no more, and leave the pool's processes behind."""
    work_task.delay()
    worker.claim()
    monkeypatch.setattr(Holdings, "begin_draining", _find_closed)
    pool = SimpleNamespace(outbound_buffer=deque(), _cache={}, _pool=[])

    drain(SimpleNamespace(pool=SimpleNamespace(_pool=pool), hub=Hub()))


def _find_closed(*args):
    raise InterfaceError("connection already closed")


class WaitingPool(InlinePool):
    """Has no free thread for what it is given, until it is told to go on."""

    def __init__(self):
        self.given = []

    def apply_async(self, *args, **options):
        self.given.append((args, options))

    def go_on(self):
        for args, options in self.given:
            super().apply_async(*args, **options)


def test_job_that_waits_for_a_thread_is_not_given_back_when_the_connection_breaks(app, worker):
    result = task_of(app, work, acks_late=False).delay()
    [message] = worker.claim()
    worker.pool = WaitingPool()
    worker.receive(message).execute_using_pool(worker.pool)
    worker.channel.qos.restore_unacked()
    assert states() == {result.id: "executing"}

    worker.pool.go_on()
    worker.holdings.flush()
    assert states() == {result.id: "completed"}
    assert job_row(result.id).attempt == 1


def test_what_a_process_pool_forgets_when_the_connection_breaks_is_given_back(app, worker):
    """Celery's pool throws away what no process has accepted, for it believes that a broker has it still."""
    result = task_of(app, work).delay()
    [message] = worker.claim()
    worker.pool = WaitingPool()
    worker.receive(message).execute_using_pool(worker.pool)
    controller = SimpleNamespace(pool=SimpleNamespace(flush=worker.pool.given.clear))
    DrainStep(controller).start(controller)
    controller.pool.flush()
    assert states() == {result.id: "available"}

    worker.pool = InlinePool()
    worker.drain()
    assert states() == {result.id: "completed"}


def test_worker_that_is_asked_to_stop_between_two_connections_does_not_wait_for_its_pool(database, monkeypatch):
    """Celery has emptied the event loop: it would hear neither a result nor the end of a process."""
    monkeypatch.setattr("celery.worker.state.should_stop", 0)
    flushed = []
    process = SimpleNamespace(_is_alive=lambda: True)
    busy = SimpleNamespace(_fileno_to_outq={17: "a process"}, _cache={1: "a job"}, _pool=[process], outbound_buffer=[])
    controller = SimpleNamespace(pool=SimpleNamespace(_pool=busy, flush=lambda: flushed.append(1)), hub=Hub())
    DrainStep(controller).start(controller)
    controller.pool.flush()
    assert flushed == [1]


def test_job_that_begins_while_its_release_can_not_be_written_does_not_begin_again(app, worker):
    result = task_of(app, work, acks_late=False).delay()
    [message] = worker.claim()
    worker.holdings.on_pending = lambda: None
    worker.holdings.release(message)
    message.is_started = worker.ledger.mark_started(message.token, acknowledge=True)
    worker.holdings.flush()

    assert states() == {result.id: "executing"}
    worker.holdings.settle()
    assert (job_row(result.id).state, job_row(result.id).reason) == ("discarded", "worker lost")
