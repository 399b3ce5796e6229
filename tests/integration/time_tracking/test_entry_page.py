from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from workstate.apps.time_tracking.errors import EntryRefusedError
from workstate.apps.time_tracking.models import Project, TimeEntry
from workstate.apps.time_tracking.services.entries import change_entry, delete_entry

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)


@pytest.fixture
def save(browser):
    def save(entry, **fields):
        values = {
            "description": "Changed",
            "project": "",
            "started_at": "2026-11-18T09:00:00",
            "ended_at": "2026-11-18T10:30:00",
        }
        return browser.post(entry.get_absolute_url(), values | fields)

    return save


def errors_of(response):
    return {field: " ".join(messages) for field, messages in response.context["form"].errors.items()}


def test_entry_is_changed_in_the_person_s_zone(save, add_entry, project, events_of, person):
    entry = add_entry()
    answer = save(entry, project=project.public_id)
    entry.refresh_from_db()
    assert answer.headers["Location"] == "/time/?week=2026-11-18"
    assert (entry.description, entry.project) == ("Changed", project)
    assert entry.started_at == datetime(2026, 11, 18, 8, tzinfo=UTC)
    assert entry.ended_at == datetime(2026, 11, 18, 9, 30, tzinfo=UTC)
    assert events_of(person) == ["entry.changed"]


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"ended_at": "2026-11-18T09:00:00"}, "ended_at", "same moment"),
        ({"ended_at": "2026-11-18T08:59:00"}, "ended_at", "before the start"),
        ({"ended_at": ""}, "ended_at", "Choose a date"),
        ({"started_at": "yesterday"}, "started_at", "Write date and time"),
        ({"started_at": "2026-11-18T09:00:00+02:00"}, "started_at", "Write date and time"),
        ({"started_at": "0001-01-01T00:00:00"}, "started_at", "Write date and time"),
        ({"started_at": "2026-03-29T02:30:00"}, "started_at", "02:30 never came"),
        ({"project": "00000000-0000-0000-0000-000000000000"}, "project", "archived or was removed"),
        ({"description": "x" * 10_001}, "description", "at most 10000"),
    ],
)
def test_wrong_input_is_named_beside_its_field_and_changes_nothing(save, add_entry, fields, field, message):
    entry = add_entry(description="Before")
    answer = save(entry, **fields)
    assert answer.status_code == 422
    assert message in errors_of(answer)[field]
    entry.refresh_from_db()
    assert entry.description == "Before"


def test_entry_in_the_double_hour_that_is_saved_unchanged_keeps_its_moments(save, add_entry):
    started_at = datetime(2026, 10, 25, 1, 10, 5, 123456, tzinfo=UTC)  # the second 2:10 in Berlin
    entry = add_entry(started_at=started_at, ended_at=started_at + timedelta(minutes=30))
    save(entry, started_at="2026-10-25T02:10:05", ended_at="2026-10-25T02:40:05")
    entry.refresh_from_db()
    assert entry.started_at == started_at
    assert entry.ended_at == started_at + timedelta(minutes=30)


def test_end_in_the_double_hour_is_the_first_after_the_start(save, add_entry):
    entry = add_entry()
    save(entry, started_at="2026-10-25T02:50:00", ended_at="2026-10-25T02:10:00")
    entry.refresh_from_db()
    assert entry.ended_at - entry.started_at == timedelta(minutes=20)


def test_running_timer_shows_no_end_and_keeps_running(browser, save, add_entry):
    entry = add_entry(started_at=NOON - timedelta(days=1), ended_at=None)
    assert "ended_at" not in browser.get(entry.get_absolute_url()).context["form"].fields
    save(entry, started_at="2026-11-16T09:00:00")
    entry.refresh_from_db()
    assert (entry.is_running, entry.started_at) == (True, datetime(2026, 11, 16, 8, tzinfo=UTC))


def test_running_timer_can_not_start_in_the_future(add_entry):
    entry = add_entry(ended_at=None)
    with pytest.raises(EntryRefusedError, match="future"):
        change_entry(entry, description="", project=None, started_at=NOON + timedelta(hours=1), now=NOON)


def test_entry_keeps_a_project_that_was_archived_meanwhile(save, add_entry, organisation):
    archived = Project.objects.create(organisation=organisation, name="Old", is_archived=True)
    entry = add_entry(project=archived)
    assert save(entry, project=archived.public_id).status_code == 302


def test_entry_deleted_elsewhere_can_not_be_changed(add_entry):
    entry = add_entry()
    TimeEntry.objects.all().delete()
    with pytest.raises(EntryRefusedError, match="deleted elsewhere"):
        change_entry(entry, description="", project=None)


def test_deleted_entry_is_gone_and_told(browser, add_entry, events_of, person):
    entry = add_entry()
    answer = browser.post(reverse("time_tracking:delete_entry", args=[entry.public_id]))
    assert answer.headers["Location"] == "/time/?week=2026-11-18"
    assert not TimeEntry.objects.exists()
    assert events_of(person) == ["entry.changed"]
    assert not delete_entry(entry)


@pytest.mark.parametrize(
    ("method", "name"), [("get", "entry"), ("post", "entry"), ("post", "delete_entry"), ("post", "change")]
)
def test_entry_of_anyone_else_does_not_exist(browser, others, method, name):
    for entry in others:
        answer = getattr(browser, method)(reverse(f"time_tracking:{name}", args=[entry.public_id]))
        assert answer.status_code == 404
    assert TimeEntry.objects.count() == 2


@pytest.fixture
def others(add_entry, stranger, administrator):
    return [add_entry(person=stranger, organisation=stranger.organisations.get()), add_entry(person=administrator)]


def test_person_of_two_organisations_sees_entries_of_the_one_they_work_in(
    browse, person, join, other_organisation, add_entry
):
    entry = add_entry(organisation=other_organisation)
    join(other_organisation, person.email)
    assert browse(person).get(entry.get_absolute_url()).status_code == 404
