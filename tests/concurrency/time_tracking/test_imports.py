from __future__ import annotations

from functools import partial

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from real_databases import BOTH_DATABASES
from workstate.apps.time_tracking.models import Import, Project, TimeEntry
from workstate.apps.time_tracking.services import import_runs
from workstate.apps.time_tracking.services.imports import request_import

pytestmark = BOTH_DATABASES

HEADER = "User,Email,Client,Project,Task,Description,Billable,Start date,Start time,End date,End time,Duration,Tags"
ROWS = 240


@pytest.fixture(autouse=True)
def small_chunks(settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path / "files"
    monkeypatch.setattr(import_runs, "CHUNK_ROWS", 20)


@pytest.fixture
def upload(person, organisation):
    lines = [
        f"P,,Clinic,Project {number % 7},,Row {number},No,2026-01-{number % 28 + 1:02},09:00,,,01:00,"
        for number in range(ROWS)
    ]
    content = "\n".join([HEADER, *lines]).encode()
    return lambda: request_import(
        person=person, organisation=organisation, upload=SimpleUploadedFile("time.csv", content)
    )


def carry_out(run):
    return partial(import_runs.carry_out, str(run.public_id), report_progress=lambda *_: None)


def test_same_file_imported_twice_at_once_adds_each_row_once(at_once, upload):
    first, second = upload(), upload()
    at_once(carry_out(first), carry_out(second))
    runs = Import.objects.all()
    assert TimeEntry.objects.count() == sum(run.taken for run in runs) == ROWS
    assert [run.taken + run.repeated for run in runs] == [ROWS, ROWS]
    assert Project.objects.count() == 7


def test_one_import_run_by_two_workers_adds_and_counts_each_row_once(at_once, upload):
    run = upload()
    at_once(carry_out(run), carry_out(run))
    import_runs.carry_out(str(run.public_id), report_progress=lambda *_: None)
    run.refresh_from_db()
    assert TimeEntry.objects.count() == run.taken == run.cursor == ROWS
    assert (run.state, run.repeated, run.skipped) == ("completed", 0, 0)
