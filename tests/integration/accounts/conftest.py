"""People in two organisations, and browsers they are signed in with."""

from __future__ import annotations

import pytest
from django.test import Client

from workstate.apps.accounts.models import Membership, Organisation, User

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def organisation(db):
    return Organisation.objects.create(name="Northside Facilities")


@pytest.fixture
def other_organisation(db):
    return Organisation.objects.create(name="Southbank Care")


@pytest.fixture
def join():
    """Make a person and let them join an organisation."""

    def join(organisation, email, role=Membership.Role.MEMBER):
        user = User.objects.create_user(email=email, password=PASSWORD)
        return Membership.objects.create(organisation=organisation, user=user, role=role)

    return join


@pytest.fixture
def administrator(join, organisation):
    return join(organisation, "amina@example.com", Membership.Role.ADMINISTRATOR)


@pytest.fixture
def member(join, organisation):
    return join(organisation, "tom@example.com")


@pytest.fixture
def stranger(join, other_organisation):
    return join(other_organisation, "eve@example.com", Membership.Role.ADMINISTRATOR)


@pytest.fixture
def signed_in():
    """A browser that a person is signed in with."""

    def signed_in(membership):
        client = Client()
        client.force_login(membership.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return signed_in
