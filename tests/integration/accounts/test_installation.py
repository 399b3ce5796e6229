import pytest

from workstate.apps.accounts import services
from workstate.apps.accounts.models import Membership, Organisation, User

pytestmark = pytest.mark.django_db


def start():
    return services.ensure_first_administrator(email="Admin@Example.com", organisation_name="Northside")


def test_the_first_start_makes_an_administrator_and_tells_the_password():
    first = start()
    assert first.user.check_password(first.password)
    assert first.email == "admin@example.com"
    assert Membership.objects.get(user=first.user).is_administrator


def test_later_starts_change_nothing():
    first = start()
    assert start() is None
    first.user.refresh_from_db()
    assert first.user.check_password(first.password)


def test_the_demo_has_an_administrator_and_three_others():
    people = services.load_demo_people()
    assert people.organisation.name == "Northside Facilities"
    assert len(people.members) == 3
    assert all(user.check_password(people.password) for user in [people.administrator, *people.members])


def test_the_demo_is_loaded_once():
    first, second = services.load_demo_people(), services.load_demo_people()
    assert second.password is None
    assert second.administrator == first.administrator
    assert (User.objects.count(), Organisation.objects.count()) == (4, 1)
