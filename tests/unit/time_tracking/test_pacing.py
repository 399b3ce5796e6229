from __future__ import annotations

from workstate.apps.time_tracking.pacing import Pacer


def test_pacer_agrees_at_once_and_then_once_an_interval():
    times = iter([0.0, 0.0, 0.1, 0.24, 0.25, 0.3, 0.9])
    pacer = Pacer(interval=0.25, clock=lambda: next(times))
    assert [pacer.is_due() for _ in range(6)] == [True, False, False, True, False, True]
