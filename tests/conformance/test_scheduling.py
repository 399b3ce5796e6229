"""When a task runs: countdown, eta, expires, and what a scheduler sends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from celery.exceptions import TaskRevokedError

from workbench.deployment import SOON, Deployment


def test_countdown_delays_the_start(any_pool: Deployment) -> None:
    enqueued_at = any_pool.celery.now()  # which waits until the client has started
    any_pool.celery.tasks.tell.apply_async(("countdown",), countdown=0.5)
    (effect,) = any_pool.wait_for_effects("countdown")
    assert 0.5 <= effect["at"] - enqueued_at < 30


def test_eta_delays_the_start(standing: Deployment) -> None:
    eta = datetime.now(UTC) + timedelta(seconds=0.5)
    standing.celery.tasks.tell.apply_async(("eta",), eta=eta)
    (effect,) = standing.wait_for_effects("eta")
    assert 0 <= effect["at"] - eta.timestamp() < 30


def test_eta_in_another_time_zone_is_the_same_moment(standing: Deployment) -> None:
    eta = (datetime.now(UTC) + timedelta(seconds=0.3)).astimezone(tz=None)
    standing.celery.tasks.tell.apply_async(("local eta",), eta=eta)
    (effect,) = standing.wait_for_effects("local eta")
    assert 0 <= effect["at"] - eta.timestamp() < 30


def test_task_due_later_does_not_hold_up_others(deployment: Deployment) -> None:
    for _ in range(20):
        deployment.celery.tasks.add.apply_async((0, 0), countdown=3600)
    deployment.launch_worker("--prefetch-multiplier", "1", pool="solo")
    assert deployment.celery.tasks.add.delay(2, 3).get(**SOON) == 5


def test_expired_task_is_not_run(standing: Deployment) -> None:
    result = standing.celery.tasks.tell.apply_async(
        ("expired",), expires=datetime.now(UTC) - timedelta(seconds=1), ignore_result=False
    )
    with pytest.raises(TaskRevokedError):
        result.get(**SOON)
    assert result.state == "REVOKED"
    assert not standing.effects("expired")


def test_task_runs_before_it_expires(standing: Deployment) -> None:
    assert standing.celery.tasks.add.apply_async((2, 3), expires=60).get(**SOON) == 5


def test_beat_sends_what_the_schedule_says(deployment: Deployment) -> None:
    deployment.start_celery("beat", "-l", "INFO")
    deployment.launch_worker(pool="solo")
    deployment.wait_for_effects("beat", 2)


def test_worker_with_a_beat_inside_sends_what_the_schedule_says(deployment: Deployment) -> None:
    deployment.launch_worker("-B")
    deployment.wait_for_effects("beat", 2)
