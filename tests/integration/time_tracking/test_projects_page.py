from __future__ import annotations

import pytest
from django.urls import reverse

from workstate.apps.time_tracking.models import Project
from workstate.apps.time_tracking.services.projects import ensure_projects

PROJECTS = "/time/projects/"


def test_added_project_can_be_booked_on(browser):
    browser.post(PROJECTS, {"name": "  Boiler   checks ", "colour": "teal"})
    assert Project.objects.get().name == "Boiler checks"
    assert "Boiler checks" in browser.get("/time/").content.decode()


@pytest.mark.parametrize("name", ["boilers", "BOILERS", " Boilers "])
def test_name_that_is_taken_is_refused_whatever_its_case(browser, project, name):
    answer = browser.post(PROJECTS, {"name": name, "colour": "teal"})
    assert answer.status_code == 422
    assert "of that name already" in answer.content.decode()


def test_case_is_folded_beyond_ascii(browser, organisation):
    Project.objects.create(organisation=organisation, name="ÜBERGABE")
    assert browser.post(PROJECTS, {"name": "übergabe", "colour": "teal"}).status_code == 422


def test_same_name_may_be_used_in_another_organisation(browser, other_organisation):
    Project.objects.create(organisation=other_organisation, name="Boilers")
    assert browser.post(PROJECTS, {"name": "Boilers", "colour": "teal"}).status_code == 302


def test_archived_project_can_be_used_again(browser, project):
    address = reverse("time_tracking:archive_project", args=[project.public_id])
    for is_archived in (True, False):
        browser.post(address)
        project.refresh_from_db()
        assert project.is_archived is is_archived


def test_project_of_another_organisation_does_not_exist(browser, other_organisation):
    theirs = Project.objects.create(organisation=other_organisation, name="Secret")
    assert browser.post(reverse("time_tracking:archive_project", args=[theirs.public_id])).status_code == 404
    assert "Secret" not in browser.get(PROJECTS).content.decode()


def test_ensured_projects_are_made_once_whatever_their_case(organisation, project):
    made = ensure_projects(organisation, ["boilers", "Repairs", "REPAIRS"])
    assert made["boilers"] == project
    assert set(made) == {"boilers", "repairs"}
    assert Project.objects.count() == 2
