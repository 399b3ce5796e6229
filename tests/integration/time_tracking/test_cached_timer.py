"""The running timer is read through the cache, and is never older than the page's position."""

from __future__ import annotations

from itertools import count

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from caches import ALL_TIERS, as_default, redis_url, shared_redis
from real_databases import BOTH_DATABASES
from workstate.apps.accounts.models import Membership, Organisation, User
from workstate.apps.time_tracking.models import Project
from workstate.apps.time_tracking.selectors import find_running_timer
from workstate.apps.time_tracking.services import entries, timers
from workstate.core import live

__all__ = ["redis_url", "shared_redis"]

pytestmark = [BOTH_DATABASES, ALL_TIERS]
people = count(1)


@pytest.fixture(autouse=True)
def default(database, redis_url, settings):
    """The cache that timers are read through."""
    with as_default(settings, redis_url) as cache:
        yield cache


@pytest.fixture
def organisation(default):
    return Organisation.objects.create(name="Northside Facilities")


@pytest.fixture
def person(organisation):
    user = User.objects.create(email=f"priya{next(people)}@example.com")
    Membership.objects.create(organisation=organisation, user=user, role=Membership.Role.MEMBER)
    return user


@pytest.fixture
def see(person, organisation):
    """What a page that is rendered now shows of the timer."""

    def see(position=None):
        position = position or live.position(f"user:{person.pk}")
        return find_running_timer(person=person, organisation=organisation, position=position)

    return see


def test_page_shows_the_timer_as_it_is_whatever_is_kept(see, person, organisation):
    project = Project.objects.create(organisation=organisation, name="Boilers")
    assert see() is None

    first = timers.start_timer(person=person, organisation=organisation, description="Boiler 4", project=project).entry
    assert (see(), see().project, see().started_at) == (first, project, first.started_at)

    entries.change_entry(first, description="Boiler 5", project=None)
    assert (see().description, see().project) == ("Boiler 5", None)

    second = timers.start_timer(person=person, organisation=organisation, description="Pump").entry
    assert see() == second

    timers.discard_timer(person=person, organisation=organisation, public_id=second.public_id)
    assert see() is None


def test_kept_timer_costs_no_query_while_redis_is_there(see, person, organisation, default):
    timers.start_timer(person=person, organisation=organisation, description="Boiler 4")
    position = live.position(f"user:{person.pk}")
    entry = see(position)
    with CaptureQueriesContext(connection) as queries:
        assert see(position) == entry
    asked = [query["sql"] for query in queries if "time_tracking" in query["sql"]]
    assert bool(asked) is not default.is_in_redis


def test_timer_of_another_person_or_organisation_is_not_found(see, person, organisation):
    timers.start_timer(person=person, organisation=organisation, description="Boiler 4")
    position = live.position(f"user:{person.pk}")
    see(position)
    elsewhere = Organisation.objects.create(name="Southbank Care")
    other = User.objects.create(email=f"eve{next(people)}@example.com")
    assert find_running_timer(person=person, organisation=elsewhere, position=position) is None
    assert find_running_timer(person=other, organisation=organisation, position=position) is None


def test_restored_timer_can_be_changed(see, person, organisation):
    timers.start_timer(person=person, organisation=organisation, description="Boiler 4")
    see()
    entries.change_entry(see(), description="Boiler 6", project=None)
    assert see().description == "Boiler 6"
