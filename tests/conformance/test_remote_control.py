"""Remote control: what `celery inspect`, `control`, `status`, `purge`, `result` and `call` do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from workbench.deployment import SOON, Deployment
from workbench.marks import ledger_only
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable


def ask(deployment: Deployment, question: str) -> Any:
    """One worker's answer to an `inspect` question."""
    node = deployment.worker.node
    return getattr(deployment.celery.app.control.inspect([node]), question)()[node]


def test_worker_answers_a_ping(any_pool: Deployment) -> None:
    assert ask(any_pool, "ping") == {"ok": "pong"}


def test_running_task_is_active(any_pool: Deployment) -> None:
    result = any_pool.celery.tasks.hold.delay("active")
    any_pool.wait_for_effects("active")
    if any_pool.worker.pool != "solo":  # which answers when its task is over
        assert result.id in [task["id"] for task in ask(any_pool, "active")]
        assert ask_for(any_pool, result.id)[0] == "active"
    any_pool.open_gate("active")
    result.get(**SOON)
    wait_until(lambda: result.id not in [task["id"] for task in ask(any_pool, "active")])


def ask_for(deployment: Deployment, task_id: str) -> Any:
    node = deployment.worker.node
    return deployment.celery.app.control.inspect([node]).query_task(task_id)[node][task_id]


def test_prefetched_task_is_reserved(deployment: Deployment) -> None:
    deployment.start_worker(concurrency=1)
    for name in ("in front", "behind"):
        deployment.celery.tasks.hold.delay(name)
    deployment.wait_for_effects("in front")
    wait_until(lambda: [task["args"] for task in ask(deployment, "reserved")] == [["behind"]])


def test_worker_lists_tasks_that_wait_for_their_time(standing: Deployment) -> None:
    result = standing.celery.tasks.tell.apply_async(("scheduled",), countdown=3600)
    wait_until(lambda: result.id in [entry["request"]["id"] for entry in ask(standing, "scheduled")])
    result.revoke()


def test_worker_lists_its_tasks_and_queues(standing: Deployment) -> None:
    assert "project.tasks.add" in ask(standing, "registered")
    assert [queue["name"] for queue in ask(standing, "active_queues")] == ["celery"]


def test_worker_tells_its_statistics(standing: Deployment) -> None:
    before = ask(standing, "stats")["total"].get("project.tasks.add", 0)
    standing.celery.tasks.add.delay(1, 1).get(**SOON)
    statistics = ask(standing, "stats")
    assert statistics["total"]["project.tasks.add"] == before + 1
    assert statistics["pool"]["max-concurrency"] == 2
    assert statistics["pid"] == standing.worker.pid


def test_worker_tells_its_configuration_and_report(standing: Deployment) -> None:
    assert ask(standing, "conf")["CELERY_TASK_TRACK_STARTED"] is True
    assert "celery:5.7" in ask(standing, "report")["ok"]


def test_worker_takes_up_a_queue_and_leaves_it_again(standing: Deployment) -> None:
    celery, node = standing.celery, standing.worker.node
    celery.app.control.add_consumer("extra", destination=[node], reply=True)
    assert celery.tasks.add.apply_async((2, 3), queue="extra").get(**SOON) == 5
    celery.app.control.cancel_consumer("extra", destination=[node], reply=True)
    wait_until(lambda: [queue["name"] for queue in ask(standing, "active_queues")] == ["celery"])
    left = celery.tasks.add.apply_async((2, 3), queue="extra")
    assert celery.tasks.add.delay(2, 3).get(**SOON) == 5
    assert left.state == "PENDING"


def test_pool_grows(deployment: Deployment) -> None:
    worker = deployment.start_worker()
    deployment.celery.app.control.pool_grow(1, destination=[worker.node], reply=True)
    wait_until(lambda: len(ask(deployment, "stats")["pool"]["processes"]) == 3)


def test_rate_limit_is_set_while_the_worker_runs(standing: Deployment) -> None:
    control, node = standing.celery.app.control, standing.worker.node
    (reply,) = control.rate_limit("project.tasks.tell_value", "4/s", destination=[node], reply=True)
    assert reply[node] == {"ok": "new rate limit set successfully"}
    for number in range(3):
        standing.celery.tasks.tell_value.delay(number, "limited meanwhile")
    first, *_, last = standing.wait_for_effects("limited meanwhile", 3)
    control.rate_limit("project.tasks.tell_value", "0", destination=[node], reply=True)
    assert last["at"] - first["at"] >= 0.4


