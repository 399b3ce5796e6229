"""A handler of a signal that comes in the middle of something waits for its end."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from celery import platforms

from workbench.waiting import wait_until
from workstate.core.jobs import interruptions
from workstate.core.jobs.interruptions import PatientSignals, interruptible, uninterrupted


class StopError(Exception):
    """What a handler raises."""


@pytest.fixture
def handled():
    """The numbers of the signals whose handler was called."""
    former = signal.getsignal(signal.SIGUSR1)
    numbers = []
    PatientSignals()["SIGUSR1"] = lambda *arguments: numbers.append(arguments[0])
    yield numbers
    signal.signal(signal.SIGUSR1, former)


def strike():
    os.kill(os.getpid(), signal.SIGUSR1)


def strike_and_go_on(steps):
    with uninterrupted:
        strike()
        steps.append("went on")


def strike_and_fail():
    with uninterrupted:
        strike()
        raise StopError


def test_signal_in_a_block_is_handled_at_its_end(handled):
    with uninterrupted:
        strike()
        assert handled == []
    assert handled == [signal.SIGUSR1]


def test_signal_in_a_block_within_a_block_is_handled_at_the_end_of_the_outer_one(handled):
    with uninterrupted:
        with uninterrupted:
            strike()
        assert handled == []
    assert handled == [signal.SIGUSR1]


def test_signal_outside_of_any_block_is_handled_at_once(handled):
    with uninterrupted:
        pass
    strike()
    assert handled == [signal.SIGUSR1]


def test_block_of_another_thread_keeps_no_signal_waiting(handled):
    is_inside, may_leave = threading.Event(), threading.Event()

    def stay():
        with uninterrupted:
            is_inside.set()
            may_leave.wait(30)

    thread = threading.Thread(target=stay)
    thread.start()
    try:
        assert is_inside.wait(30)
        strike()
        assert handled == [signal.SIGUSR1]
    finally:
        may_leave.set()
        thread.join()


def test_signal_is_handled_also_when_the_block_fails(handled):
    with pytest.raises(StopError):
        strike_and_fail()
    assert handled == [signal.SIGUSR1]


@pytest.mark.usefixtures("handled")
def test_handler_may_raise_when_the_block_is_over():
    def stop(*_):
        raise StopError

    PatientSignals()["SIGUSR1"] = stop
    steps = []
    with pytest.raises(StopError):
        strike_and_go_on(steps)
    assert steps == ["went on"]


def test_defaults_are_installed_as_they_are():
    former = signal.getsignal(signal.SIGUSR1)
    try:
        PatientSignals().ignore("SIGUSR1")
        assert signal.getsignal(signal.SIGUSR1) is platforms.Signals.ignored
    finally:
        signal.signal(signal.SIGUSR1, former)


def fork_while(another_thread_is_within: threading.Thread, steps):
    """Return what `steps` were when a child was forked."""
    another_thread_is_within.start()
    wait_until(lambda: steps)
    child = os.fork()
    if child == 0:
        os._exit(len(steps))
    _, status = os.waitpid(child, 0)
    another_thread_is_within.join()
    return os.waitstatus_to_exitcode(status)


def test_fork_waits_for_the_end_of_what_another_thread_is_in_the_middle_of():
    steps = []

    def take_its_time():
        with uninterrupted:
            steps.append("began")
            time.sleep(0.2)
            steps.append("ended")

    assert fork_while(threading.Thread(target=take_its_time), steps) == 2


def test_fork_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(interruptions, "FORK_PATIENCE_SECONDS", 0.01)
    steps, may_end = [], threading.Event()

    def wait_for_a_lock():
        with uninterrupted:
            steps.append("began")
            may_end.wait()

    thread = threading.Thread(target=wait_for_a_lock)
    thread.start()
    wait_until(lambda: steps)
    child = os.fork()
    if child == 0:
        with uninterrupted:  # nobody is within, as this process sees it
            os._exit(0)
    _, status = os.waitpid(child, 0)
    may_end.set()
    thread.join()
    assert status == 0


def test_thread_that_forks_does_not_wait_for_itself():
    with uninterrupted:
        child = os.fork()
        if child == 0:
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def test_child_that_was_forked_in_a_block_is_in_the_middle_of_nothing(handled):
    with uninterrupted:
        strike()
        child = os.fork()
        if child == 0:
            heard_of_its_parents = list(handled)
            strike()
            os._exit(10 * len(heard_of_its_parents) + len(handled))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_wait_within_a_block_is_interrupted_at_once(handled):
    with uninterrupted:
        strike()
        with interruptible():
            assert len(handled) == 1
            strike()
            assert len(handled) == 2
        strike()
        assert len(handled) == 2
    assert len(handled) == 3


def test_wait_within_a_block_lets_forks_go_on():
    steps, may_end = [], threading.Event()

    def wait():
        with uninterrupted, interruptible():
            steps.append("waits")
            may_end.wait()

    thread = threading.Thread(target=wait)
    thread.start()
    wait_until(lambda: steps)
    began_at = time.monotonic()
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    may_end.set()
    thread.join()
    assert time.monotonic() - began_at < interruptions.FORK_PATIENCE_SECONDS


def test_thread_leaves_a_block_it_waited_in_as_it_came(handled):
    with uninterrupted, interruptible():
        pass
    strike()
    assert handled == [signal.SIGUSR1]
