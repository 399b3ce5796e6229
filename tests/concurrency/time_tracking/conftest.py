"""Real databases, people in them, and many threads that do something at the same moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from workstate.apps.accounts.models import Membership, Organisation, User


@pytest.fixture
def organisation(database):
    return Organisation.objects.create(name="Northside Facilities")


@pytest.fixture
def person(organisation):
    user = User.objects.create(email="priya@example.com", time_zone="Europe/Berlin")
    Membership.objects.create(organisation=organisation, user=user, role=Membership.Role.ADMINISTRATOR)
    return user


@pytest.fixture
def at_once():
    """Run functions in threads that set off together; return what they returned, errors included."""

    def at_once(*functions):
        barrier = threading.Barrier(len(functions))

        def run(function):
            barrier.wait()
            try:
                return function()
            finally:
                connection.close()

        with ThreadPoolExecutor(len(functions)) as pool:
            return [future.result() for future in [pool.submit(run, function) for function in functions]]

    return at_once
