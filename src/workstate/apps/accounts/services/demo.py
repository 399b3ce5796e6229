"""People for trying the product out."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from workstate.apps.accounts.models import Membership, Organisation, User
from workstate.apps.accounts.services.installation import generate_password

ORGANISATION_NAME = "Northside Facilities"
TIME_ZONE = "Europe/London"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Someone in the demo team."""

    first_name: str
    last_name: str
    role: Membership.Role

    @property
    def email(self) -> str:
        """An address that can't belong to anyone: `example` is reserved."""
        return f"{self.first_name}.{self.last_name}@northside.example".lower()


PEOPLE = (
    Person(first_name="Amina", last_name="Okafor", role=Membership.Role.ADMINISTRATOR),
    Person(first_name="Jonas", last_name="Lindqvist", role=Membership.Role.MANAGER),
    Person(first_name="Priya", last_name="Raman", role=Membership.Role.MEMBER),
    Person(first_name="Tom", last_name="Whitfield", role=Membership.Role.MEMBER),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPeople:
    """The demo team; `password` is the one of everyone who was made just now, None when nobody was."""

    organisation: Organisation
    administrator: User
    members: list[User]
    password: str | None


@transaction.atomic(durable=True)
def load_demo_people(*, password: str | None = None) -> DemoPeople:
    """Make the people of the demo team who are not there yet; those who are keep their passwords and roles."""
    password = password or generate_password()
    organisation, _ = Organisation.objects.get_or_create(name=ORGANISATION_NAME)
    made = [_ensure_person(person, organisation, password) for person in PEOPLE]
    administrator, *members = [user for user, _ in made]
    return DemoPeople(
        organisation=organisation,
        administrator=administrator,
        members=members,
        password=password if any(is_new for _, is_new in made) else None,
    )


def _ensure_person(person: Person, organisation: Organisation, password: str) -> tuple[User, bool]:
    user = User.objects.filter(email=person.email).first()
    is_new = user is None
    if user is None:
        user = User.objects.create_user(
            email=person.email,
            password=password,
            first_name=person.first_name,
            last_name=person.last_name,
            time_zone=TIME_ZONE,
            is_staff=person.role == Membership.Role.ADMINISTRATOR,
        )
    Membership.objects.get_or_create(organisation=organisation, user=user, defaults={"role": person.role})
    return user, is_new
