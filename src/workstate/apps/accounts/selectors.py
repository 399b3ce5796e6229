"""What pages ask about people and teams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workstate.apps.accounts.models import Membership, Organisation, User

if TYPE_CHECKING:
    from django.db.models import QuerySet


def find_membership(*, user: User, organisation_id: int | None) -> Membership | None:
    """Return the membership in the organisation that was chosen, else in the one joined first."""
    memberships = Membership.objects.of(user).select_related("organisation").order_by("created_at", "id")
    if organisation_id is not None:
        chosen = memberships.filter(organisation_id=organisation_id).first()
        if chosen is not None:
            return chosen
    return memberships.first()


def list_members(*, organisation: Organisation) -> QuerySet[Membership]:
    """Return the people of an organisation by name."""
    return (
        Membership.objects.in_organisation(organisation)
        .select_related("user")
        .order_by("user__first_name", "user__last_name", "user__email")
    )


def get_member(*, organisation: Organisation, membership_id: int) -> Membership:
    """Return a member of this organisation; raises Membership.DoesNotExist for anyone else's."""
    return Membership.objects.in_organisation(organisation).select_related("user").get(pk=membership_id)


def list_organisations(*, user: User) -> QuerySet[Organisation]:
    """Return the organisations that a person belongs to, by name."""
    return Organisation.objects.filter(memberships__user=user).order_by("name", "id")


def may_follow_organisation(user: User, organisation_id: str) -> bool:
    """Tell whether the live events of an organisation are for this person."""
    own = Membership.objects.of(user).values_list("organisation_id", flat=True)
    return organisation_id in {str(each) for each in own}


def belongs_elsewhere(*, membership: Membership) -> bool:
    """Tell whether the person belongs to another organisation as well."""
    return Membership.objects.of(membership.user).exclude(pk=membership.pk).exists()
