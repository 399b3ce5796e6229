"""Bundles with a stand-in for the worker; the cut is tried with real forked processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from itertools import count
from types import SimpleNamespace

import pytest

from workstate.core.worker import bundles
from workstate.core.worker.bundles import Bundle, Bundler, Runtimes, run_bundle

FORK = multiprocessing.get_context("fork")
_ids = count(1)


class Request:
    """As much of a request as bundles ask of it."""

    def __init__(self, task="work", **fields):
        self.id = str(next(_ids))
        self.task = SimpleNamespace(name=task)
        self.held = SimpleNamespace(job=SimpleNamespace(id=int(self.id)))
        self.is_waiting = True
        self.may_travel = True
        self.calls = []
        vars(self).update(fields)

    def revoked(self):
        return False

    def job_arguments(self):
        return self.id

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: self.calls.append(name)


class Pool:
    def apply_async(self, target, **options):
        self.target, self.options = target, options


@pytest.fixture
def timer():
    return []


@pytest.fixture
def controller(timer):
    return SimpleNamespace(
        pool=SimpleNamespace(num_processes=2),
        timer=SimpleNamespace(call_after=lambda seconds, callback: timer.append((seconds, callback))),
        consumer=SimpleNamespace(qos=SimpleNamespace(value=4)),
        process_task=lambda request: request.calls.append("processed"),
    )


@pytest.fixture
def bundler(controller):
    return Bundler(controller)


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(bundles, "monotonic", lambda: now[0])

    def pass_time(seconds):
        now[0] += seconds

    return pass_time


def trust(bundler, task="work", seconds=0.0001, processor_seconds=0.0001):
    for _ in range(bundles.SAMPLES):
        bundler.note(task, seconds, processor_seconds)


def runtimes_of(runs, seconds, processor_seconds):
    runtimes = Runtimes()
    for _ in range(runs):
        runtimes.note(seconds, processor_seconds)
    return runtimes


def offer(bundler, number, **fields):
    requests = [Request(**fields) for _ in range(number)]
    for request in requests:
        bundler.offer(request)
    return requests


# --- how long runs take ---------------------------------------------------------------------------


def test_task_is_trusted_after_enough_short_runs():
    runtimes = runtimes_of(bundles.SAMPLES - 1, 0.0001, 0.0001)
    assert runtimes.bundle_size == 1
    runtimes.note(0.0001, 0.0001)
    assert runtimes.bundle_size == bundles.LARGEST


def test_one_long_run_among_few_ends_the_trust():
    runtimes = runtimes_of(20, 0.0001, 0.0001)
    runtimes.note(1.0, 0.0001)
    assert runtimes.bundle_size == 1
    for _ in range(200):
        runtimes.note(0.0001, 0.0001)
    assert runtimes.bundle_size > 1


def test_means_of_the_first_runs_are_their_means():
    runtimes = Runtimes()
    for seconds in (0.1, 0.2, 0.3):
        runtimes.note(seconds, seconds / 10)
    assert (runtimes.mean_seconds, runtimes.mean_processor_seconds) == (pytest.approx(0.2), pytest.approx(0.02))


def test_small_runs_that_wait_for_a_processor_still_travel_together():
    """On an overloaded machine a run of a fraction of a millisecond takes some: that is when bundles save the most."""
    assert runtimes_of(100, 0.004, 0.0002).bundle_size == int(bundles.LASTING_SECONDS / 0.004)


def test_runs_that_wait_for_an_answer_travel_alone_however_little_they_compute():
    assert runtimes_of(100, 0.05, 0.0002).bundle_size == 1


def test_runs_that_compute_for_long_travel_alone():
    assert runtimes_of(100, 0.004, 0.004).bundle_size == 1


# --- who travels with whom ------------------------------------------------------------------------


def test_unknown_task_travels_alone(bundler):
    first, *_ = offer(bundler, 10)
    assert bundler.bundle_with(first) == [first]


def test_waiting_jobs_are_shared_out_among_the_processes(bundler):
    trust(bundler)
    requests = offer(bundler, 10)
    requests[0].is_waiting = False  # it has just got its slot
    assert bundler.bundle_with(requests[0]) == requests[:5]


def test_bundle_is_expected_to_use_little_of_a_processor(bundler):
    trust(bundler, processor_seconds=0.001)
    requests = offer(bundler, 100)
    requests[0].is_waiting = False
    assert len(bundler.bundle_with(requests[0])) == bundles.PROCESSOR_SECONDS / 0.001


def test_bundle_has_a_largest_size(bundler):
    trust(bundler, processor_seconds=0.000001)
    requests = offer(bundler, 1000)
    requests[0].is_waiting = False
    assert len(bundler.bundle_with(requests[0])) == bundles.LARGEST


def test_other_tasks_do_not_travel_along(bundler):
    trust(bundler)
    offer(bundler, 5, task="other")
    request = Request()
    assert bundler.bundle_with(request) == [request]


def test_request_that_may_not_travel_goes_alone(bundler):
    trust(bundler)
    offer(bundler, 5)
    request = Request(may_travel=False)
    assert bundler.bundle_with(request) == [request]


def test_requests_that_no_longer_wait_or_were_revoked_are_passed_over(bundler):
    trust(bundler)
    requests = offer(bundler, 6)
    requests[0].is_waiting = False
    requests[1].revoked = lambda: True
    requests[2].is_waiting = False
    assert requests[1] not in (mates := bundler.bundle_with(requests[0]))
    assert mates == [requests[0], requests[3], requests[4]]


def test_without_a_free_slot_everyone_goes_alone(bundler):
    trust(bundler)
    requests = offer(bundler, 6)
    requests[0].is_waiting = False
    bundler._free_slots.clear()
    assert bundler.bundle_with(requests[0]) == [requests[0]]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"time_limit": 5}, "limits"),
        ({"soft_time_limit": 5}, "limits"),
        ({"pool_cls": SimpleNamespace(__module__="celery.concurrency.thread")}, "threads"),
        ({"pool_start_method": "spawn"}, "no shared memory"),
        ({"use_eventloop": False}, "no timer"),
    ],
)
def test_worker_whose_pool_has_no_use_for_bundles_has_no_bundler(fields, reason):
    controller = SimpleNamespace(
        time_limit=None,
        soft_time_limit=None,
        pool_cls=SimpleNamespace(__module__="celery.concurrency.prefork"),
        pool_start_method="fork",
        use_eventloop=True,
    )
    assert Bundler.for_worker(controller) is Bundler.for_worker(controller) is not None
    vars(controller).update(fields)
    assert Bundler.for_worker(controller) is None


# --- beyond the prefetch limit ---------------------------------------------------------------------


def test_a_bundle_for_each_process_is_claimed_ahead_while_jobs_end(bundler, clock):
    assert bundler.lookahead() == 0
    trust(bundler, processor_seconds=0.001)
    assert bundler.lookahead() == 2 * int(bundles.PROCESSOR_SECONDS / 0.001)
    clock(bundles.PATIENCE_SECONDS * 2)
    assert bundler.lookahead() == 0


def test_nothing_is_claimed_ahead_of_long_jobs(bundler, clock):
    trust(bundler, seconds=1)
    assert bundler.lookahead() == 0


def test_hoard_is_given_back_when_nothing_ends_any_more(bundler, clock):
    requests = offer(bundler, 7)
    clock(bundles.HOARD_SECONDS * 2)
    bundler._check()
    given_back = [request for request in requests if "give_back" in request.calls]
    assert given_back == requests[4:]  # the prefetch limit stays, the youngest go


def test_hoard_stays_while_jobs_end(bundler, clock):
    requests = offer(bundler, 7)
    clock(bundles.HOARD_SECONDS * 2)
    bundler.note("work", 0.001, 0.001)
    bundler._check()
    assert not any("give_back" in request.calls for request in requests)


def test_checks_go_on_while_anything_waits(bundler, timer, clock):
    offer(bundler, 1)
    timer.pop()[1]()
    assert len(timer) == 1
    bundler._waiting.clear()
    timer.pop()[1]()
    assert timer == []


# --- on the way -----------------------------------------------------------------------------------


def test_bundle_that_takes_long_is_cut_behind_the_running_job(bundler, clock):
    requests = [Request() for _ in range(3)]
    bundler.send(requests, Pool())
    bundles._begun[bundler._under_way[0].slot] = 2
    clock(bundles.PATIENCE_SECONDS * 2)
    bundler._check()
    assert "processed" in requests[2].calls
    assert "processed" not in requests[0].calls + requests[1].calls


def test_bundle_whose_process_has_not_even_begun_keeps_its_first_job(bundler, clock):
    """The pool holds its message; whoever reads it runs at least that one."""
    requests = [Request() for _ in range(3)]
    bundler.send(requests, Pool())
    clock(bundles.PATIENCE_SECONDS * 2)
    bundler._check()
    assert ["processed" in request.calls for request in requests] == [False, True, True]


def test_bundle_is_cut_once(bundler, clock):
    requests = [Request() for _ in range(3)]
    bundler.send(requests, Pool())
    clock(bundles.PATIENCE_SECONDS * 2)
    for _ in range(3):
        bundler._check()
    assert requests[1].calls.count("processed") == 1


def test_outcomes_go_to_their_requests_and_the_slot_is_free_again(bundler):
    requests = [Request() for _ in range(2)]
    pool = Pool()
    free = len(bundler._free_slots)
    bundler.send(requests, pool)
    assert len(bundler._free_slots) == free - 1
    pool.options["callback"](["one", "two"])
    assert all("on_success" in request.calls for request in requests)
    assert (len(bundler._free_slots), bundler._under_way) == (free, [])


def test_loss_of_the_process_is_the_loss_of_all_in_the_bundle(bundler):
    requests = [Request() for _ in range(2)]
    pool = Pool()
    bundler.send(requests, pool)
    pool.options["error_callback"]("lost")
    assert all("on_failure" in request.calls for request in requests)
    assert bundler._under_way == []


def run_in_child(slot, jobs, monkeypatch, on_job):
    """Run a bundle in a forked process; returns it and the pipe on which its outcomes come."""
    monkeypatch.setattr(bundles, "run_job", on_job)
    near, far = FORK.Pipe()
    child = FORK.Process(target=lambda: far.send(run_bundle(slot, jobs)))
    child.start()
    return child, near


def test_child_begins_nothing_behind_the_cut(monkeypatch):
    begun, go_on = FORK.Event(), FORK.Event()

    def run(job, beginning):
        begun.set()
        assert go_on.wait(10)
        return job

    requests = [Request() for _ in range(4)]
    bundle = Bundle(7, requests)
    bundle.send(Pool(), print)
    child, outcomes = run_in_child(7, [request.id for request in requests], monkeypatch, run)
    assert begun.wait(10)
    taken_back = bundle.cut()
    go_on.set()
    ran = outcomes.recv()
    child.join()
    assert taken_back == requests[1:]
    assert ran == [requests[0].id]
    assert bundle.requests == requests[:1]


def test_each_job_is_run_or_taken_back_whenever_the_cut_comes(monkeypatch):
    for number in range(20):
        requests = [Request() for _ in range(200)]
        bundle = Bundle(8, requests)
        bundle.send(Pool(), print)
        child, outcomes = run_in_child(8, [r.id for r in requests], monkeypatch, lambda job, _: job)
        while not bundles._begun[8] and number % 2:
            pass
        taken_back = bundle.cut()
        ran = outcomes.recv()
        child.join()
        assert ran + [request.id for request in taken_back] == [request.id for request in requests]


def test_child_that_is_killed_within_the_lock_does_not_stop_the_worker():
    held = FORK.Event()

    def die_holding_it():
        with bundles._lock:
            held.set()
            signal.pause()

    child = FORK.Process(target=die_holding_it)
    child.start()
    assert held.wait(10)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    bundle = Bundle(9, [Request(), Request()])
    main = FORK.Process(target=bundle.cut)  # stands for the worker's main process, which must not hang
    main.start()
    main.join(2)
    hangs = main.is_alive()
    main.kill()
    main.join()
    bundles._lock.release()
    assert not hangs
