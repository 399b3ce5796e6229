"""Events: what monitors see of workers and tasks."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from workbench.deployment import SOON, Deployment
from workbench.lanes import free_port
from workbench.waiting import wait_until


def test_receiver_sees_the_life_of_a_task(any_pool: Deployment) -> None:
    events = any_pool.celery.EventLog()
    task_id = any_pool.celery.tasks.add.delay(2, 3).id
    life = {"task-sent", "task-received", "task-started", "task-succeeded"}
    wait_until(lambda: set(events.types_of(task_id)) == life)


def test_receiver_sees_failures_retries_and_revocations(standing: Deployment) -> None:
    events = standing.celery.EventLog()
    tasks = standing.celery.tasks
    failed = tasks.fail.delay("seen")
    retried = tasks.succeed_at_the_third_try.delay("seen retrying")
    revoked = tasks.add.apply_async((1, 1), countdown=0.3)
    revoked.revoke()
    wait_until(lambda: "task-failed" in events.types_of(failed.id))
    wait_until(lambda: "task-retried" in events.types_of(retried.id))
    wait_until(lambda: "task-revoked" in events.types_of(revoked.id))


def test_receiver_sees_the_heartbeat_of_the_worker(standing: Deployment) -> None:
    events = standing.celery.EventLog()
    wait_until(lambda: "worker-heartbeat" in events.types())


def test_two_receivers_see_the_same_event(standing: Deployment) -> None:
    receivers = [standing.celery.EventLog(), standing.celery.EventLog()]
    task_id = standing.celery.tasks.add.delay(2, 3).id
    for events in receivers:
        wait_until(lambda events=events: "task-succeeded" in events.types_of(task_id))


def test_flower_sees_workers_and_tasks(standing: Deployment) -> None:
    port = free_port()
    flower = standing.start_celery("flower", f"--port={port}", "--address=127.0.0.1", FLOWER_UNAUTHENTICATED_API="true")
    wait_until(lambda: standing.worker.node in fetch(port, "workers?refresh=1"), timeout=20)
    result = standing.celery.tasks.add.delay(2, 3)
    result.get(**SOON)
    wait_until(lambda: fetch(port, f"task/info/{result.id}").get("state") == "SUCCESS")
    assert fetch(port, f"task/info/{result.id}")["name"] == "project.tasks.add"
    flower.end_group()


def fetch(port: int, path: str) -> dict[str, Any]:
    """Ask Flower's HTTP API; an empty answer while it starts or does not know yet."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/{path}", timeout=5) as response:
            return json.load(response)
    except urllib.error.URLError:
        return {}
