from __future__ import annotations

import select
import threading

import pytest

from workstate.core.broker.bell import NEWS, TURN, Bell


@pytest.fixture
def bell():
    bell = Bell()
    yield bell
    bell.close()


def is_ringing(bell):
    return bool(select.select([bell], [], [], 0)[0])


def test_bell_is_silent_until_it_is_rung(bell):
    assert not is_ringing(bell)
    assert bell.hear() == b""
    bell.ring(NEWS)
    assert is_ringing(bell)


def test_who_hears_it_hears_all_tones_at_once(bell):
    for tone in (TURN, NEWS, TURN):
        bell.ring(tone)
    assert bell.hear() == TURN + NEWS + TURN
    assert not is_ringing(bell)


def test_other_thread_ends_a_wait(bell):
    thread = threading.Thread(target=bell.ring, args=(NEWS,))
    thread.start()
    assert bell.wait(10) == NEWS
    thread.join()


def test_wait_ends_by_itself(bell):
    assert bell.wait(0) == b""


def test_bell_that_nobody_hears_stays_silent_and_never_blocks(bell):
    for _ in range(100_000):
        bell.ring(TURN)
    assert bell.hear()


def test_closed_bell_can_be_rung_in_vain(bell):
    bell.close()
    bell.ring(NEWS)
