"""What tests of brokers that go away have in common."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.deployment import Deployment
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workbench.lanes import Lane

SOON_SECONDS = 30  # the promise is 5 s to fail over and 10 s to come back; a busy machine may take longer
MOST_OUTAGES = 2
"""A busy machine may not answer within half a second when Redis has come back: that is told as another outage."""


@contextmanager
def deployed(lane: Lane, directory: Path, url: str, **settings: str) -> Iterator[Deployment]:
    """A deployment of a lane's database behind a broker of the test's own, whose ends of jobs are noted."""
    directory.mkdir()
    with lane.fresh_address() as address:
        deployment = Deployment(replace(address, broker_url=url), directory)
        deployment.environment |= settings
        try:
            deployment.celery.endings.watch()
            yield deployment
        finally:
            deployment.close()


def tell(deployment: Deployment, name: str, count: int) -> list[str]:
    """Enqueue jobs that tell the name; return their ids."""
    return [deployment.celery.tasks.tell.delay(name, number=number).id for number in range(count)]


def assert_each_ended_once(deployment: Deployment, task_ids: list[str]) -> None:
    """Wait until so many jobs have ended, and see that it is those, completed, each once."""
    wait_until(lambda: len(deployment.celery.endings.noted()) >= len(task_ids), timeout=SOON_SECONDS)
    assert sorted(deployment.celery.endings.noted()) == sorted((task_id, "completed") for task_id in task_ids)


def wait_until_back_on(broker: str, deployment: Deployment) -> None:
    """Wait until the worker has connected to the broker again, and a job runs that it has carried."""

    def is_carried() -> bool:
        task_id = deployment.celery.tasks.tell.delay("probe").id
        wait_until(lambda: deployment.celery.job(task_id)["state"] == "completed", timeout=SOON_SECONDS)
        return deployment.celery.was_handed_over(task_id)

    wait_until(is_carried, timeout=SOON_SECONDS)
    wait_until(lambda: deployment.worker.log().count(f"Connected to {broker}") >= 2, timeout=SOON_SECONDS)


def assert_outage_took_a_few_lines(log: str) -> None:
    """See that a worker's log tells of an outage once at its start and once at its end, and shows no traceback."""
    told = re.findall(" is (away): | is (back) after ", log)
    assert 1 <= len(told) // 2 <= MOST_OUTAGES
    assert told == [("away", ""), ("", "back")] * (len(told) // 2)
    assert "Traceback" not in log
    assert "Celery 5.1" not in log
    of_an_outage = log[log.index(" ready.") :].splitlines()[1:]
    assert all(line.startswith("[") for line in of_an_outage), "Each record is one line."
