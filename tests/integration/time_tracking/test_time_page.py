from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from workstate.apps.time_tracking.models import Project, TimeEntry
from workstate.apps.time_tracking.services.timers import start_timer, stop_timer

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
TIME = "/time/"
FRAGMENT = {"HX-Request": "true", "HX-Target": "week", "HX-Current-URL": "http://testserver/time/"}


def text_of(response):
    return response.content.decode()


def test_time_page_asks_strangers_to_sign_in(client, db):
    assert client.get(TIME).headers["Location"].startswith(reverse("account_login"))


def test_empty_week_teaches(browser):
    page = text_of(browser.get(TIME))
    assert "Nothing tracked this week yet" in page
    assert reverse("time_tracking:imports") in page


def test_page_names_the_position_from_before_its_data(browser, person, organisation, monkeypatch):
    from workstate.apps.time_tracking.views import timers

    original = timers.selectors.list_week

    def start_meanwhile(**arguments):
        week = original(**arguments)
        start_timer(person=person, organisation=organisation, description="Meanwhile")
        return week

    monkeypatch.setattr(timers.selectors, "list_week", start_meanwhile)
    page = text_of(browser.get(TIME))
    [streams] = re.findall(r"data-live-streams=['\"](.*?)['\"]", page)
    position = json.loads(streams.replace("&quot;", '"'))[f"user:{person.pk}"]
    assert position.endswith(":0")  # the start is told again, rather than missed


def test_start_without_a_script_goes_back_to_the_page_it_was_sent_from(browser, project):
    data = {"description": "Boiler", "project": project.public_id, "page": "/time/?week=2026-11-16"}
    answer = browser.post(reverse("time_tracking:start"), data)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/time/?week=2026-11-16")
    entry = TimeEntry.objects.get()
    assert (entry.description, entry.project, entry.is_running) == ("Boiler", project, True)


