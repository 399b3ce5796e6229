"""Where a task runs and in which order: queues, routes, priorities."""

from __future__ import annotations

from workbench.deployment import SOON, Deployment


def test_worker_takes_only_from_its_queues(deployment: Deployment) -> None:
    tasks = deployment.celery.tasks
    deployment.launch_worker("-Q", "mail,reports", pool="solo")
    elsewhere = tasks.add.delay(1, 1)
    assert tasks.describe_request.apply_async(queue="mail").get(**SOON)["queue"] == "mail"
    assert tasks.describe_request.apply_async(queue="reports").get(**SOON)["queue"] == "reports"
    assert elsewhere.state == "PENDING"


def test_route_of_the_settings_chooses_the_queue(deployment: Deployment) -> None:
    deployment.launch_worker("-Q", "by_route", pool="solo")
    assert deployment.celery.tasks.routed.delay().get(**SOON) == "routed"


def test_lower_priority_number_runs_first(deployment: Deployment) -> None:
    for priority in (9, 3, 0, 6, 0):
        deployment.celery.tasks.tell.apply_async(("priority",), {"priority": priority}, priority=priority)
    deployment.launch_worker("--prefetch-multiplier", "1", pool="solo")
    effects = deployment.wait_for_effects("priority", 5)
    assert [effect["priority"] for effect in effects] == [0, 0, 3, 6, 9]


def test_equal_priorities_run_in_the_order_of_their_arrival(deployment: Deployment) -> None:
    for number in range(20):
        deployment.celery.tasks.tell.delay("order", number=number)
    deployment.launch_worker("--prefetch-multiplier", "1", pool="solo")
    effects = deployment.wait_for_effects("order", 20)
    assert [effect["number"] for effect in effects] == list(range(20))
