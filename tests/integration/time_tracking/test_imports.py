from __future__ import annotations

import csv
import io
import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.urls import reverse

from workstate.apps.time_tracking import files, selectors, tasks
from workstate.apps.time_tracking.durations import format_exact
from workstate.apps.time_tracking.models import Import, Project, SkippedRow, TimeEntry
from workstate.apps.time_tracking.services import import_runs
from workstate.apps.time_tracking.services.imports import request_import, resume_import
from workstate.core.jobs.models import Job

EXAMPLES = Path(__file__).parents[3] / "examples" / "imports"
IMPORTS = "/time/imports/"
HEADER = "User,Email,Client,Project,Task,Description,Billable,Start date,Start time,End date,End time,Duration,Tags"
SLASHED = HEADER.replace("Start date", "Start Date").replace("Duration", "Duration (h)")


class KilledError(BaseException):
    """Stands for a worker's death: nothing that catches exceptions sees it."""


@pytest.fixture
def line(person):
    def line(start="09:00:00", end="10:00:00", day="2026-11-18", **cells):
        values = {"email": person.email, "client": "", "project": "Boilers", "description": "Check"} | cells
        start_cells = f"{day},{start},{cells.get('end_day', day)},{end}"
        return (
            f"Priya,{values['email']},{values['client']},{values['project']},,{values['description']},No,"
            f"{start_cells},{cells.get('length', '')},"
        )

    return line


@pytest.fixture
def take_in(person, organisation):
    """Keep lines (or bytes) as an uploaded file, without running its import."""

    def take_in(*lines, header=HEADER, **options):
        content = lines[0] if isinstance(lines[0], bytes) else "\n".join([header, *lines]).encode()
        options = {"person": person} | options
        return request_import(organisation=organisation, upload=SimpleUploadedFile("time.csv", content), **options)

    return take_in


@pytest.fixture
def carry_out():
    def carry_out(run, report_progress=lambda *_: None):
        import_runs.carry_out(str(run.public_id), report_progress=report_progress)
        run.refresh_from_db()
        return run

    return carry_out


@pytest.fixture
def import_lines(take_in, carry_out):
    def import_lines(*lines, **options):
        return carry_out(take_in(*lines, **options))

    return import_lines


def counts_of(run):
    return (run.taken, run.repeated, run.skipped)


def reasons_of(run):
    return dict(SkippedRow.objects.filter(import_run=run).values_list("line", "reason"))


def test_upload_enqueues_its_import_and_shows_its_page(browser, line, person):
    upload = SimpleUploadedFile("Toggl März.csv", f"{HEADER}\n{line()}".encode())
    answer = browser.post(IMPORTS, {"file": upload, "date_order": "automatic"})
    run = Import.objects.get()
    job = Job.objects.get(task_id=run.task_id)
    assert answer.headers["Location"] == run.get_absolute_url()
    assert (run.person, run.file_name, run.state) == (person, "Toggl März.csv", "waiting")
    assert (job.task, job.queue) == ("time_tracking.tasks.carry_out_import", "default")
    assert files.upload_path(run.sha256).read_bytes().decode().startswith(HEADER)
    assert "Waiting for a worker" in browser.get(run.get_absolute_url()).content.decode()


def test_rows_become_entries_in_the_person_s_zone(import_lines, line, person, organisation):
    run = import_lines(line(client="Clinic"))
    entry = TimeEntry.objects.get()
    assert counts_of(run) == (1, 0, 0)
    assert (run.state, run.layout, run.total_rows) == ("completed", "toggl", 1)
    assert (entry.person, entry.organisation, entry.imported_by) == (person, organisation, run)
    assert entry.started_at == datetime(2026, 11, 18, 8, tzinfo=UTC)
    assert (entry.project.name, entry.description) == ("Boilers (Clinic)", "Check")
    assert entry.import_details == {"client": "Clinic", "billable": "No"}


def test_pages_are_told_of_progress_and_of_the_end(import_lines, line, events_of, person):
    import_lines(line())
    assert events_of(person) == [
        "import.requested",
        "import.progressed",
        "import.progressed",
        "import.completed",
        "entry.changed",
    ]


def test_progress_is_reported_with_counts(take_in, carry_out, line):
    reported = []
    carry_out(take_in(line(), line(start="x")), report_progress=lambda *report: reported.append(report))
    assert reported == [(2, 2, "1 taken, 1 skipped")]


