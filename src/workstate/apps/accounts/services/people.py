"""What people change about themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

if TYPE_CHECKING:
    from workstate.apps.accounts.models import User


@transaction.atomic(durable=True)
def change_profile(*, user: User, first_name: str, last_name: str, time_zone: str) -> User:
    """Change what a person may change about themselves."""
    user.first_name = first_name
    user.last_name = last_name
    user.time_zone = time_zone
    user.save(update_fields=["first_name", "last_name", "time_zone"])
    return user