def test_time_limit_is_set_while_the_worker_runs(standing: Deployment) -> None:
    control, node = standing.celery.app.control, standing.worker.node
    (reply,) = control.time_limit("project.tasks.echo", hard=100, soft=50, destination=[node], reply=True)
    assert reply[node] == {"ok": "time limits set successfully"}


def test_shutdown_ends_the_worker(deployment: Deployment) -> None:
    worker = deployment.start_worker(pool="solo")
    deployment.celery.app.control.shutdown()
    assert worker.wait() == 0


def test_workers_that_mingle_find_each_other(deployment: Deployment) -> None:
    deployment.start_worker(pool="solo")
    second = deployment.start_worker(pool="solo", mingle=True)
    wait_until(lambda: "mingle: sync complete" in second.log())


def test_every_worker_answers_a_broadcast(deployment: Deployment) -> None:
    workers = [deployment.launch_worker(pool="solo") for _ in range(2)]
    for worker in workers:
        worker.wait_ready()
    asked_at = deployment.celery.now()
    replies = deployment.celery.app.control.ping(timeout=10, limit=2)
    assert {node for reply in replies for node in reply} == {worker.node for worker in workers}
    assert deployment.celery.now() - asked_at < 5, "It waited for more replies than it asked for."


def test_purge_deletes_what_waits(deployment: Deployment) -> None:
    results = [deployment.celery.tasks.add.delay(1, 1) for _ in range(3)]
    assert "Purged 3 messages" in deployment.run_celery("purge", "-f").stdout
    deployment.launch_worker(pool="solo")
    assert deployment.celery.tasks.add.delay(2, 3).get(**SOON) == 5
    assert {result.ready() and result.successful() for result in results} == {False}


@ledger_only
def test_purge_cancels_whatever_waits_and_nothing_brings_it_back(deployment: Deployment) -> None:
    celery = deployment.celery
    results = [celery.tasks.tell.delay("purged") for _ in range(3)]
    results.append(celery.tasks.tell.apply_async(("purged",), countdown=3600))
    assert celery.app.control.purge() == 4
    assert {celery.job(result.id)["state"] for result in results} == {"cancelled"}

    celery.tasks.tell.apply_async(("purged",), countdown=3600)
    assert "Purged 1 message" in deployment.run_celery("purge", "-f").stdout
    deployment.launch_worker(pool="solo")
    celery.tasks.tell.delay("enqueued later")
    deployment.wait_for_effects("enqueued later")
    assert deployment.effects("purged") == []


def lists_task(output: str) -> bool:
    return "project.tasks.add" in output


COMMANDS: dict[str, tuple[tuple[str, ...], Callable[[str], bool]]] = {
    "status": (("status",), lambda output: "1 node online" in output),
    "inspect ping": (("inspect", "ping"), lambda output: "pong" in output),
    "inspect active": (("inspect", "active"), lambda output: "online" in output),
    "inspect scheduled": (("inspect", "scheduled"), lambda output: "online" in output),
    "inspect registered": (("inspect", "registered"), lists_task),
    "inspect stats": (("inspect", "stats", "--json"), lambda output: '"max-concurrency": 2' in output),
    "inspect report": (("inspect", "report"), lambda output: "celery:5.7" in output),
    "control": (("control", "enable_events"), lambda output: "already enabled" in output),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_command_reaches_the_worker(standing: Deployment, command: str) -> None:
    arguments, is_right = COMMANDS[command]
    destination = () if arguments == ("status",) else ("-d", standing.worker.node)
    completed = standing.run_celery(*arguments[:1], *destination, *arguments[1:])
    assert completed.returncode == 0, completed.stderr
    assert is_right(completed.stdout)


def test_call_enqueues_and_result_shows_what_came_of_it(standing: Deployment) -> None:
    called = standing.run_celery("call", "project.tasks.add", "--args", json.dumps([2, 3]))
    task_id = called.stdout.strip()
    assert standing.celery.AsyncResult(task_id).get(**SOON) == 5
    assert standing.run_celery("result", task_id).stdout.strip() == "5"