@pytest.mark.parametrize("page", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", ""])
def test_start_never_sends_anyone_to_another_site(browser, page):
    answer = browser.post(reverse("time_tracking:start"), {"page": page})
    assert answer.headers["Location"] == TIME


def test_start_from_a_fragment_answers_with_the_timer_alone(browse, person):
    answer = browse(person, **FRAGMENT).post(reverse("time_tracking:start"), {"description": "Boiler"})
    assert "<html" not in text_of(answer)
    assert 'value="Boiler"' in text_of(answer)
    assert "time-changed" in answer.headers["HX-Trigger"]


def test_description_over_the_limit_is_refused_and_kept(browser, browse, person):
    long = "x" * 10_001
    for client in (browser, browse(person, **FRAGMENT)):
        answer = client.post(reverse("time_tracking:start"), {"description": long})
        assert answer.status_code == 422
        assert "at most 10000 characters" in text_of(answer)
        assert long in text_of(answer)
    assert not TimeEntry.objects.exists()


@pytest.mark.parametrize("description", ["x" * 10_000, "בדיקת דוד, קומה 2", "👩🏽‍🔧 <b>&amp; \u202e", "a\nb"])
def test_any_text_up_to_the_limit_is_kept_as_it_was_typed(browser, description):
    browser.post(reverse("time_tracking:start"), {"description": description})
    assert TimeEntry.objects.get().description == description
    assert browser.get(TIME).status_code == 200


def test_text_with_a_null_character_is_refused(browser):
    assert browser.post(reverse("time_tracking:start"), {"description": "a\x00b"}).status_code == 422


def test_project_of_another_organisation_or_an_archived_one_is_refused(browser, other_organisation, organisation):
    theirs = Project.objects.create(organisation=other_organisation, name="Secret")
    archived = Project.objects.create(organisation=organisation, name="Old", is_archived=True)
    for project in (theirs, archived):
        answer = browser.post(reverse("time_tracking:start"), {"project": project.public_id})
        assert answer.status_code == 422
    assert not TimeEntry.objects.exists()


def test_stop_of_a_timer_stopped_elsewhere_is_calm(browser, person, organisation):
    entry = start_timer(person=person, organisation=organisation, now=NOON).entry
    stop_timer(person=person, organisation=organisation, public_id=entry.public_id, now=NOON + timedelta(hours=2))
    answer = browser.post(reverse("time_tracking:stop"), {"timer": entry.public_id}, follow=True)
    assert answer.status_code == 200
    assert "already stopped elsewhere, at 15:00" in text_of(answer)  # Berlin


@pytest.mark.parametrize("name", ["stop", "discard"])
@pytest.mark.parametrize("timer", ["", "rubbish", uuid.uuid4()], ids=["nothing", "rubbish", "of nobody"])
def test_stop_and_discard_of_what_is_not_there_are_calm(browser, name, timer):
    assert browser.post(reverse(f"time_tracking:{name}"), {"timer": timer}, follow=True).status_code == 200


def test_discard_deletes_the_timer(browser, person, organisation):
    entry = start_timer(person=person, organisation=organisation).entry
    browser.post(reverse("time_tracking:discard"), {"timer": entry.public_id})
    assert not TimeEntry.objects.exists()


def test_running_timer_can_be_described(browser, person, organisation, project, events_of):
    entry = start_timer(person=person, organisation=organisation).entry
    address = reverse("time_tracking:change", args=[entry.public_id])
    for _ in range(2):
        browser.post(address, {"description": "Named later", "project": project.public_id})
    entry.refresh_from_db()
    assert (entry.description, entry.project, entry.is_running) == ("Named later", project, True)
    assert events_of(person) == ["timer.started", "entry.changed"]  # what changes nothing tells nobody


def test_bar_keeps_the_form_for_a_draft_beside_a_running_timer(browse, person, organisation):
    start_timer(person=person, organisation=organisation, description="Elsewhere")
    answer = text_of(browse(person, **FRAGMENT).get(reverse("time_tracking:bar"), {"draft": "1"}))
    assert "data-timer-new" in answer
    assert "Elsewhere" in answer
    assert reverse("time_tracking:stop") in answer


def test_elapsed_time_is_counted_by_the_server_s_clock(browser, person, organisation):
    start_timer(person=person, organisation=organisation, now=timezone.now() - timedelta(minutes=65))
    [milliseconds] = re.findall(r'id="timer-elapsed"[^>]*data-elapsed="(\d+)"', text_of(browser.get(TIME)))
    assert 3_900_000 <= int(milliseconds) < 3_960_000


@pytest.mark.parametrize("week", ["2026-11-18", "rubbish", "0001-01-01", "9999-12-31", ""])
def test_any_week_in_the_address_shows_a_page(browser, week):
    assert browser.get(TIME, {"week": week}).status_code == 200


def test_week_shows_times_of_the_person_s_zone(browser, add_entry):
    add_entry(description="<script>alert(1)</script>")
    page = text_of(browser.get(TIME, {"week": "2026-11-18"}))
    assert "12:00" in page
    assert "13:00" in page
    assert "<script>alert" not in page


def test_page_costs_the_same_queries_for_one_entry_and_for_fifty(
    browser, add_entry, project, django_assert_max_num_queries
):
    for number in range(50):
        add_entry(project=project, started_at=NOON - timedelta(minutes=number + 1), description=str(number))
    with django_assert_max_num_queries(9):
        browser.get(TIME, {"week": "2026-11-18"})


def test_fragment_costs_at_most_five_queries(browse, person, add_entry, django_assert_max_num_queries):
    add_entry()
    client = browse(person, **FRAGMENT)
    with django_assert_max_num_queries(5):
        answer = client.get(TIME, {"week": "2026-11-18"})
    assert "<html" not in text_of(answer)


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_pages_take_no_other_methods(browser, method):
    assert getattr(browser, method)(TIME).status_code == 405
    assert browser.get(reverse("time_tracking:start")).status_code == 405