def test_same_bytes_twice_add_nothing_twice(import_lines, line):
    lines = [line(), line(start="11:00:00", end="12:00:00")]
    assert counts_of(import_lines(*lines)) == (2, 0, 0)
    assert counts_of(import_lines(*lines)) == (0, 2, 0)
    assert TimeEntry.objects.count() == 2


def test_equal_rows_of_one_file_are_entries_of_their_own(import_lines, line):
    assert counts_of(import_lines(line(), line(), line())) == (3, 0, 0)
    assert counts_of(import_lines(line(), line(), line(), line())) == (1, 3, 0)


def test_overlapping_files_add_what_is_new(import_lines, line):
    import_lines(line(day="2026-11-17"), line(day="2026-11-18"))
    assert counts_of(import_lines(line(day="2026-11-18"), line(day="2026-11-19"))) == (1, 1, 0)


def test_bad_rows_never_stop_the_rest(import_lines, line):
    run = import_lines(
        line(),
        line(start="nine"),
        line(end="09:00:00"),
        line(end="08:00:00"),
        line(day="2026-02-30"),
        line(description="x" * 10_001),
        line(project="y" * 301),
        line(end=""),
        "one cell",
        line() + ",,,,",
        line(start="11:00:00", end="12:00:00"),
    )
    assert counts_of(run) == (2, 0, 9)
    assert reasons_of(run) == {
        3: "“nine” is no time of day.",
        4: "The entry has no length: it ends when it starts.",
        5: "The entry ends before it starts.",
        6: "“2026-02-30” is no date.",
        7: "The description is longer than 10,000 characters.",
        8: "The project's name is longer than 300 characters.",
        9: "There is neither an end time nor a duration.",
        10: "The date is missing.",
        11: "There are 17 cells where the header has 13.",
    }


def test_quoted_line_breaks_keep_line_numbers_right(import_lines, line):
    run = import_lines(line(description='"two\nlines"'), line(start="nine"))
    assert reasons_of(run) == {4: "“nine” is no time of day."}


def test_rows_around_a_clock_change_are_read_by_their_duration(import_lines, line):
    import_lines(
        line(day="2026-10-25", start="01:30:00", end="02:30:00", length="02:00:00"),
        line(day="2026-10-25", start="02:50:00", end="02:10:00", length="00:20:00"),
        line(day="2026-03-29", start="01:30:00", end="03:30:00", length="01:00:00"),
        line(day="2026-03-29", start="02:30:00", end="04:00:00"),
    )
    lengths = [entry.ended_at - entry.started_at for entry in TimeEntry.objects.order_by("id")]
    assert lengths == [timedelta(minutes=minutes) for minutes in (120, 20, 60, 30)]


def test_rows_of_others_are_left_out_for_a_member(import_lines, line, administrator):
    run = import_lines(line(email=administrator.email), line(email=""), line(email="PRIYA@example.com"))
    assert counts_of(run) == (2, 0, 1)
    assert "only an administrator" in reasons_of(run)[2]


def test_rows_of_members_become_theirs_for_an_administrator(import_lines, line, administrator, person, stranger):
    run = import_lines(line(), line(email=stranger.email), line(email="nobody@example.com"), person=administrator)
    assert counts_of(run) == (1, 0, 2)
    assert TimeEntry.objects.get().person == person
    assert "No member has the e-mail address" in reasons_of(run)[3]


def test_member_is_told_of_entries_that_an_administrator_imported(import_lines, line, administrator, person, events_of):
    import_lines(line(), person=administrator)
    assert events_of(person) == ["entry.changed"]


def test_all_rows_can_be_taken_as_one_s_own(import_lines, line, person):
    run = import_lines(line(email="old.address@example.com"), all_rows_are_mine=True)
    assert counts_of(run) == (1, 0, 0)
    assert TimeEntry.objects.get().person == person


