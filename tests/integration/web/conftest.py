from __future__ import annotations

import pytest
from django.test import Client

from webbench.addresses import list_addresses
from workstate.apps.accounts import services
from workstate.apps.accounts.models import Membership


@pytest.fixture
def administrator(db, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    first = services.ensure_first_administrator(email="amina@example.com", organisation_name="Northside Facilities")
    return Membership.objects.get(user=first.user)


@pytest.fixture
def browser(administrator):
    """A browser that an administrator is signed in with."""
    client = Client(raise_request_exception=False)
    client.force_login(administrator.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.fixture
def pages(client, browser):
    """Every page of the product as an administrator and as a stranger see it: (whose and where, response)."""
    viewers = {"administrator": browser, "stranger": client}
    answers = {
        f"{viewer} at {address}": viewers[viewer].get(address)
        for viewer in viewers
        for address in [*list_addresses(), "/nothing/here/"]
    }
    broken = [name for name, response in answers.items() if response.status_code >= 500]
    assert not broken
    return [(name, response) for name, response in answers.items() if is_page(response)]


def is_page(response):
    return response.headers.get("Content-Type", "").startswith("text/html") and not (
        response.has_header("Location") or response.status_code == 405
    )
