# ruff: noqa: RUF001  signs as people type them

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from workstate.apps.time_tracking import files, selectors, tasks
from workstate.apps.time_tracking.models import Export, Project
from workstate.apps.time_tracking.services import export_runs
from workstate.apps.time_tracking.services.exports import request_export
from workstate.core.jobs.models import Job

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
EXPORTS = "/time/exports/"


@pytest.fixture
def ask(person, organisation):
    def ask(**options):
        values = {"first_day": date(2026, 11, 1), "last_day": date(2026, 11, 30)} | options
        return request_export(person=person, organisation=organisation, **values)

    return ask


@pytest.fixture
def make(ask):
    def make(**options):
        export = ask(**options)
        export_runs.carry_out(str(export.public_id), report_progress=lambda *_: None)
        export.refresh_from_db()
        return export

    return make


def rows_of(export):
    content = files.export_path(export.public_id).read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def download_of(export):
    return reverse("time_tracking:download_export", args=[export.public_id])


def test_asked_export_is_enqueued_and_shows_its_page(browser):
    answer = browser.post(EXPORTS, {"first_day": "2026-11-01", "last_day": "2026-11-30"})
    export = Export.objects.get()
    job = Job.objects.get(task_id=export.task_id)
    assert answer.headers["Location"] == export.get_absolute_url()
    assert (job.task, job.queue) == ("time_tracking.tasks.carry_out_export", "report_queue")
    assert "Waiting for a worker" in browser.get(export.get_absolute_url()).content.decode()


def test_file_holds_entries_in_the_person_s_zone(make, add_entry, project):
    add_entry(project=project, description="Prüfung, “Nord” – ok")
    export = make()
    assert (export.state, export.done_rows) == ("completed", 1)
    assert rows_of(export) == [
        {
            "Date": "2026-11-18",
            "Start": "12:00:00",
            "End": "13:00:00",
            "Duration": "1:00:00",
            "Hours": "1.0000",
            "Project": "Boilers",
            "Description": "Prüfung, “Nord” – ok",
            "Person": "priya@example.com",
            "Email": "priya@example.com",
            "Started at": "2026-11-18T12:00:00+01:00",
            "Ended at": "2026-11-18T13:00:00+01:00",
        }
    ]


def test_days_of_the_period_are_the_person_s_days(make, add_entry):
    for hour in (22, 23):  # half past eleven on the 17th, half past midnight on the 18th in Berlin
        start = datetime(2026, 11, 17, hour, 30, tzinfo=UTC)
        add_entry(started_at=start, ended_at=start + timedelta(minutes=5), description=f"{hour}")
    export = make(first_day=date(2026, 11, 18), last_day=date(2026, 11, 18))
    assert [row["Description"] for row in rows_of(export)] == ["23"]


def test_project_filters_and_running_timers_are_left_out(make, add_entry, project):
    add_entry(project=project, description="In")
    add_entry(description="Out")
    add_entry(project=project, ended_at=None)
    assert [row["Description"] for row in rows_of(make(project=project))] == ["In"]


def test_export_holds_nothing_of_anyone_else(make, add_entry, administrator, stranger, other_organisation):
    add_entry(person=administrator)
    add_entry(person=stranger, organisation=other_organisation)
    export = make()
    assert (rows_of(export), export.done_rows) == ([], 0)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1"])
def test_no_cell_runs_in_a_spreadsheet(make, add_entry, organisation, text):
    add_entry(description=text, project=Project.objects.create(organisation=organisation, name=text))
    [row] = rows_of(make())
    assert row["Description"] == row["Project"] == "'" + text


def test_download_is_an_attachment_with_a_safe_name(browser, make, add_entry):
    add_entry()
    export = make()
    answer = browser.get(download_of(export))
    content = b"".join(answer.streaming_content)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="time-2026-11-01-to-2026-11-30.csv"'
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert len(content) == export.file_size


def test_download_of_anyone_else_does_not_exist(browse, make, administrator, stranger):
    export = make()
    for other in (administrator, stranger):
        assert browse(other).get(download_of(export)).status_code == 404
        assert browse(other).get(export.get_absolute_url()).status_code == 404


def test_killed_export_leaves_nothing_to_download_and_is_made_anew(monkeypatch, browser, ask, add_entry):
    add_entry()
    export = ask()
    with monkeypatch.context() as patch:
        patch.setattr(export_runs, "_cells", _die)
        with pytest.raises(KeyboardInterrupt):
            export_runs.carry_out(str(export.public_id), report_progress=lambda *_: None)
    assert browser.get(download_of(export)).status_code == 404
    assert list(files.export_path(export.public_id).parent.iterdir()) == []
    export_runs.carry_out(str(export.public_id), report_progress=lambda *_: None)
    assert len(rows_of(export)) == 1


def _die(*args):
    raise KeyboardInterrupt


def test_export_with_a_lost_file_is_not_found(browser, make):
    export = make()
    files.export_path(export.public_id).unlink()
    assert browser.get(download_of(export)).status_code == 404


def test_progress_is_stored_told_and_reported(monkeypatch, ask, add_entry, events_of, person):
    monkeypatch.setattr(export_runs, "FETCHED_ROWS", 2)
    for number in range(5):
        add_entry(started_at=NOON - timedelta(minutes=number + 1))
    reported = []
    export = ask()
    export_runs.carry_out(str(export.public_id), report_progress=lambda *report: reported.append(report))
    assert reported[0] == (2, 5, "2 entries written")
    assert events_of(person)[0] == "export.requested"
    assert events_of(person)[-1] == "export.completed"


def test_unexpected_error_ends_the_export_so_that_it_can_be_made_anew(monkeypatch, browser, ask):
    export = ask()
    with monkeypatch.context() as patch:
        patch.setattr(export_runs, "_write", _fail)
        tasks.carry_out_export.apply((str(export.public_id),), throw=False)
    export.refresh_from_db()
    assert export.state == "failed"
    browser.post(reverse("time_tracking:resume_export", args=[export.public_id]))
    export.refresh_from_db()
    assert (export.state, export.error) == ("waiting", "")


def _fail(*args):
    raise RuntimeError("a bug")


def test_export_whose_job_was_given_up_says_so(browser, ask):
    export = ask()
    Job.objects.filter(task_id=export.task_id).update(state="cancelled")
    assert selectors.is_given_up(export)
    assert "Go on" in browser.get(export.get_absolute_url()).content.decode()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"first_day": "2026-11-02", "last_day": "2026-11-01"}, "last_day"),
        ({"first_day": "", "last_day": "2026-11-01"}, "first_day"),
        ({"first_day": "0001-01-01", "last_day": "2026-11-01"}, "first_day"),
        ({"first_day": "2026-11-01", "last_day": "9999-12-31"}, "last_day"),
    ],
)
def test_period_that_makes_no_sense_is_refused(browser, fields, field):
    answer = browser.post(EXPORTS, fields)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not Export.objects.exists()
