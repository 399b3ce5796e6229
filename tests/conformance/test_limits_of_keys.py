"""Limits hold across workers, and hold up nobody else."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from workbench.deployment import SOON, Deployment
from workbench.marks import ledger_only
from workbench.waiting import wait_until

pytestmark = [ledger_only, pytest.mark.timeout(300)]


def most_at_once(deployment: Deployment, customer: int) -> int:
    running, most = 0, 0
    for effect in deployment.effects():
        running += {f"begin {customer}": 1, f"end {customer}": -1}.get(effect["name"], 0)
        most = max(most, running)
    return most


def test_two_workers_keep_within_the_limit_of_each_key(deployment: Deployment) -> None:
    tasks = deployment.celery.tasks
    for _ in range(2):
        deployment.start_worker(concurrency=3)
    results = [tasks.use_a_place.delay(number % 2) for number in range(24)]
    for result in results:
        result.get(timeout=60, interval=0.01)

    assert Counter(effect["name"] for effect in deployment.effects()) == {
        "begin 0": 12,
        "end 0": 12,
        "begin 1": 12,
        "end 1": 12,
    }
    assert {most_at_once(deployment, customer) for customer in (0, 1)} <= {1, 2}


def test_others_go_past_a_full_limit(deployment: Deployment) -> None:
    tasks = deployment.celery.tasks
    for _ in range(30):
        tasks.use_a_place.delay(1, seconds=30)
    deployment.start_worker(concurrency=3)
    deployment.wait_for_effects("begin 1", 2)

    assert tasks.add.delay(2, 3).get(**SOON) == 5
    assert len(deployment.effects("begin 1")) == 2


def test_places_of_a_killed_worker_are_taken_again(deployment: Deployment) -> None:
    tasks = deployment.celery.tasks
    results = [tasks.use_a_place.delay(1, seconds=0.5) for _ in range(6)]
    first = deployment.start_worker(concurrency=3)
    deployment.wait_for_effects("begin 1", 2)
    first.send(signal.SIGSTOP)
    first.kill()
    deployment.start_worker(concurrency=3)

    for result in results:
        result.get(timeout=60, interval=0.05)
    assert deployment.celery.jobs_by_state() == {"completed": 6}


def test_rate_holds_across_workers(deployment: Deployment) -> None:
    for _ in range(2):
        deployment.start_worker()
    for _ in range(12):
        deployment.celery.tasks.tell_at_most_ten_a_second.delay("rated")
    times = sorted(effect["at"] for effect in deployment.wait_for_effects("rated", 12, timeout=30))

    assert times[-1] - times[0] >= 0.8  # eleven intervals of 0.1 s, less what a late look makes up for


def test_retry_gets_into_line_again_and_runs(deployment: Deployment) -> None:
    deployment.start_worker()
    results = [deployment.celery.tasks.retry_within_a_limit.delay("retried") for _ in range(3)]
    deployment.wait_for_effects("retried", 6)

    wait_until(lambda: [result.state for result in results] == ["FAILURE"] * 3)
