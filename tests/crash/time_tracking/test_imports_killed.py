"""Imports whose worker is killed half-way, with real workers on both databases."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from real_databases import BOTH_DATABASES
from workbench.processes import Process
from workbench.waiting import wait_until
from workstate.apps.accounts.models import Membership, Organisation, User
from workstate.apps.time_tracking.models import Import, SkippedRow, TimeEntry
from workstate.apps.time_tracking.services.imports import request_import
from workstate.core.jobs.models import Job

pytestmark = BOTH_DATABASES

SAMPLE = Path(__file__).parents[3] / "examples" / "imports" / "toggl_track.csv"
ROWS = 5000
HALF_WAY = 1000
RESCUED_WITHIN_SECONDS = 45


@pytest.fixture
def run(database, settings, tmp_path):
    """The shipped sample, enqueued for one person."""
    settings.MEDIA_ROOT = tmp_path / "data" / "files"
    organisation = Organisation.objects.create(name="Northside Facilities")
    person = User.objects.create(email="priya@example.com", time_zone="Europe/London")
    Membership.objects.create(organisation=organisation, user=person)
    upload = SimpleUploadedFile(SAMPLE.name, SAMPLE.read_bytes())
    return request_import(person=person, organisation=organisation, upload=upload, all_rows_are_mine=True)


@pytest.fixture
def start_worker(database, tmp_path):
    workers = []

    def start_worker():
        command = [sys.executable, "-m", "celery", "-A", "workstate", "worker", "-c", "1", "-l", "INFO"]
        environment = database.environment() | {"WORKSTATE_DATA": str(tmp_path / "data")}
        workers.append(Process(f"worker{len(workers)}", command, environment=environment, directory=tmp_path))
        return workers[-1]

    yield start_worker
    for worker in workers:
        worker.end_group()


def wait_half_way(run):
    wait_until(lambda: Import.objects.get(pk=run.pk).cursor >= HALF_WAY, timeout=60)


def assert_completed_once(run):
    wait_until(lambda: not Import.objects.get(pk=run.pk).is_open, timeout=RESCUED_WITHIN_SECONDS)
    run.refresh_from_db()
    assert (run.state, run.error, run.repeated) == ("completed", "", 0)
    assert run.taken == TimeEntry.objects.count()
    assert run.skipped == SkippedRow.objects.count()
    assert run.taken + run.skipped == run.cursor == ROWS
    job = Job.objects.get(task_id=run.task_id)
    wait_until(lambda: Job.objects.get(pk=job.pk).state == "completed")
    assert Job.objects.get(pk=job.pk).lost_attempts == 1


def test_import_goes_on_when_its_pool_process_was_killed(run, start_worker):
    worker = start_worker()
    wait_half_way(run)
    for child in worker.children():
        os.kill(child, signal.SIGKILL)
    assert_completed_once(run)


def test_import_goes_on_in_another_worker_when_the_whole_worker_was_killed(run, start_worker):
    worker = start_worker()
    wait_half_way(run)
    worker.end_group()
    assert run.cursor < Import.objects.get(pk=run.pk).cursor < ROWS
    start_worker()
    assert_completed_once(run)