def test_day_first_or_month_first_is_asked_when_the_file_can_not_tell(import_lines, take_in, carry_out, line):
    lines = [line(day="03/04/2026")]
    failed = import_lines(*lines)
    assert failed.state == "failed"
    assert "Choose under “Dates”" in failed.error
    run = import_lines(*lines, date_order="month_first")
    assert run.state == "completed"
    assert TimeEntry.objects.get().started_at.date().isoformat() == "2026-03-04"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty."),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "This is a PNG picture, not a CSV file."),
        (b"Name;Hours\nPriya;3\n", "does not name the columns"),
    ],
)
def test_bad_file_fails_with_what_to_do_and_adds_nothing(import_lines, content, message, browser):
    run = import_lines(content)
    assert run.state == "failed"
    assert message in run.error
    assert "Export the detailed report" in run.error
    assert not TimeEntry.objects.exists()
    assert message in browser.get(run.get_absolute_url()).content.decode()


def test_file_in_utf_16_with_semicolons_is_taken(import_lines, line):
    text = "\r\n".join([HEADER, line(description="Prüfung")]).replace(",", ";")
    run = import_lines(text.encode("utf-16"))
    assert counts_of(run) == (1, 0, 0)
    assert TimeEntry.objects.get().description == "Prüfung"


def test_file_with_a_header_only_completes_with_nothing(import_lines):
    run = import_lines(HEADER.encode())
    assert (run.state, run.total_rows, counts_of(run)) == ("completed", 0, (0, 0, 0))


@pytest.mark.parametrize("point", ["_add_entries", "_add_skipped", "_complete"])
def test_import_killed_anywhere_goes_on_after_its_last_chunk(monkeypatch, take_in, carry_out, line, point):
    monkeypatch.setattr(import_runs, "CHUNK_ROWS", 3)
    lines = [line(start=f"{hour:02}:00:00", end=f"{hour:02}:30:00") for hour in range(8)]
    run = take_in(*lines, line(), line(), line(start="x"))
    survivors = 0
    for chunks in itertools.count():
        with monkeypatch.context() as patch:
            patch.setattr(import_runs, point, _die_after(getattr(import_runs, point), chunks))
            try:
                carry_out(run)
            except KilledError:
                run.refresh_from_db()
                stored = TimeEntry.objects.count() + SkippedRow.objects.count()
                assert run.cursor == sum(counts_of(run)) == stored >= survivors
                survivors = stored
            else:
                break
    assert (run.state, counts_of(run)) == ("completed", (10, 0, 1))


def _die_after(original, calls):
    remaining = itertools.count(calls, -1)

    def dying(*args, **kwargs):
        if next(remaining) == 0:
            raise KilledError
        return original(*args, **kwargs)

    return dying


def test_import_that_another_worker_has_moved_on_changes_nothing(monkeypatch, take_in, line):
    run = take_in(line(), line(day="2026-11-17"))
    original = import_runs._store_chunk

    def store_late(*args, **kwargs):
        Import.objects.filter(pk=run.pk).update(cursor=2)
        original(*args, **kwargs)

    monkeypatch.setattr(import_runs, "_store_chunk", store_late)
    import_runs.carry_out(str(run.public_id), report_progress=lambda *_: None)
    run.refresh_from_db()
    assert (run.cursor, run.state) == (2, "running")
    assert not TimeEntry.objects.exists()


def test_completed_import_that_runs_again_changes_nothing(import_lines, carry_out, line, events_of, person):
    run = import_lines(line())
    told = events_of(person)
    assert counts_of(carry_out(run)) == (1, 0, 0)
    assert events_of(person) == told


def test_busy_database_is_waited_for_and_only_at_last_given_up(monkeypatch, take_in, line):
    run = take_in(line())
    attempts = []

    def busy(*args, **kwargs):
        attempts.append(args)
        raise OperationalError("database is locked")

    monkeypatch.setattr(import_runs, "carry_out", busy)
    tasks.carry_out_import.apply((str(run.public_id),), throw=False)
    run.refresh_from_db()
    assert len(attempts) == 1 + tasks.RETRIES
    assert run.state == "failed"


def _raise(error):
    def raising(*args, **kwargs):
        raise error

    return raising


def test_unexpected_error_ends_the_import_so_that_it_can_go_on(monkeypatch, take_in, carry_out, line, browser):
    run = take_in(line())
    with monkeypatch.context() as patch:
        patch.setattr(import_runs, "_add_entries", _raise(RuntimeError("a bug")))
        tasks.carry_out_import.apply((str(run.public_id),), throw=False)
    run.refresh_from_db()
    assert run.state == "failed"
    assert "adds nothing twice" in run.error
    task_id = run.task_id
    browser.post(reverse("time_tracking:resume_import", args=[run.public_id]))
    run.refresh_from_db()
    assert (run.state, run.error) == ("waiting", "")
    assert run.task_id != task_id
    assert counts_of(carry_out(run)) == (1, 0, 0)


