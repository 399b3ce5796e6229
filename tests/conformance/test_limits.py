"""Limits: how long a task may run, and how often it may start."""

from __future__ import annotations

import pytest
from celery.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded

from workbench.deployment import SOON, Deployment


def test_soft_time_limit_is_raised_in_the_task(standing: Deployment) -> None:
    with pytest.raises(SoftTimeLimitExceeded):
        standing.celery.tasks.overrun_softly.delay("soft limit").get(**SOON)
    assert standing.effects("soft limit")


def test_hard_time_limit_ends_the_task_and_spares_the_worker(standing: Deployment) -> None:
    with pytest.raises(TimeLimitExceeded):
        standing.celery.tasks.overrun_hard.delay("hard limit").get(**SOON)
    assert len(standing.effects("hard limit")) == 1
    assert standing.celery.tasks.add.delay(2, 3).get(**SOON) == 5


def test_limits_can_be_given_at_the_call(standing: Deployment) -> None:
    with pytest.raises(TimeLimitExceeded):
        standing.celery.tasks.hold.apply_async(("limit at the call",), time_limit=0.3).get(**SOON)


def test_rate_limit_spaces_the_starts(standing: Deployment) -> None:
    for _ in range(4):
        standing.celery.tasks.tell_at_most_five_a_second.delay("rate limit")
    effects = standing.wait_for_effects("rate limit", 4)
    assert effects[-1]["at"] - effects[0]["at"] >= 0.4
