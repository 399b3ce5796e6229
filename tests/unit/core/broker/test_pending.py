"""When ends are written, with a ledger that takes as long as it is told."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from workstate.core.broker import pending
from workstate.core.broker.pending import PendingWrites


@pytest.fixture
def pass_time(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(pending, "monotonic", lambda: now[0])

    def pass_time(seconds):
        now[0] += seconds

    return pass_time


@pytest.mark.parametrize(
    ("write_seconds", "patience_seconds"),
    [
        (0.0005, pending.WRITE_AFTER_SECONDS),
        (0.004, 0.008),
        (1.0, pending.WRITE_WITHIN_SECONDS),
    ],
)
def test_ends_wait_longer_for_others_while_writing_is_slow(monkeypatch, pass_time, write_seconds, patience_seconds):
    monkeypatch.setattr(pending, "_write", lambda *_: [])

    @contextmanager
    def transaction():
        yield
        pass_time(write_seconds)

    writes = PendingWrites()
    with writes.written(SimpleNamespace(connection=None, transaction=transaction)):
        pass

    assert writes.patience_seconds == pytest.approx(patience_seconds)
    writes.add_closing(SimpleNamespace())
    pass_time(patience_seconds * 0.9)
    assert not writes.are_due
    pass_time(patience_seconds * 0.2)
    assert writes.are_due
