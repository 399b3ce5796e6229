"""A ledger whose database is locked or read-only: a clear error at the call, nothing half-written, and back to work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kombu.exceptions import OperationalError

from workbench.deployment import SOON
from workbench.marks import ledger_only, postgresql_only, sqlite_only
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from workbench.deployment import Deployment


@sqlite_only
def test_call_on_a_locked_database_raises_and_writes_nothing(deployment: Deployment) -> None:
    other = deployment.start_client("other")
    deployment.celery.faults.wait_for_locks(milliseconds=100)
    with other.transaction.atomic():
        other.Note.objects.create(text="holds the lock")
        with pytest.raises(OperationalError, match="locked"):
            deployment.celery.tasks.tell.delay("refused")
    assert deployment.celery.count_jobs() == 0


@ledger_only
def test_call_on_a_read_only_database_raises_and_writes_nothing(deployment: Deployment) -> None:
    deployment.celery.faults.make_read_only()
    with pytest.raises(OperationalError, match=r"read-?only"):
        deployment.celery.tasks.tell.delay("refused")
    assert deployment.celery.count_jobs() == 0


@sqlite_only
def test_call_on_a_full_database_raises_and_writes_nothing(deployment: Deployment) -> None:
    deployment.celery.faults.leave_no_room()
    with pytest.raises(OperationalError, match="full"):
        deployment.celery.tasks.echo.delay("x" * 1_000_000)
    assert deployment.celery.count_jobs() == 0


@sqlite_only
def test_worker_outlives_a_database_that_is_locked_for_a_while(deployment: Deployment) -> None:
    result = deployment.celery.tasks.hold.delay("locked out")
    worker = deployment.start_worker()
    deployment.wait_for_effects("locked out")
    with deployment.celery.transaction.atomic():
        deployment.celery.Note.objects.create(text="holds the lock")
        deployment.open_gate("locked out")
        deployment.wait_for_effects("locked out done")
    assert result.get(**SOON) == "locked out"
    assert worker.returncode is None


@postgresql_only
def test_worker_outlives_a_database_that_breaks_its_connections(deployment: Deployment) -> None:
    worker = deployment.start_worker()
    deployment.celery.faults.break_other_connections()
    assert deployment.celery.tasks.add.delay(2, 3).get(**SOON) == 5
    assert worker.returncode is None


@postgresql_only
def test_no_job_is_forgotten_while_connections_break_again_and_again(deployment: Deployment) -> None:
    worker = deployment.start_worker()
    for broken in range(12):
        for number in range(25):
            deployment.celery.tasks.tell.delay("flowing", number=number)
        deployment.wait_for_effects("flowing", 20 * broken + 1, timeout=30)
        deployment.celery.faults.break_other_connections()
    wait_until(lambda: deployment.celery.jobs_by_state() == {"completed": 300}, timeout=45)
    assert worker.returncode is None
