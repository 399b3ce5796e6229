"""Two requests, or two starts, at the same moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from real_databases import BOTH_DATABASES
from workstate.apps.accounts import services
from workstate.apps.accounts.errors import LastAdministratorError
from workstate.apps.accounts.models import Membership, Organisation, User

ROUNDS = 5


@pytest.fixture(autouse=True)
def quick_passwords(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def at_once(*actions):
    """Run the actions in threads that begin together; return what each returned or raised."""
    barrier = threading.Barrier(len(actions))

    def run(action):
        connection.ensure_connection()
        barrier.wait()
        try:
            return action()
        except LastAdministratorError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def two_administrators(name):
    organisation = Organisation.objects.create(name=name)
    return [
        Membership.objects.create(
            organisation=organisation,
            user=User.objects.create(email=f"{side}@{name}.example", password="md5$x$y"),
            role=Membership.Role.ADMINISTRATOR,
        )
        for side in ("left", "right")
    ]


def remove(membership):
    return lambda: services.remove_member(membership=membership)


def demote(membership):
    return lambda: services.change_role(membership=membership, role=Membership.Role.MEMBER)


@BOTH_DATABASES
@pytest.mark.parametrize(("first", "second"), [(remove, remove), (remove, demote), (demote, demote)])
def test_two_administrators_who_end_each_other_leave_one(database, first, second):
    for number in range(ROUNDS):
        left, right = two_administrators(f"team{number}")
        outcomes = at_once(first(left), second(right))
        assert sum(isinstance(outcome, LastAdministratorError) for outcome in outcomes) == 1
        left_over = Membership.objects.filter(organisation=left.organisation, role=Membership.Role.ADMINISTRATOR)
        assert left_over.count() == 1


@BOTH_DATABASES
def test_two_first_starts_make_one_administrator(database):
    for _ in range(ROUNDS):
        starts = at_once(
            *(
                lambda name=name: services.ensure_first_administrator(
                    email=f"{name}@example.com", organisation_name=name
                )
                for name in ("left", "right")
            )
        )
        assert [start is None for start in starts].count(False) == 1
        assert (User.objects.count(), Organisation.objects.count()) == (1, 1)
        User.objects.all().delete()
        Organisation.objects.all().delete()
