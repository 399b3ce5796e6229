"""Signals come into a turn of the event loop only where it waits."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from kombu.asynchronous import Hub

from workstate.core.jobs.interruptions import PatientSignals
from workstate.core.worker.interrupting import keep_signals_out_of_turns


@pytest.fixture
def hub():
    """An event loop as a worker has it, woken when there is nothing to do."""
    hub = Hub()
    keep_signals_out_of_turns(hub)
    yield hub
    hub.close()


@pytest.fixture
def steps():
    """What happened, in order; a signal's handler adds "handled"."""
    former = signal.getsignal(signal.SIGUSR1)
    steps = []
    PatientSignals()["SIGUSR1"] = lambda *_: steps.append("handled")
    yield steps
    signal.signal(signal.SIGUSR1, former)


def strike():
    os.kill(os.getpid(), signal.SIGUSR1)


def test_signal_in_a_callback_is_handled_when_the_loop_waits(hub, steps):
    def write_half_and_half():
        steps.append("half")
        strike()
        steps.append("half")

    hub.call_soon(write_half_and_half)
    next(hub.create_loop())
    assert steps == ["half", "half", "handled"]


def test_signal_in_what_an_event_brings_about_is_handled_before_the_next_turn(hub, steps):
    readable, writable = os.pipe()

    def read():
        os.read(readable, 1)
        strike()
        steps.append("read")

    hub.add_reader(readable, read)
    os.write(writable, b"1")
    loop = hub.create_loop()
    next(loop)
    hub.remove(readable)
    os.close(readable)
    os.close(writable)
    assert steps == ["read", "handled"]


def test_signal_that_comes_while_the_loop_waits_is_handled_at_once(hub, steps):
    hub.on_tick.add(lambda: steps.append("tick"))
    readable, writable = os.pipe()
    hub.add_reader(readable, lambda: (os.read(readable, 1), steps.append("read")))
    hub.timer.call_after(60, steps.append, ("never",))
    waiting = threading.Timer(0.2, lambda: (strike(), wait_for("handled"), os.write(writable, b"1")))

    def wait_for(step):
        while step not in steps:  # the main thread is in its wait, which nothing but the signal can end
            pass

    waiting.start()
    next(hub.create_loop())
    waiting.join()
    hub.remove(readable)
    os.close(readable)
    os.close(writable)
    assert steps == ["tick", "handled", "read"]


def test_handler_may_end_the_loop(hub):
    former = signal.getsignal(signal.SIGUSR1)

    def stop(*_):
        raise SystemExit

    PatientSignals()["SIGUSR1"] = stop
    hub.call_soon(strike)
    try:
        with pytest.raises(SystemExit):
            next(hub.create_loop())
    finally:
        signal.signal(signal.SIGUSR1, former)


def test_connecting_anew_makes_another_loop_that_waits_no_deeper(hub, steps):
    next(hub.create_loop())
    poll = hub.poller.poll
    hub.call_soon(strike)
    next(hub.create_loop())
    assert hub.poller.poll is poll
    assert steps == ["handled"]
