"""The words in which questions about members are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import models

if TYPE_CHECKING:
    from workstate.apps.accounts.models import Membership, Organisation, User  # noqa: F401 - the base class names Membership


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Memberships, chosen by whose they are and what they allow."""

    def in_organisation(self, organisation: Organisation) -> Self:
        """Keep those of one organisation."""
        return self.filter(organisation=organisation)

    def of(self, user: User) -> Self:
        """Keep those of one person."""
        return self.filter(user=user)

    def administering(self) -> Self:
        """Keep administrators who can sign in: active, and with a password set."""
        return self.filter(role=self.model.Role.ADMINISTRATOR, user__is_active=True).exclude(
            user__password__startswith=UNUSABLE_PASSWORD_PREFIX,
        )