def test_completed_import_is_not_resumed(import_lines, line):
    run = import_lines(line())
    assert not resume_import(run)


def test_import_whose_job_was_given_up_says_so(browser, take_in, line):
    run = take_in(line())
    assert not selectors.is_given_up(run)
    Job.objects.filter(task_id=run.task_id).update(state="discarded")
    assert selectors.is_given_up(run)
    assert "Go on" in browser.get(run.get_absolute_url()).content.decode()


def test_upload_over_the_limit_is_refused_with_what_to_do(browser, monkeypatch, line):
    from workstate.apps.time_tracking import forms

    monkeypatch.setattr(forms, "BYTES_IN_MEGABYTE", 1)
    answer = browser.post(IMPORTS, {"file": SimpleUploadedFile("a.csv", b"x" * 101), "date_order": "automatic"})
    assert answer.status_code == 422
    assert "Export a shorter period" in answer.content.decode()
    assert not Import.objects.exists()


def test_upload_without_a_file_is_refused(browser):
    answer = browser.post(IMPORTS, {"date_order": "automatic"})
    assert answer.status_code == 422
    assert "Choose a file first" in answer.content.decode()


def test_import_of_anyone_else_does_not_exist(browse, take_in, line, administrator, stranger):
    run = take_in(line())
    for other in (administrator, stranger):
        assert browse(other).get(run.get_absolute_url()).status_code == 404
        resume = reverse("time_tracking:resume_import", args=[run.public_id])
        assert browse(other).post(resume).status_code == 404


def test_same_bytes_are_kept_once(take_in, line):
    first, second = take_in(line()), take_in(line())
    assert first.sha256 == second.sha256
    kept = [path for path in files.upload_path(first.sha256).parents[1].rglob("*") if path.is_file()]
    assert kept == [files.upload_path(first.sha256)]


def test_page_lists_reasons_with_counts_and_no_more_rows_than_it_bears(browser, import_lines, line):
    run = import_lines(*[line(start="nine")] * 130, line(end="09:00:00"))
    page = browser.get(run.get_absolute_url())
    assert page.context["skipped"].reasons[0] == ("“nine” is no time of day.", 130)
    assert len(page.context["skipped"].rows) == selectors.SKIPPED_ROWS_SHOWN
    assert "the first 100 of 131" in page.content.decode()


@pytest.fixture
def demo_administrator(join, organisation):
    """One of the people in the samples; the others are members beside them."""
    for first in ("jonas.lindqvist", "priya.raman", "tom.whitfield"):
        join(organisation, f"{first}@northside.example", time_zone="Europe/London")
    return join(organisation, "amina.okafor@northside.example", "administrator", "Europe/London")


@pytest.mark.parametrize(("name", "layout"), [("toggl_track.csv", "toggl"), ("clockify.csv", "clockify")])
def test_shipped_sample_is_taken_whole_but_for_mistakes(import_lines, demo_administrator, name, layout):
    content = (EXAMPLES / name).read_bytes()
    run = import_lines(content, person=demo_administrator)
    assert (run.state, run.layout, run.total_rows) == ("completed", layout, 5000)
    assert run.taken + run.skipped == 5000
    assert 0 < run.skipped < 50
    assert set(reasons_of(run).values()) == {"The entry has no length: it ends when it starts."}
    assert Project.objects.count() < 60
    assert counts_of(import_lines(content, person=demo_administrator)) == (0, run.taken, run.skipped)


def test_nights_of_clock_changes_are_as_long_as_the_sample_says(import_lines, demo_administrator):
    content = (EXAMPLES / "toggl_track.csv").read_bytes()
    import_lines(content, person=demo_administrator)
    written = {
        row["Email"] + row["Start time"]: row["Duration"]
        for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
        if row["Start date"] == "2026-03-28"
    }
    entries = TimeEntry.objects.filter(started_at__date="2026-03-28").select_related("person")
    taken = {
        f"{entry.person.email}{entry.started_at:%H:%M:%S}": f"0{format_exact(entry.ended_at - entry.started_at)}"
        for entry in entries
    }
    assert len(taken) == 4
    assert taken == written
