from __future__ import annotations

from workstate.cli.supervisor.backoff import Backoff


def test_wait_doubles_up_to_half_a_minute() -> None:
    backoff = Backoff()
    assert [backoff.delay_after(1) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_wait_starts_anew_after_a_minute_of_health() -> None:
    backoff = Backoff()
    for _ in range(4):
        backoff.delay_after(1)
    assert backoff.delay_after(60) == 0.5
    assert backoff.delay_after(59) == 1
