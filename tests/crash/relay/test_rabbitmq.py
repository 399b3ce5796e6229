"""RabbitMQ is killed and started again: the same promises as for Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from chaos.servers import RabbitMQServer
from chaos.servers.rabbitmq import PROGRAM

from workbench.marks import EMBEDDED_LANES
from workbench.outages import (
    SOON_SECONDS,
    assert_each_ended_once,
    assert_outage_took_a_few_lines,
    deployed,
    tell,
    wait_until_back_on,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workbench.deployment import Deployment
    from workbench.lanes import Lane
    from workbench.plugin import Workbench

pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.skipif(not PROGRAM.exists(), reason=f"There is no {PROGRAM}."),
    pytest.mark.parametrize("lane", EMBEDDED_LANES, indirect=True),
    pytest.mark.timeout(400),
]


@pytest.fixture
def rabbitmq(tmp_path: Path) -> Iterator[RabbitMQServer]:
    server = RabbitMQServer(tmp_path / "rabbitmq")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def deployment(workbench: Workbench, lane: Lane, rabbitmq: RabbitMQServer, tmp_path: Path) -> Iterator[Deployment]:
    with deployed(lane, tmp_path / "deployment", rabbitmq.url()) as deployment:
        yield deployment


def test_jobs_run_through_the_database_while_rabbitmq_restarts_and_through_rabbitmq_again(
    deployment: Deployment, rabbitmq: RabbitMQServer
) -> None:
    worker = deployment.start_worker()
    task_ids = tell(deployment, "before", 5)
    deployment.wait_for_effects("before", 5, timeout=SOON_SECONDS)

    rabbitmq.kill()
    task_ids += tell(deployment, "during", 20)
    deployment.wait_for_effects("during", 20, timeout=SOON_SECONDS)
    rabbitmq.start()
    wait_until_back_on("amqp", deployment)
    task_ids += tell(deployment, "after", 5)
    deployment.wait_for_effects("after", 5, timeout=SOON_SECONDS)

    assert worker.returncode is None
    probes = [task_id for task_id, _ in deployment.celery.endings.noted() if task_id not in task_ids]
    assert_each_ended_once(deployment, task_ids + probes)
    assert_outage_took_a_few_lines(worker.log())


def test_messages_that_wait_in_rabbitmq_run_once_each_after_its_restart(
    deployment: Deployment, rabbitmq: RabbitMQServer
) -> None:
    task_ids = tell(deployment, "waiting", 30)
    rabbitmq.kill()
    rabbitmq.start()
    deployment.start_worker()

    deployment.wait_for_effects("waiting", 30, timeout=SOON_SECONDS)
    assert_each_ended_once(deployment, task_ids)
