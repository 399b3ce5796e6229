from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from engine.fixtures import app, connect, ledger, nothing_left_behind, worker
from workstate.core.telemetry import tallies

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["app", "connect", "ledger", "nothing_left_behind", "worker"]


@pytest.fixture(autouse=True)
def nothing_counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test hears of what others counted in this process, and only the test itself writes what it counted."""
    monkeypatch.setattr("workstate.core.worker.lease.tallies", SimpleNamespace(write=lambda _: None))
    tallies._counts.clear()
    yield
    tallies._counts.clear()
