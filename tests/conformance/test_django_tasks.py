"""Django's Tasks framework, through an ordinary Celery worker."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from workbench.marks import ledger_only
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from workbench.deployment import Deployment

pytestmark = ledger_only


def test_task_in_a_module_that_the_worker_never_imported_runs(any_pool: Deployment) -> None:
    jobs = any_pool.celery.django_jobs()
    assert list(jobs.finished(jobs.add.enqueue(2, 3))) == ["SUCCESSFUL", 1, [], 5]


def test_coroutine_runs_to_its_end(any_pool: Deployment) -> None:
    jobs = any_pool.celery.django_jobs()
    assert list(jobs.finished(jobs.add_later.enqueue(2, 3))) == ["SUCCESSFUL", 1, [], 5]


def test_failed_task_tells_its_exception(standing: Deployment) -> None:
    jobs = standing.celery.django_jobs()
    assert list(jobs.finished(jobs.refuse.enqueue("card expired"))) == [
        "FAILED",
        1,
        ["project.tasks.PaymentRefusedError"],
        None,
    ]


def test_job_and_log_have_the_name_of_the_task(deployment: Deployment) -> None:
    worker = deployment.start_worker()
    jobs = deployment.celery.django_jobs()
    result = jobs.add.enqueue(2, 3)
    jobs.finished(result)
    assert deployment.celery.job(result.id)["task"] == "project.django_jobs.add"
    wait_until(lambda: f"Task project.django_jobs.add[{result.id}] succeeded" in worker.log())


def test_signals_are_sent_where_the_task_runs(deployment: Deployment) -> None:
    worker = deployment.start_worker()
    jobs = deployment.celery.django_jobs()
    result = jobs.add.enqueue(2, 3)
    jobs.finished(result)
    [started] = deployment.effects("started")
    [finished] = deployment.effects("finished")
    assert (started["id"], finished["id"], finished["status"]) == (result.id, result.id, "SUCCESSFUL")
    assert started["child"] in worker.children()


def test_task_enqueued_in_a_transaction_sees_what_it_committed(standing: Deployment) -> None:
    jobs = standing.celery.django_jobs()
    assert jobs.finished(jobs.note_and_tell())[3] == "hello"


def test_higher_priority_runs_first(deployment: Deployment) -> None:
    deployment.celery.django_jobs().jump_the_queue()
    deployment.start_worker(concurrency=1)
    wait_until(lambda: len([effect for effect in deployment.effects() if effect["name"].startswith("priority")]) == 3)
    told = [effect["name"] for effect in deployment.effects() if effect["name"].startswith("priority")]
    assert told == ["priority 10", "priority 0", "priority -10"]


@pytest.mark.parametrize("which", ["child", "worker"])
def test_task_whose_process_was_killed_runs_again_and_knows_it(deployment: Deployment, which: str) -> None:
    worker = deployment.start_worker(concurrency=1)
    jobs = deployment.celery.django_jobs()
    result = jobs.hold.enqueue("gate")
    [first] = deployment.wait_for_effects("gate")
    if which == "worker":
        worker.end_group()
        deployment.start_worker(concurrency=1)
    else:
        os.kill(first["pid"], signal.SIGKILL)
    deployment.wait_for_effects("gate", 2, timeout=40)
    deployment.open_gate("gate")
    assert jobs.finished(result)[0] == "SUCCESSFUL"
