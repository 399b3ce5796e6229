from __future__ import annotations

from workstate.core.wakeup.backoff import LONGEST_SECONDS, Backoff


def test_waits_double_up_to_the_longest():
    backoff = Backoff()
    waits = [backoff.next_seconds() for _ in range(12)]
    assert 0.07 < waits[0] < 0.13
    assert 0.15 <= waits[1] <= 0.25
    assert all(wait <= LONGEST_SECONDS * 1.25 for wait in waits)
    assert waits[-1] >= LONGEST_SECONDS * 0.75


def test_success_begins_with_the_shortest_wait_again():
    backoff = Backoff()
    for _ in range(10):
        backoff.next_seconds()
    backoff.reset()
    assert backoff.next_seconds() < 0.13
