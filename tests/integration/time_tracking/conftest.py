"""People in two organisations, their projects, and browsers they are signed in with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from workstate.apps.accounts.models import Membership, Organisation, User
from workstate.apps.time_tracking.models import Project, TimeEntry
from workstate.core.live.models import Event

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def own_files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "files"


@pytest.fixture
def organisation(db):
    return Organisation.objects.create(name="Northside Facilities")


@pytest.fixture
def other_organisation(db):
    return Organisation.objects.create(name="Southbank Care")


@pytest.fixture
def join():
    def join(organisation, email, role=Membership.Role.MEMBER, time_zone="Europe/Berlin"):
        user, _ = User.objects.get_or_create(email=email, defaults={"time_zone": time_zone})
        Membership.objects.create(organisation=organisation, user=user, role=role)
        return user

    return join


@pytest.fixture
def person(join, organisation):
    return join(organisation, "priya@example.com")


@pytest.fixture
def administrator(join, organisation):
    return join(organisation, "amina@example.com", Membership.Role.ADMINISTRATOR)


@pytest.fixture
def stranger(join, other_organisation):
    return join(other_organisation, "eve@example.com")


@pytest.fixture
def project(organisation):
    return Project.objects.create(organisation=organisation, name="Boilers")


@pytest.fixture
def browse():
    """A browser that a person is signed in with."""

    def browse(user, **headers):
        client = Client(headers=headers)
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return browse


@pytest.fixture
def browser(browse, person):
    return browse(person)


@pytest.fixture
def add_entry(person, organisation):
    """Store an entry of an hour that ends at noon, unless told otherwise."""

    def add_entry(**fields):
        values = {
            "person": person,
            "organisation": organisation,
            "started_at": NOON - timedelta(hours=1),
            "ended_at": NOON,
        }
        return TimeEntry.objects.create(**values | fields)

    return add_entry


@pytest.fixture
def events_of():
    """The types of events that a person's pages were told, oldest first."""

    def events_of(user):
        return list(Event.objects.filter(stream=f"user:{user.pk}").order_by("offset").values_list("type", flat=True))

    return events_of
