"""The first person of an installation."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.db import connection, transaction

from workstate.apps.accounts.models import Membership, Organisation, User

GENERATED_PASSWORD_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAdministrator:
    """The person who was made at the first start; the password is stored nowhere and told once."""

    user: User
    organisation: Organisation
    password: str

    @property
    def email(self) -> str:
        """What they sign in with."""
        return self.user.email


@transaction.atomic(durable=True)
def ensure_first_administrator(*, email: str, organisation_name: str) -> FirstAdministrator | None:
    """Make an organisation and its administrator in an installation without people; return None in any other.

    Two starts at the same moment make one administrator: the second waits for the first.
    """
    _lock_people()
    if User.objects.exists():
        return None
    password = generate_password()
    organisation = Organisation.objects.create(name=organisation_name)
    user = User.objects.create_superuser(email=email, password=password)
    Membership.objects.create(organisation=organisation, user=user, role=Membership.Role.ADMINISTRATOR)
    return FirstAdministrator(user=user, organisation=organisation, password=password)


def generate_password() -> str:
    """Return a password with 96 bits of chance, to be told to one person once."""
    return secrets.token_urlsafe(GENERATED_PASSWORD_BYTES)


def _lock_people() -> None:
    """Make other writers of people wait until this transaction ends; SQLite does so by itself."""
    if connection.vendor == "postgresql":
        table = connection.ops.quote_name(User._meta.db_table)  # noqa: SLF001 - Django documents _meta as public
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
