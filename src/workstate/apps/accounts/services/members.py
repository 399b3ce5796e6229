"""Who belongs to an organisation, and what they may do there.

Rights are changed under a lock on the organisation's row (on SQLite: under the one write lock that
`BEGIN IMMEDIATE` takes), so that two requests can't remove each other's last administrator.
"""

from __future__ import annotations

from django.db import transaction

from workstate.apps.accounts.errors import AlreadyMemberError, LastAdministratorError
from workstate.apps.accounts.models import Membership, Organisation, User
from workstate.core import live


@transaction.atomic(durable=True)
def invite_member(*, organisation: Organisation, email: str, name: str, role: Membership.Role) -> Membership:
    """Bring a person into the team, making them when nobody has that address.

    A new person has no password until they set one through their link. Raises AlreadyMemberError.
    """
    first_name, _, last_name = name.strip().partition(" ")
    user, is_new_person = User.objects.get_or_create(
        email=User.objects.normalize_email(email).lower(),
        defaults={"first_name": first_name, "last_name": last_name.strip()},
    )
    if is_new_person:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    membership, joined = Membership.objects.get_or_create(
        organisation=organisation,
        user=user,
        defaults={"role": role},
    )
    if not joined:
        raise AlreadyMemberError(user.email)
    return membership


@transaction.atomic(durable=True)
def change_role(*, membership: Membership, role: Membership.Role) -> Membership:
    """Give a member another role. Raises LastAdministratorError; Membership.DoesNotExist when they have left."""
    locked = _lock_membership(membership)
    if role != Membership.Role.ADMINISTRATOR:
        _keep_an_administrator_besides(locked)
    locked.role = role
    locked.save(update_fields=["role"])
    live.report_rights_changed(locked.user_id)
    return locked


@transaction.atomic(durable=True)
def remove_member(*, membership: Membership) -> None:
    """Take a person out of the team; what they did stays. Raises as `change_role` does."""
    locked = _lock_membership(membership)
    _keep_an_administrator_besides(locked)
    locked.delete()
    live.report_rights_changed(locked.user_id)


def _lock_membership(membership: Membership) -> Membership:
    Organisation.objects.select_for_update().get(pk=membership.organisation_id)
    return Membership.objects.select_related("user").get(pk=membership.pk)


def _keep_an_administrator_besides(membership: Membership) -> None:
    if not membership.is_administrator:
        return
    others = Membership.objects.filter(organisation_id=membership.organisation_id).exclude(pk=membership.pk)
    if not others.administering().exists():
        raise LastAdministratorError
