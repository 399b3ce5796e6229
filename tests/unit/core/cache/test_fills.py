"""When a value is computed anew before it expires."""

from __future__ import annotations

import time

from workstate.core.cache import fills


def test_nearer_to_the_end_is_likelier(monkeypatch):
    monkeypatch.setattr(fills.random, "expovariate", lambda _: 2.0)
    now = time.time()
    assert not fills.is_nearly_over(None, 1000)
    assert not fills.is_nearly_over(now + 60, 1)
    assert fills.is_nearly_over(now + 1.5, 1)
