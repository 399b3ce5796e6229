from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.django_tasks import TASKS
from engine.fixtures import app, connect, ledger, nothing_left_behind, worker

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

__all__ = ["app", "connect", "ledger", "nothing_left_behind", "worker"]


@pytest.fixture(autouse=True)
def tasks_setting(settings: SettingsWrapper) -> None:
    settings.TASKS = TASKS
