"""Processes that die with `kill -9` at named points: their jobs run again, and each ends once."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from workbench.marks import few_lanes
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from workbench.deployment import Deployment
    from workbench.processes import Worker

pytestmark = [few_lanes, pytest.mark.timeout(300)]

RESCUE_SECONDS = 30  # promised in ARCHITECTURE.md as G4
HELD_JOBS = 6


@pytest.fixture(autouse=True)
def endings(deployment: Deployment) -> None:
    """The database notes every end of a job."""
    deployment.celery.endings.watch()


def assert_each_ended_once(deployment: Deployment, task_ids: list[str], state: str = "completed") -> None:
    assert sorted(deployment.celery.endings.noted()) == sorted((task_id, state) for task_id in task_ids)


def enqueue_held(deployment: Deployment) -> list[str]:
    return [deployment.celery.tasks.hold.delay("held").id for _ in range(HELD_JOBS)]


def start_with_all_claimed(deployment: Deployment) -> tuple[Worker, list[str]]:
    """A worker of two processes that runs two jobs and holds four more."""
    task_ids = enqueue_held(deployment)
    worker = deployment.start_worker()
    deployment.wait_for_effects("held", 2)
    wait_until(lambda: deployment.celery.jobs_by_state() == {"executing": HELD_JOBS})
    return worker, task_ids


def while_jobs_run_and_wait(deployment: Deployment, worker: Worker) -> None:
    worker.kill()


def after_a_task_returned_and_before_its_end_was_written(deployment: Deployment, worker: Worker) -> None:
    worker.send(signal.SIGSTOP)
    deployment.open_gate("held")
    deployment.wait_for_effects("held done", 2)
    worker.kill()


def during_a_warm_shutdown(deployment: Deployment, worker: Worker) -> None:
    worker.ask_to_stop()
    wait_until(lambda: "Warm shutdown" in worker.log())
    worker.kill()


def with_all_its_children(deployment: Deployment, worker: Worker) -> None:
    worker.end_group()


@pytest.mark.parametrize(
    "die",
    [
        while_jobs_run_and_wait,
        after_a_task_returned_and_before_its_end_was_written,
        during_a_warm_shutdown,
        with_all_its_children,
    ],
    ids=lambda crash_point: crash_point.__name__.replace("_", " "),
)
def test_jobs_of_a_killed_worker_run_again(deployment: Deployment, die: Callable[[Deployment, Worker], None]) -> None:
    worker, task_ids = start_with_all_claimed(deployment)
    die(deployment, worker)
    died_at = deployment.celery.now()
    begun = {effect["id"] for effect in deployment.effects("held")}
    deployment.open_gate("held")
    deployment.launch_worker()
    wait_until(lambda: deployment.celery.jobs_by_state() == {"completed": HELD_JOBS}, timeout=RESCUE_SECONDS)
    assert_each_ended_once(deployment, task_ids)
    for task_id in begun:
        job = deployment.celery.job(task_id)
        assert (job["attempt"], job["lost_attempts"]) == (2, 1)
    assert max(effect["at"] for effect in deployment.effects("held")) - died_at < RESCUE_SECONDS


def test_two_workers_rescue_each_job_once(deployment: Deployment) -> None:
    worker, task_ids = start_with_all_claimed(deployment)
    for rescuer in [deployment.launch_worker("-Q", "elsewhere") for _ in range(2)]:
        rescuer.wait_ready()
    worker.end_group()
    wait_until(lambda: deployment.celery.jobs_by_state() == {"available": HELD_JOBS}, timeout=RESCUE_SECONDS)
    assert {deployment.celery.job(task_id)["lost_attempts"] for task_id in task_ids} == {1}
    deployment.open_gate("held")
    deployment.launch_worker()
    wait_until(lambda: deployment.celery.jobs_by_state() == {"completed": HELD_JOBS})
    assert_each_ended_once(deployment, task_ids)
    assert {deployment.celery.job(task_id)["attempt"] for task_id in task_ids} == {2}


def test_job_of_a_killed_pool_child_runs_again_and_its_neighbour_is_unharmed(deployment: Deployment) -> None:
    worker = deployment.start_worker()
    killed, neighbour = (deployment.celery.tasks.hold.delay("held").id for _ in range(2))
    children = {effect["id"]: effect["pid"] for effect in deployment.wait_for_effects("held", 2)}
    os.kill(children[killed], signal.SIGKILL)
    deployment.wait_for_effects("held", 3, timeout=RESCUE_SECONDS)
    deployment.open_gate("held")
    wait_until(lambda: deployment.celery.jobs_by_state() == {"completed": 2})
    assert [effect["id"] for effect in deployment.effects("held")].count(neighbour) == 1
    assert deployment.celery.job(killed)["attempt"] == 2
    assert deployment.celery.job(neighbour)["attempt"] == 1
    assert worker.returncode is None
    assert_each_ended_once(deployment, [killed, neighbour])


def test_task_that_kills_its_pool_child_each_time_is_discarded_alone(deployment: Deployment) -> None:
    worker = deployment.start_worker()
    neighbour = deployment.celery.tasks.hold.delay("held").id
    deployment.wait_for_effects("held")
    poison = deployment.celery.tasks.kill_pool_child.delay("poison").id
    innocent = [deployment.celery.tasks.add.delay(number, 1).id for number in range(10)]
    wait_until(lambda: deployment.celery.job(poison)["state"] == "discarded", timeout=RESCUE_SECONDS)
    deployment.open_gate("held")
    wait_until(lambda: deployment.celery.jobs_by_state() == {"completed": 11, "discarded": 1})
    assert (deployment.celery.job(poison)["reason"], len(deployment.effects("poison"))) == ("worker lost", 3)
    assert deployment.celery.AsyncResult(poison).state == "FAILURE"
    assert len(deployment.effects("held")) == 1
    assert worker.returncode is None
    assert sorted(task_id for task_id, _ in deployment.celery.endings.noted()) == sorted([poison, neighbour, *innocent])


def test_task_that_kills_its_worker_each_time_is_discarded_alone(deployment: Deployment) -> None:
    poison = deployment.celery.tasks.kill_worker.delay("poison").id
    innocent = [deployment.celery.tasks.add.delay(number, 1).id for number in range(5)]
    workers = [deployment.launch_worker(concurrency=1)]

    def poison_is_discarded() -> bool:
        if workers[-1].returncode is not None:
            workers.append(deployment.launch_worker(concurrency=1))
        return deployment.celery.job(poison)["state"] == "discarded"

    wait_until(poison_is_discarded, timeout=2 * RESCUE_SECONDS)
    wait_until(lambda: deployment.celery.jobs_by_state() == {"completed": len(innocent), "discarded": 1})
    assert (deployment.celery.job(poison)["reason"], len(deployment.effects("poison"))) == ("worker lost", 3)
    assert len(workers) == 4


def test_task_that_may_start_only_once_is_discarded_when_its_worker_is_killed(deployment: Deployment) -> None:
    worker = deployment.start_worker()
    task_id = deployment.celery.tasks.hold_acknowledging_early.delay("once").id
    deployment.wait_for_effects("once")
    worker.end_group()
    deployment.launch_worker()
    wait_until(lambda: deployment.celery.job(task_id)["state"] == "discarded", timeout=RESCUE_SECONDS)
    assert deployment.celery.job(task_id)["reason"] == "worker lost"
    assert len(deployment.effects("once")) == 1
    assert_each_ended_once(deployment, [task_id], "discarded")


def test_task_that_may_start_only_once_and_did_not_is_run_by_another_worker(deployment: Deployment) -> None:
    worker = deployment.start_worker(concurrency=1)
    deployment.celery.tasks.hold.delay("in front")
    deployment.wait_for_effects("in front")
    task_id = deployment.celery.tasks.hold_acknowledging_early.delay("once").id
    wait_until(lambda: deployment.celery.jobs_by_state() == {"executing": 2})
    worker.end_group()
    for gate in ("in front", "once"):
        deployment.open_gate(gate)
    deployment.launch_worker()
    wait_until(lambda: deployment.celery.job(task_id)["state"] == "completed", timeout=RESCUE_SECONDS)
    assert len(deployment.effects("once")) == 1


def test_job_that_waits_for_its_retry_survives_its_worker(deployment: Deployment) -> None:
    worker = deployment.start_worker()
    task_id = deployment.celery.tasks.retry_later.delay("retrying").id
    wait_until(lambda: deployment.celery.job(task_id)["state"] == "retryable")
    worker.end_group()
    deployment.start_worker("-Q", "elsewhere")
    assert deployment.celery.job(task_id)["state"] == "retryable"


def test_counts_add_up_after_many_deaths(deployment: Deployment) -> None:
    task_ids = [deployment.celery.tasks.tell.delay("counted", number=number).id for number in range(300)]
    for died_after in (40, 120, 200):
        worker = deployment.launch_worker("-l", "WARNING")
        deployment.wait_for_effects("counted", died_after, timeout=RESCUE_SECONDS)
        worker.end_group()
    deployment.launch_worker()
    wait_until(lambda: deployment.celery.jobs_by_state() == {"completed": 300}, timeout=RESCUE_SECONDS)
    assert {effect["number"] for effect in deployment.effects("counted")} == set(range(300))
    assert_each_ended_once(deployment, task_ids)


def test_publisher_that_dies_before_its_commit_enqueues_nothing(deployment: Deployment) -> None:
    publisher = deployment.start_client("publisher")
    publisher.transaction.atomic().__enter__()
    task_id = publisher.tasks.tell.delay("never committed").id
    deployment.process("publisher").kill()
    deployment.start_worker()
    assert deployment.celery.tasks.add.delay(2, 3).get(timeout=60, interval=0.01) == 5
    assert not deployment.celery.has_job(task_id)
    assert not deployment.effects("never committed")


def test_publisher_that_dies_after_its_commit_has_enqueued(deployment: Deployment) -> None:
    publisher = deployment.start_client("publisher")
    with publisher.transaction.atomic():
        publisher.tasks.tell.delay("committed")
    deployment.process("publisher").kill()
    deployment.launch_worker()
    deployment.wait_for_effects("committed")
