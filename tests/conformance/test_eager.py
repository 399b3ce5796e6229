"""Eager mode: tasks run at the call, without broker and worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from workbench.marks import sqlite_only

if TYPE_CHECKING:
    from workbench.deployment import Deployment

pytestmark = sqlite_only  # no lane is asked for anything


def test_eager_task_runs_at_the_call(deployment: Deployment) -> None:
    deployment.environment["ALWAYS_EAGER"] = "yes"
    result = deployment.celery.tasks.add.delay(2, 3)
    assert (result.state, result.get()) == ("SUCCESS", 5)
    assert deployment.celery.count_jobs() == 0


def test_eager_error_waits_in_the_result(deployment: Deployment) -> None:
    deployment.environment["ALWAYS_EAGER"] = "yes"
    result = deployment.celery.tasks.fail.delay("eager")
    assert result.state == "FAILURE"
    with pytest.raises(ValueError, match="eager"):
        result.get()


def test_eager_error_is_raised_at_the_call_when_it_propagates(deployment: Deployment) -> None:
    deployment.environment |= {"ALWAYS_EAGER": "yes", "EAGER_PROPAGATES": "yes"}
    with pytest.raises(ValueError, match="eager"):
        deployment.celery.tasks.fail.delay("eager")


def test_eager_canvas_runs_at_the_call(deployment: Deployment) -> None:
    deployment.environment["ALWAYS_EAGER"] = "yes"
    celery, tasks = deployment.celery, deployment.celery.tasks
    assert celery.chain(tasks.add.s(1, 2), tasks.add.s(3))().get() == 6
    assert celery.chord([tasks.add.s(1, 1), tasks.add.s(2, 2)])(tasks.total.s()).get() == 6
