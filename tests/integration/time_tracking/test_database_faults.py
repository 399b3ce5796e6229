"""A database that is full, read-only or locked: a clear error, and nothing half-written."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection

from workstate.apps.accounts.models import Membership, Organisation, User
from workstate.apps.time_tracking.models import Import, TimeEntry
from workstate.apps.time_tracking.services import import_runs
from workstate.apps.time_tracking.services.imports import request_import
from workstate.apps.time_tracking.services.timers import start_timer
from workstate.core.live.models import Event

HEADER = "User,Email,Client,Project,Task,Description,Billable,Start date,Start time,End date,End time,Duration,Tags"
ROWS = 3000


@pytest.fixture
def someone(database):
    """A person with a running timer, in a SQLite file that a test may spoil."""
    organisation = Organisation.objects.create(name="Northside Facilities")
    user = User.objects.create(email="priya@example.com", time_zone="Europe/Berlin")
    Membership.objects.create(organisation=organisation, user=user)
    whose = {"person": user, "organisation": organisation}
    start_timer(**whose, description="First")
    return whose


def set_pragma(statement):
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {statement}")


def fill_up(*, spare_pages=0):
    """Let the file grow so much further and no more."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        (pages,) = cursor.fetchone()
    set_pragma(f"max_page_count = {pages + spare_pages}")


def test_start_in_a_full_database_leaves_the_former_timer_running(someone):
    fill_up()
    with pytest.raises(OperationalError, match="full"):
        start_timer(**someone, description="x" * 10_000)
    assert TimeEntry.objects.running().get().description == "First"
    assert Event.objects.count() == 1


def test_start_in_a_read_only_database_changes_nothing(someone):
    set_pragma("query_only = ON")
    with pytest.raises(OperationalError, match="readonly"):
        start_timer(**someone, description="Second")
    assert TimeEntry.objects.running().get().description == "First"


def test_start_in_a_locked_database_changes_nothing(someone, database):
    set_pragma("busy_timeout = 50")
    with closing(sqlite3.connect(database.url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="locked"):
            start_timer(**someone, description="Second")
    assert TimeEntry.objects.running().get().description == "First"


def test_import_in_a_database_that_gets_full_keeps_whole_chunks_and_goes_on_later(someone, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "files"
    lines = [f"P,,,,,{'x' * 400}{n},No,2026-01-{n % 28 + 1:02},09:00,,,01:00," for n in range(ROWS)]
    upload = SimpleUploadedFile("time.csv", "\n".join([HEADER, *lines]).encode())
    run = request_import(**someone, upload=upload)
    fill_up(spare_pages=250)
    with pytest.raises(OperationalError, match="full"):
        import_runs.carry_out(str(run.public_id), report_progress=lambda *_: None)
    half = Import.objects.get(pk=run.pk)
    assert 0 < half.taken == half.cursor == TimeEntry.objects.ended().count() < ROWS
    set_pragma("max_page_count = 1000000")
    import_runs.carry_out(str(run.public_id), report_progress=lambda *_: None)
    run.refresh_from_db()
    assert (run.state, run.taken) == ("completed", ROWS)
